"""Several servers of one model: which one a conversation goes to, and where it goes on."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import httpx2 as httpx
from livekit.agents import APIError, APIStatusError

from .._server.server import Server
from ..log import logger
from .context import ContextFitter
from .refused_fields import RefusedFields

# A failed server is passed over for two checks: a restart takes longer, a hiccup less.
_CHECK_EVERY = 2.0
_CHECK_TIMEOUT = 1.0
_DOWN_FOR = 4.0
# One that refuses is healthy by every check: it is left alone until somebody may have mended it.
_REFUSES_FOR = 30.0
_REMEMBERED = 4096
# A prompt refused as too long is estimated 25 % longer each time: four make 2.4 times. A
# server that knows none of vLLM's fields refuses them one after another, four in all.
MOST_ADAPTATIONS = 8

_T = TypeVar("_T")

_TOO_LONG = re.compile(
    r"context (length|size|window)|maximum model length|max_model_len|longer than the maximum"
    r"|(prompt|input) is too long|too many tokens|exceeds? .*\bcontext\b",
    re.I,
)
_NO_PRIORITIES = re.compile(r"priority.*not enabled", re.I)
_UNKNOWN_MODEL = re.compile(
    r"\bmodel\b.*(does not exist|not found|not available|unknown|not served|not loaded)"
    r"|(unknown|invalid|no such) model|model_not_found",
    re.I,
)
# What a server refuses for its own sake: its key, its address, its model, its limits, its load.
# The same request may well pass on another one.
_OWN_REFUSALS = frozenset(
    {401, 402, 403, 404, 405, 407, 408, 409, 413, 421, 423, 425, 426, 429, 431, 451}
)
_IN_USE = re.compile(r"^vllm:num_requests_(?:running|waiting)(?:\{[^}]*\})? ([0-9.e+]+)", re.M)


@dataclass(eq=False)
class Replica:
    """One server and what is known of it.

    Attributes:
        server: The server.
        fitter: Fits prompts to the context of its model.
        in_flight: Requests from this process in progress.
        reported: Requests from everybody in progress, as the server reports.
        down_until: Time on the event loop's clock when it may be tried again, in seconds.
        refuses_until: The same, after it refused on its own account.
        refused_model: The model that it said it does not have; None since a reply came.
        priorities: Whether it schedules by priority, as far as is known.
        fields: The fields of a request that it does not know.
    """

    server: Server
    fitter: ContextFitter = field(init=False)
    fields: RefusedFields = field(init=False)
    in_flight: int = 0
    reported: int = 0
    down_until: float = 0.0
    refuses_until: float = 0.0
    refused_model: str | None = None
    priorities: bool = True

    def __post_init__(self) -> None:
        self.fitter = ContextFitter(self.server.base_url)
        self.fields = RefusedFields(self.server.base_url)

    def adapt(self, error: APIError) -> bool:
        """Learn from a refusal, and return whether that will change the next request."""
        if not isinstance(error, APIStatusError) or not 400 <= error.status_code < 500:
            return False
        if _TOO_LONG.search(error.message):
            self.fitter.overflowed(error.message)
            return True
        if self.priorities and _NO_PRIORITIES.search(error.message):
            self.priorities = False
            logger.warning("priorities left out", extra={"reason": error.message})
            return True
        if self.fields.learn(error.message):
            return True
        if not _UNKNOWN_MODEL.search(error.message):
            return False
        # The server may have been restarted with another model. If it still lists the same one
        # that it refuses, asking again changes nothing.
        known = ",".join(sorted(self.server.known_ids))
        again, self.refused_model = self.refused_model == known, known
        return self.server.forget() and not again

    async def adapting(self, send: Callable[[], Awaitable[_T]]) -> _T:
        """Do background work again while refusals teach what to change; other failures end it."""
        for _ in range(MOST_ADAPTATIONS):
            try:
                return await send()
            except APIError as e:
                if not self.adapt(e):
                    raise
        return await send()

    def passes_over(self, now: float) -> bool:
        """Whether it is not to be asked while another one can be."""
        return max(self.down_until, self.refuses_until) > now


def is_own_refusal(error: APIError) -> bool:
    """Whether a refusal is about the server rather than about what it was asked."""
    return isinstance(error, APIStatusError) and error.status_code in _OWN_REFUSALS


class ServerPool:
    """Chooses a server: the one that has the conversation's prefix cached, or the least loaded.

    Args:
        servers: The servers, at least one. If there are several, they are asked for their health
            and load every 2 s from the first request on.
    """

    def __init__(self, servers: Sequence[Server]) -> None:
        self.replicas = [Replica(server) for server in servers]
        self._homes: OrderedDict[str, Replica] = OrderedDict()
        self._watch: asyncio.Task[None] | None = None

    def choose(self, conversation: str | None, tried: Collection[Replica] = ()) -> Replica | None:
        """The server to ask next, or None if all were tried.

        Args:
            conversation: Id shared by every request of a conversation.
            tried: Servers that have failed this request.
        """
        self._start()
        now = asyncio.get_running_loop().time()
        left = [r for r in self.replicas if r not in tried]
        if not left:
            return None
        home = self._homes.get(conversation) if conversation else None
        if home in left and not home.passes_over(now):
            chosen = home
        else:
            # A server that is down is better than none: it may just have come back.
            up = [r for r in left if not r.passes_over(now)] or left
            chosen = min(up, key=lambda r: max(r.reported, r.in_flight))
        if conversation:
            self._homes[conversation] = chosen
            self._homes.move_to_end(conversation)
            if len(self._homes) > _REMEMBERED:
                self._homes.popitem(last=False)
        return chosen

    def failed(self, replica: Replica) -> None:
        """Pass over a server that did not answer, until it is healthy again."""
        if len(self.replicas) > 1:
            replica.down_until = asyncio.get_running_loop().time() + _DOWN_FOR
            logger.warning("server passed over", extra={"url": replica.server.base_url})

    def refused(self, replica: Replica) -> None:
        """Pass over a server that refuses what others may take."""
        if len(self.replicas) > 1:
            replica.refuses_until = asyncio.get_running_loop().time() + _REFUSES_FOR
            logger.warning(
                "server that refuses passed over", extra={"url": replica.server.base_url}
            )

    async def check(self, replica: Replica) -> None:
        """Ask a server for its health and load."""
        try:
            health = await replica.server.get("/health", timeout=_CHECK_TIMEOUT)
            healthy = health.status_code != 503
            replica.reported = await self._load(replica.server)
        except httpx.HTTPError:
            healthy = False
        now = asyncio.get_running_loop().time()
        replica.down_until = 0.0 if healthy else now + _DOWN_FOR

    async def aclose(self) -> None:
        """Stop checking the servers. May be called twice."""
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)

    def _start(self) -> None:
        if len(self.replicas) > 1 and self._watch is None:
            self._watch = asyncio.create_task(self._check_always(), name="vllm-health")

    async def _check_always(self) -> None:
        while True:
            await asyncio.gather(*(self.check(replica) for replica in self.replicas))
            await asyncio.sleep(_CHECK_EVERY)

    @staticmethod
    async def _load(server: Server) -> int:
        answer = await server.get("/metrics", timeout=_CHECK_TIMEOUT)
        counts = _IN_USE.findall(answer.text) if answer.status_code == 200 else []
        if counts:
            with contextlib.suppress(ValueError, OverflowError):
                return round(sum(float(count) for count in counts))
        # Only a server with --enable-server-load-tracking counts here; others say 0.
        answer = await server.get("/load", timeout=_CHECK_TIMEOUT)
        try:
            return int(answer.json()["server_load"])
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
            return 0

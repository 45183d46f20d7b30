"""A reply, in as many attempts as it takes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Literal

import httpx2 as httpx
from livekit.agents import (
    APIConnectionError,
    APIConnectOptions,
    APIError,
    APIStatusError,
    APITimeoutError,
    llm,
)

from .._server.circuit import Circuit, wait_before_second
from .._server.errors import BusyError
from .._server.served import Answered, Failed, kind_of
from .._server.server import Server
from ..log import logger
from .attempt import Attempt, BegunAnewError, Reply
from .pool import MOST_ADAPTATIONS, Replica, ServerPool, is_own_refusal
from .request import Request
from .summary import Summarizer

# Seconds for which a server that is gone is looked out for before each of LiveKit's attempts, the
# first of which tells that it is. With LiveKit's own pauses, one that restarts within 10 s answers.
_LOOKOUT = (0.0, 2.0, 4.0)
_LOOK_EVERY = 0.25


class _Once:
    """Calls something the first time that it is called."""

    def __init__(self, do: Callable[[], None]) -> None:
        self._do = do
        self._done = False

    def __call__(self) -> None:
        if not self._done:
            self._done = True
            self._do()


@dataclass(eq=False)
class Choice:
    """Servers of one model that may be asked for a reply.

    Attributes:
        number: 0 for the first choice, 1 for the second.
        model: Name of the model; None for the first that a server lists.
        pool: The servers.
        summarizer: Keeps notes of turns that no longer fit; None for no notes.
        circuit: Open while they are left alone.
        build: Puts the request together.
        answered: Called with the address of the server that a reply begins to come from.
    """

    number: int
    model: str | None
    pool: ServerPool
    summarizer: Summarizer | None
    circuit: Circuit
    build: Callable[[], Request]
    answered: Callable[[str], None]
    adaptations: int = field(default=0, init=False)


class LLMStream(llm.LLMStream):
    """A reply from a vLLM server.

    Closing it, or cancelling the task that reads it, closes the HTTP stream at once, and the
    server stops generating. A failure before the first word is tried again, on another server if
    there is one. After it the reply is continued where it broke off; no word is repeated.
    """

    def __init__(
        self,
        vllm: llm.LLM[Any],
        *,
        choices: Sequence[Choice],
        chat_ctx: llm.ChatContext,
        tools: list[llm.Tool],
        conn_options: APIConnectOptions,
    ) -> None:
        super().__init__(vllm, chat_ctx=chat_ctx, tools=tools, conn_options=conn_options)
        self._vllm = vllm
        self._choices = choices
        self._requests: dict[Choice, Request] = {choices[0]: choices[0].build()}
        self._reply = Reply()
        self._runs = 0
        self._waited = 0.0  # seconds for which a server asked to be left alone

    async def _run(self) -> None:
        # LiveKit calls this again, after a pause, for as long as the error is retryable.
        self._runs += 1
        # The second choice comes first while the first one fails.
        order = sorted(self._choices, key=lambda choice: choice.circuit.open)
        failed: APIError | None = None
        for choice in order:
            last = choice is order[-1]
            try:
                await self._ask(choice, last=last)
            except APIError as error:
                choice.circuit.failed()
                if last:
                    # One that may be well in a moment is worth another attempt.
                    raise failed if failed and failed.retryable else error from None
                failed = error
                logger.warning("asking the second choice", extra={"reason": error.message})
            else:
                choice.circuit.succeeded()
                return

    async def _ask(self, choice: Choice, *, last: bool) -> None:
        """Have the reply from one model's servers."""
        request = self._requests.get(choice) or choice.build()
        self._requests[choice] = request
        if not last:
            wait = min(request.first_token_timeout, wait_before_second(self._conn_options))
            request = replace(request, first_token_timeout=wait, patient=False, hurried=True)
        tried: set[Replica] = set()
        while True:
            replica = choice.pool.choose(request.conversation, tried)
            assert replica is not None  # _remedy does not ask for another when none is left
            begins = _Once(partial(self._begins, choice, replica, another_failed=bool(tried)))

            def give(chunk: llm.ChatChunk, begins: _Once = begins) -> None:
                begins()
                self._event_ch.send_nowait(chunk)

            attempt = Attempt(
                replica, request, self._reply, give=give, summarizer=choice.summarizer
            )
            replica.in_flight += 1
            try:
                await attempt.run()
            except APIError as error:
                if self._reply.calls:
                    self._failed(choice, replica, error)
                    # The result of the call leads to the next reply; a repeat would call twice.
                    logger.warning("reply broke off after a tool call", exc_info=error)
                    attempt.give_up()
                    return
                if not await self._remedy(error, choice, replica, tried, last=last):
                    raise
            else:
                replica.refused_model = None
                begins()  # an answer without a word is one, too
                return
            finally:
                replica.in_flight -= 1
                if attempt.report is not None:
                    self._vllm.emit("request_finished", attempt.report)

    async def _remedy(
        self,
        error: APIError,
        choice: Choice,
        replica: Replica,
        tried: set[Replica],
        *,
        last: bool,
    ) -> bool:
        """Change what was wrong, and return whether to try again at once."""
        if choice.adaptations < MOST_ADAPTATIONS and replica.adapt(error):
            choice.adaptations += 1
            return True
        self._failed(choice, replica, error)
        tried.add(replica)
        left = len(tried) < len(choice.pool.replicas)
        if not error.retryable:
            if left and (is_own_refusal(error) or isinstance(error, BegunAnewError)):
                choice.pool.refused(replica)
                return True
            return False
        choice.pool.failed(replica)
        if left:
            return True
        if not last:
            return False
        if isinstance(error, BusyError):
            self._waited += error.retry_after
            if self._waited > self._conn_options.timeout:
                error.retryable = False
            else:
                await asyncio.sleep(error.retry_after)
        elif _is_gone(error) and await self._came_back(replica.server):
            tried.clear()
            return True
        return False

    def _begins(self, choice: Choice, replica: Replica, *, another_failed: bool) -> None:
        choice.answered(replica.server.base_url)
        instead: Literal["server", "model"] | None = "server" if another_failed else None
        answered = Answered(
            **_where(choice, replica), instead_of="model" if choice.number else instead
        )
        self._vllm.emit("server_answered", answered)

    def _failed(self, choice: Choice, replica: Replica, error: APIError) -> None:
        failed = Failed(**_where(choice, replica), kind=kind_of(error), error=error)
        self._vllm.emit("server_failed", failed)

    async def _came_back(self, server: Server) -> bool:
        """Look out for a server that is gone; whether it came back in the meantime."""
        clock = asyncio.get_running_loop().time
        lookout = _LOOKOUT[min(self._runs, len(_LOOKOUT)) - 1]
        until = clock() + min(lookout, self._conn_options.timeout / 2)
        gone = False
        while clock() + _LOOK_EVERY <= until:
            await asyncio.sleep(_LOOK_EVERY)
            try:
                answer = await server.get("/health", timeout=max(0.05, until - clock()))
                back = answer.status_code not in (502, 503, 504)
            except httpx.HTTPError:
                back = False
            if back:
                return gone  # one that was never gone has failed at the reply itself
            gone = True
        return False


def _where(choice: Choice, replica: Replica) -> dict[str, Any]:
    known = replica.server.known(choice.model)
    return {
        "url": replica.server.base_url,
        "model": known.id if known else choice.model or "unknown",
        "choice": choice.number,
        "server": choice.pool.replicas.index(replica),
    }


def _is_gone(error: APIError) -> bool:
    """Whether nothing answers any more, rather than too late."""
    if isinstance(error, APIStatusError):
        return error.status_code in (502, 503, 504)  # it loads, or something stands before it
    return isinstance(error, APIConnectionError) and not isinstance(error, APITimeoutError)

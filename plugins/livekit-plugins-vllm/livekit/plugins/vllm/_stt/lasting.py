"""The recognition of one utterance that outlives its connection and its server."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from livekit.agents import APIConnectionError, APIError, APIStatusError, APITimeoutError, stt
from livekit.agents.utils import aio

from .._server.circuit import Circuit
from .._server.served import Answered, Failed, kind_of
from ..log import logger
from .connection import Connection
from .recognition import (
    BYTES_PER_SECOND,
    Recognition,
    RecognitionOptions,
    Transcript,
    Transport,
)

# Refusals after which the server is asked anew what it has and offers.
_CHANGED = frozenset({401, 403, 404, 405, 426, 501})


@dataclass(eq=False)
class Route:
    """One of the servers that may be asked."""

    connection: Connection
    circuit: Circuit = field(default_factory=Circuit)


class Routes:
    """The servers that may be asked, the first choice first.

    Args:
        connections: At least one.
        on_answered: Is told of each that has recognised something.
        on_failed: Is told of each that has failed to.
    """

    def __init__(
        self,
        connections: Sequence[Connection],
        *,
        on_answered: Callable[[Answered], None] = lambda _: None,
        on_failed: Callable[[Failed], None] = lambda _: None,
    ) -> None:
        self._routes = [Route(connection) for connection in connections]
        self._on_answered = on_answered
        self._on_failed = on_failed
        self.last = self._routes[0]
        """The one that answered last."""

    @property
    def order(self) -> list[Route]:
        """The servers in the order in which to ask them now: those that failed come last."""
        return sorted(self._routes, key=lambda route: route.circuit.open)

    def answered(self, route: Route) -> None:
        """One of them has recognised something."""
        route.circuit.succeeded()
        self.last = route
        where = self._where(route)
        self._on_answered(Answered(**where, instead_of="model" if where["choice"] else None))

    def failed(self, route: Route, error: APIError) -> None:
        """One of them has failed to."""
        self._on_failed(Failed(**self._where(route), kind=kind_of(error), error=error))

    def _where(self, route: Route) -> dict[str, Any]:
        connection = route.connection
        return {
            "url": connection.url,
            "model": connection.model,
            "choice": self._routes.index(route),
            "server": 0,  # each has one
        }

    def forget(self) -> None:
        """Ask every server anew what it has."""
        for route in self._routes:
            route.connection.forget()


def is_about_the_audio(error: APIError) -> bool:
    """Whether a refusal may be about this utterance alone: its length, its format, its sound."""
    return isinstance(error, APIStatusError) and error.status_code in (400, 413, 415, 422)


class LastingRecognition:
    """One utterance: its audio is kept, and sent to whoever may recognise it.

    Args:
        routes: The servers.
        options: What is expected; the time-out is that of all servers together.
        first_wait: Seconds of it that the first server may take if there is another.
        on_partial: Called with the text so far, where the server streams it.
    """

    def __init__(
        self,
        routes: Routes,
        options: RecognitionOptions,
        *,
        first_wait: float,
        on_partial: Callable[[str], None] | None = None,
    ) -> None:
        self._routes = routes
        self._options = options
        self._first_wait = first_wait
        self._on_partial = on_partial
        self._pcm = bytearray()
        self._opened: dict[Route, tuple[Transport, Recognition]] = {}
        self._first = routes.order[0]
        self._opening = asyncio.create_task(self._begin(), name="vllm.STT.open")
        self.usage = stt.RecognitionUsage(audio_duration=0.0)
        """What was asked of the servers in all: the audio of each request, given up or failed ones
        too, and the tokens of those that were answered."""

    @property
    def audio(self) -> bytes:
        """All of it: PCM16, 16 kHz, mono."""
        return bytes(self._pcm)

    @property
    def options(self) -> RecognitionOptions:
        """What is expected."""
        return self._options

    def push(self, pcm: bytes) -> None:
        """Add audio: PCM16, 16 kHz, mono."""
        self._pcm += pcm
        for _, recognition in self._opened.values():
            recognition.push(pcm)

    async def decode(self) -> Transcript:
        """Recognise everything pushed so far; may be cancelled, and called again.

        Raises:
            APIError: No server recognised it; the audio is kept.
        """
        until = time.monotonic() + self._options.timeout
        order = self._routes.order
        for route in order:
            last = route is order[-1]
            left = max(0.01, until - time.monotonic())
            try:
                heard = await self._decode_on(route, left if last else min(left, self._first_wait))
            except APIError as e:
                self._routes.failed(route, e)
                if is_about_the_audio(e):
                    raise
                route.circuit.failed()
                await self._drop(route, e)
                if last:
                    raise
                logger.warning("asking the second recogniser", extra={"error": str(e)})
            else:
                self._routes.answered(route)
                return heard
        raise AssertionError  # there is a last one

    async def aclose(self) -> None:
        """End the servers' work on the utterance. May be called twice."""
        await aio.cancel_and_wait(self._opening)
        for _, recognition in self._opened.values():
            await recognition.aclose()

    async def _decode_on(self, route: Route, within: float) -> Transcript:
        try:
            async with asyncio.timeout(within):
                if route is self._first and not self._opening.done():
                    await asyncio.wait({self._opening})
                recognition = await self._recognition(route, within)
                self.usage.audio_duration += len(self._pcm) / BYTES_PER_SECOND
                heard = await recognition.decode()
        except TimeoutError:
            raise APITimeoutError(f"no transcript within {within:.3g} s") from None
        self.usage.input_tokens += heard.input_tokens
        self.usage.output_tokens += heard.output_tokens
        return heard

    async def _begin(self) -> None:
        """Open the first choice while the speech goes on: one that streams has the text sooner."""
        with contextlib.suppress(APIError):  # the end of the speech will ask again
            await self._recognition(self._first, self._options.timeout)

    async def _recognition(self, route: Route, within: float) -> Recognition:
        transport = await route.connection.transport(within, wait=False)
        found = self._opened.get(route)
        if found is None or found[0] is not transport:
            if found is not None:
                await found[1].aclose()
            options = replace(self._options, timeout=within)
            recognition = transport.open(options, on_partial=self._on_partial)
            self._opened[route] = transport, recognition
            if self._pcm:
                recognition.push(bytes(self._pcm))
            return recognition
        return found[1]

    async def _drop(self, route: Route, error: APIError) -> None:
        """Begin anew with a server that failed: it may come back as another."""
        changed = isinstance(error, APIStatusError) and error.status_code in _CHANGED
        if changed or isinstance(error, APIConnectionError):
            route.connection.forget()
        if opened := self._opened.pop(route, None):
            await opened[1].aclose()

"""Notices agents that have died, and takes them out of their rooms: nobody is to see one speak."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Self

import aiohttp
from livekit import api

from .book import LAPSE, Call, CallBook, Moment, StoreError

logger = logging.getLogger("parley")

_WELL = 10.0
"""Seconds without a failure after which the next is logged: not each time asks LiveKit, and a time
that did not says nothing of it."""

_LOOK = 0.25
"""Seconds between two looks into the book: half of it is lost, on average, of each call back that
another server has noted as lost."""

_STALL = 1.0
"""Seconds by which a look is late when the machine, or this process, stood still. Everybody else's
signs of life are late as well then, and say nothing until they have had time to come."""


@dataclass(frozen=True)
class Seen:
    """What there was at one look into the book."""

    at: Moment
    calls: dict[str, Call]
    """All calls, by room."""
    lost: list[Call]
    """Those to which an agent is to be called, the longest without one first."""


class DeathWatch:
    """Looks into the book again and again, for as long as its context lasts.

    Args:
        book: The calls in progress; closed by whoever opened it.
        livekit: LiveKit's API.
        on_seen: Awaited with what each look has found.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        book: CallBook,
        livekit: api.LiveKitAPI,
        on_seen: Callable[[Seen], Awaitable[None]] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._book, self._livekit, self._on_seen = book, livekit, on_seen
        self._clock = clock
        self._removed: set[str] = set()
        self._looked = clock()
        self._trusted_from = 0.0
        self._soon = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(every(_LOOK, self.look, self._soon))
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def soon(self) -> None:
        """Look at once, and not only when it is time."""
        self._soon.set()

    async def look(self) -> None:
        """Look once."""
        now = self._clock()
        if now - self._looked > _LOOK + _STALL:
            self._trusted_from = now + LAPSE
        try:
            await self._look(trusting=now >= self._trusted_from)
        finally:
            self._looked = self._clock()

    async def _look(self, *, trusting: bool) -> None:
        at, calls = await self._book.read()
        if trusting:
            for call in calls.values():
                if call.state == "held" and not at.holds(call):
                    calls[call.room] = await self._book.lapse(call)
        lost = sorted((c for c in calls.values() if at.wants(c)), key=lambda call: call.since)
        lost = [call for call in lost if call.state != "held"]
        for call in lost:
            if call.agent and call.agent not in self._removed:
                self._removed.add(call.agent)
                await self._remove(call)
        self._removed &= {call.agent for call in calls.values()}
        if self._on_seen:
            await self._on_seen(Seen(at, calls, lost))

    async def _remove(self, call: Call) -> None:
        logger.warning("an agent has died in its call", extra={"room": call.room})
        with contextlib.suppress(api.TwirpError):  # it has left, or the room is gone
            await self._livekit.room.remove_participant(
                api.RoomParticipantIdentity(room=call.room, identity=call.agent)
            )


async def every(
    period: float, work: Callable[[], Awaitable[None]], soon: asyncio.Event | None = None
) -> None:
    """Do something again and again; what fails is logged once until it has not for some time.

    Args:
        period: Seconds from one time to the next.
        work: What is done.
        soon: Set by whoever does not want to wait for the next time.
    """
    soon = soon or asyncio.Event()
    failed = -math.inf
    while True:
        soon.clear()
        try:
            await work()
        except (StoreError, api.TwirpError, aiohttp.ClientError, TimeoutError) as e:
            now = time.monotonic()
            if now - failed > _WELL:
                logger.warning("calls are not watched", extra={"reason": repr(e)})
            failed = now
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(period):
                await soon.wait()

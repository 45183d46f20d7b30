"""An agent that is left alone in its room: it does not hold the place for long."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from livekit import rtc
from livekit.agents.job import DEFAULT_PARTICIPANT_KINDS

logger = logging.getLogger("parley")

ALONE = 10.0
"""Seconds that an agent waits for somebody in an empty room. A browser takes one or two to enter;
one that has lost its connection is back within 4, or was gone for 20 when LiveKit says so."""


class Alone:
    """Watches who is in a room, and says when nobody was for :data:`ALONE` seconds.

    Args:
        room: The room, connected.
        leave: Called once then.
    """

    def __init__(self, room: rtc.Room, leave: Callable[[], None]) -> None:
        self._room, self._leave = room, leave
        self._timer: asyncio.TimerHandle | None = None
        room.on("participant_connected", self._look)
        room.on("participant_disconnected", self._look)
        self._look()

    async def aclose(self) -> None:
        """Stop watching; may be called twice."""
        self._room.off("participant_connected", self._look)
        self._room.off("participant_disconnected", self._look)
        self._stop()

    def _look(self, *_: object) -> None:
        self._stop()
        people = self._room.remote_participants.values()
        if not any(person.kind in DEFAULT_PARTICIPANT_KINDS for person in people):
            self._timer = asyncio.get_running_loop().call_later(ALONE, self._give_up)

    def _stop(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None

    def _give_up(self) -> None:
        logger.info("nobody is here any more")
        self._leave()

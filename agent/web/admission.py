"""Who may have a ticket now: a cap on rooms, and the rate for each client address."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Protocol

import aiohttp
from limits import RateLimitItemPerMinute
from livekit import api

logger = logging.getLogger("parley.web")

RATE = RateLimitItemPerMinute(12)
"""Tickets per client address. A person who presses the button again and again stays below it."""

JOIN_TIME = 10.0
"""Seconds for which a ticket counts as a room though livekit-server does not list one yet: a
browser takes one or two from its ticket to its room."""

SERVER_TIMEOUT = 3.0
"""Seconds to wait for livekit-server's list of rooms."""


class Full(Exception):
    """Every room is taken."""


class Unreachable(Exception):
    """livekit-server did not answer."""


class Rooms(Protocol):
    """livekit-server's room service, or the part of it that is needed."""

    async def list_rooms(self, list: api.ListRoomsRequest, /) -> api.ListRoomsResponse:
        """Give all rooms."""
        ...


class Admission:
    """Decides before each ticket.

    Args:
        rooms: livekit-server's room service.
        max_rooms: Rooms that may exist at once.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        rooms: Rooms,
        max_rooms: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rooms = rooms
        self._max_rooms = max_rooms
        self._clock = clock
        self._reserved: dict[str, float] = {}
        self._one_at_a_time = asyncio.Lock()

    async def take(self, room: str) -> None:
        """Reserve a place under a room's name, before anyone else can have it.

        Raises:
            Full: There is no place left.
            Unreachable: livekit-server cannot say.
        """
        async with self._one_at_a_time:
            try:
                listed = await self._rooms.list_rooms(api.ListRoomsRequest())
            except (aiohttp.ClientError, TimeoutError, api.TwirpError) as e:
                logger.warning("no list of rooms", extra={"error": repr(e)})
                raise Unreachable from e
            now = self._clock()
            there = {each.name for each in listed.rooms}
            self._reserved = {
                name: at
                for name, at in self._reserved.items()
                if name not in there and now - at < JOIN_TIME
            }
            if len(there) + len(self._reserved) >= self._max_rooms:
                raise Full
            self._reserved[room] = now

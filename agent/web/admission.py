"""Who may have a ticket now: a cap on rooms, and the share of each client address."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import aiohttp
from limits import RateLimitItemPerMinute
from livekit import api

from agent.rate import network

from .tokens import LAST_USE

logger = logging.getLogger("parley.web")

RATE = RateLimitItemPerMinute(12)
"""Tickets per client address. A person who presses the button again and again stays below it."""

VISITS = RateLimitItemPerMinute(120)
"""Questions of one client address who its visitor is: a hook may have to look that up. An office
has one address, and each page asks once."""

JOIN_TIME = 10.0
"""Seconds for which a ticket counts as a room though livekit-server does not list one yet: a
browser takes one or two from its ticket to its room."""

SERVER_TIMEOUT = 3.0
"""Seconds to wait for livekit-server's list of rooms."""


class Full(Exception):
    """Every room is taken."""


class Crowded(Exception):
    """This address holds as many rooms as one may; the text is the sentence for people."""


class Unreachable(Exception):
    """livekit-server did not answer."""


class Rooms(Protocol):
    """livekit-server's room service, or the part of it that is needed."""

    async def list_rooms(self, list: api.ListRoomsRequest, /) -> api.ListRoomsResponse:
        """Give all rooms."""
        ...

    async def delete_room(self, delete: api.DeleteRoomRequest, /) -> object:
        """Close a room, and disconnect whoever is in it."""
        ...


@dataclass
class _Ticket:
    """A ticket that may still be used, or whose room there is."""

    holder: str
    since: float
    listed: bool = False
    """Whether livekit-server has listed its room."""


class Admission:
    """Decides before each ticket.

    Args:
        rooms: livekit-server's room service.
        max_rooms: Rooms that may exist at once.
        per_address: How many of them one client address may hold.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        rooms: Rooms,
        max_rooms: int,
        per_address: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rooms = rooms
        self._max_rooms = max_rooms
        self._per_address = per_address
        self._clock = clock
        self._tickets: dict[str, _Ticket] = {}
        self._one_at_a_time = asyncio.Lock()

    async def take(self, room: str, address: str) -> None:
        """Reserve a place under a room's name, before anyone else can have it.

        Raises:
            Full: There is no place left.
            Crowded: The address has its share.
            Unreachable: livekit-server cannot say.
        """
        holder = network(address)
        async with self._one_at_a_time:
            try:
                there = await self._there()
                now = self._clock()
                self._forget(there, now)
                there -= await self._close_surplus(there)
            except (aiohttp.ClientError, TimeoutError, api.TwirpError) as e:
                logger.warning("no list of rooms", extra={"error": repr(e)})
                raise Unreachable from e
            reserved = {
                name
                for name, ticket in self._tickets.items()
                if not ticket.listed and now - ticket.since < JOIN_TIME
            }
            taken = there | reserved
            if len(taken) >= self._max_rooms:
                raise Full
            held = sum(name in taken for name, t in self._tickets.items() if t.holder == holder)
            if held >= self._per_address:
                raise Crowded(
                    f"There are {held} conversations from this address, and no more may be: "
                    "end one of them first."
                )
            self._tickets[room] = _Ticket(holder, now)

    async def _there(self) -> set[str]:
        listed = await self._rooms.list_rooms(api.ListRoomsRequest())
        return {each.name for each in listed.rooms}

    def _forget(self, there: set[str], now: float) -> None:
        """Forget the tickets that open nothing any more."""
        for name, ticket in list(self._tickets.items()):
            ticket.listed |= name in there
            if name not in there and now - ticket.since >= LAST_USE:
                del self._tickets[name]

    async def _close_surplus(self, there: set[str]) -> set[str]:
        """Close the rooms of whoever collected tickets and then used all of them."""
        held: dict[str, int] = {}
        surplus = set()
        for name, ticket in self._tickets.items():  # the oldest first, which may stay
            if name in there:
                held[ticket.holder] = held.get(ticket.holder, 0) + 1
                if held[ticket.holder] > self._per_address:
                    surplus.add(name)
        for name in surplus:
            logger.warning("an address used more tickets than it may hold rooms")
            await self._rooms.delete_room(api.DeleteRoomRequest(room=name))
        return surplus

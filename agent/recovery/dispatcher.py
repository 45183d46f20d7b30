"""The server's side of the book: it notices a call without an agent, and calls one to it.

LiveKit gives a job to a server once. If the job dies it takes the agent for connected for another
20 s and sends nobody; if every place is taken when somebody comes, it sends nobody later.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Self

import aiohttp
from livekit import api

from .book import LAPSE, Call, CallBook, Moment, StoreError

logger = logging.getLogger("parley")

_BEAT = 0.5
"""Seconds between two signs of life of the server."""

_LOOK = 0.25
"""Seconds between two looks into the book: half of it is lost, on average, of each call back."""

_LOOK_AT_ROOMS = 1.0
"""Seconds between two looks at LiveKit's rooms, in which nothing may have changed."""

_SETTLED = 3.0
"""Seconds that a room has for LiveKit's own agent to come: it takes the call in 0.1 s."""

_RECENT = 5.0
"""Seconds for which an agent that was called by anybody is waited for."""

_FORGOTTEN = 60.0
"""Seconds after which a server that died is no longer in the book."""

_STALL = 1.0
"""Seconds by which a beat is late when the machine, or this process, stood still: then everybody
else's beats are late as well, and say nothing until they have had time to come."""

_PERSON = (api.ParticipantInfo.STANDARD, api.ParticipantInfo.SIP)
_FAILURES = (StoreError, api.TwirpError, aiohttp.ClientError, TimeoutError)


class Dispatcher:
    """Calls agents to rooms that have none, for as long as its context lasts.

    Args:
        book: The calls in progress; closed by whoever opened it.
        livekit: LiveKit's API.
        server: Name of this server in the book, which no other has.
        agent_name: Name under which this server's agents are called; empty for any.
        places: How many more calls this server takes now.
        running: Identities of the agents whose jobs run here or are about to.
        standby: Whether this server acts only while no other lives.
    """

    def __init__(
        self,
        book: CallBook,
        livekit: api.LiveKitAPI,
        *,
        server: str,
        agent_name: str,
        places: Callable[[], int],
        running: Callable[[], set[str]],
        standby: bool = False,
    ) -> None:
        self._book, self._livekit = book, livekit
        self._server, self._agent_name, self._standby = server, agent_name, standby
        self._places, self._running = places, running
        self._held: dict[str, str] = {}
        """Rooms of this server's jobs, by their agents."""
        self._buried: set[str] = set()
        self._called: dict[str, float] = {}
        self._seen: dict[str, float] = {}
        self._looked = self._beaten = time.monotonic()
        self._trusted_from = 0.0
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        self._tasks = [
            asyncio.create_task(_every(_BEAT, self.beat)),
            asyncio.create_task(_every(_LOOK, self.look)),
        ]
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        try:
            await self._book.drop(self._server)
        except StoreError as e:
            logger.warning("the server's end is not in the book", extra={"reason": str(e)})

    async def admits(self) -> bool:
        """Whether this server takes a call: a stand-by takes none while another server lives."""
        if not self._standby:
            return True
        try:
            at, _ = await self._book.read()
        except StoreError:
            return True  # two servers that take calls are better than none
        return not self._others_live(at)

    async def hold(self, room: str, agent: str, metadata: str) -> bool:
        """Give a call to an agent of this server; False if an agent has it already."""
        try:
            if not await self._book.hold(room, agent, self._server, metadata):
                return False
        except StoreError as e:
            logger.error("a call is taken that is not in the book", extra={"reason": str(e)})
        self._held[agent] = room
        return True

    async def beat(self) -> None:
        """Show that this server lives, and note which of its jobs do not any more."""
        now = time.monotonic()
        if now - self._beaten > _BEAT + _STALL:
            self._trusted_from = now + LAPSE
        self._beaten = now
        await self._book.beat(self._server)
        for agent in set(self._held) - self._running():
            # One that has ended its call itself is over by now, and stays so.
            await self._book.lose(self._held[agent], agent)
            del self._held[agent]

    async def look(self) -> None:
        """Call an agent to each call that has none, while there are places."""
        at, calls = await self._book.read()
        for server, beat in at.servers.items():
            if abs(at.now - beat) > _FORGOTTEN:
                await self._book.drop(server)
        if self._standby and self._others_live(at):
            return
        lost = [call for call in calls.values() if at.wants(call) and self._is_certain(call)]
        for call in lost:
            if call.state == "lost":
                await self._bury(call)
        self._buried &= {call.agent for call in lost}
        now = time.monotonic()
        if not lost and now - self._looked < _LOOK_AT_ROOMS:
            return
        self._looked = now
        rooms = (await self._livekit.room.list_rooms(api.ListRoomsRequest())).rooms
        names = {room.name for room in rooms}
        for call in calls.values():
            if call.room not in names and (call.state == "over" or call in lost):
                await self._book.forget(call)
        for call in sorted(lost, key=lambda call: call.since):
            if call.room in names:
                await self._offer(call.room, call)
        self._seen = {room.sid: self._seen.get(room.sid, now) for room in rooms}
        for room in sorted(rooms, key=lambda room: self._seen[room.sid]):
            settled = now - self._seen[room.sid] >= _SETTLED
            if settled and room.num_participants and room.name not in calls:
                await self._offer(room.name, None)

    def _others_live(self, at: Moment) -> bool:
        return any(at.lives(server) for server in at.servers if server != self._server)

    def _is_certain(self, call: Call) -> bool:
        """Whether a call has no agent by more than the absence of a beat, or this counts."""
        return call.state != "held" or time.monotonic() >= self._trusted_from

    def _free(self) -> int:
        now, held = time.monotonic(), set(self._held.values())
        self._called = {
            room: at for room, at in self._called.items() if now - at < _RECENT and room not in held
        }
        return self._places() - len(self._called)

    async def _bury(self, call: Call) -> None:
        """Take a dead agent out of its room, so that nobody sees it speak."""
        if not call.agent or call.agent in self._buried:
            return
        self._buried.add(call.agent)
        with contextlib.suppress(api.TwirpError):  # it has left, or the room is gone
            await self._livekit.room.remove_participant(
                api.RoomParticipantIdentity(room=call.room, identity=call.agent)
            )

    async def _offer(self, room: str, call: Call | None) -> None:
        """Call an agent to a room, if somebody is waiting there and there is a place."""
        if self._free() <= 0:
            return
        try:
            here = await self._livekit.room.list_participants(
                api.ListParticipantsRequest(room=room)
            )
            if not any(each.kind in _PERSON for each in here.participants):
                if call:
                    await self._book.forget(call)
                return
            dead = call.agent if call else ""
            if any(
                each.kind == api.ParticipantInfo.AGENT and each.identity != dead
                for each in here.participants
            ):
                return
            metadata = call.metadata if call else await self._asked_for(room)
            if metadata is None:
                return
            claimed = await self._book.call(room)
            if claimed is None:
                return
            self._called[room] = time.monotonic()
            await self._bury(claimed)
            await self._livekit.agent_dispatch.create_dispatch(
                api.CreateAgentDispatchRequest(
                    agent_name=self._agent_name, room=room, metadata=metadata
                )
            )
            logger.info("an agent is called", extra={"room": room, "again": bool(dead)})
        except api.TwirpError as e:  # the room may just have closed; the next look tells
            logger.info("no agent is called", extra={"room": room, "reason": e.message})

    async def _asked_for(self, room: str) -> str | None:
        """With which metadata an agent of ours was wanted in a room; None if none was, or now is.

        The last matters where several servers do not share a book.
        """
        ours = [
            dispatch
            for dispatch in await self._livekit.agent_dispatch.list_dispatch(room)
            if dispatch.agent_name == self._agent_name
        ]
        ours.sort(key=lambda dispatch: dispatch.state.created_at)
        if not ours or time.time() - ours[-1].state.created_at / 1e9 < _RECENT:
            return None
        return ours[0].metadata


async def _every(period: float, work: Callable[[], Awaitable[None]]) -> None:
    """Do something again and again; what fails is logged once until it succeeds."""
    failed = False
    while True:
        try:
            await work()
            failed = False
        except _FAILURES as e:
            if not failed:
                logger.warning("calls are not watched", extra={"reason": repr(e)})
            failed = True
        await asyncio.sleep(period)

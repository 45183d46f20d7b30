"""The server's side of the book: it calls an agent to each call that has none.

LiveKit gives a job to a server once. If the job dies it takes the agent for connected for another
20 s and sends nobody; if every place is taken when somebody comes, it sends nobody later.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Callable
from typing import Self

from livekit import api

from ..once import by_ticket
from .book import Call, CallBook, Moment, StoreError
from .people import PERSON
from .waiting import is_agent
from .watch import DeathWatch, Seen, every

logger = logging.getLogger("parley")

_BEAT = 0.5
"""Seconds between two signs of life of the server."""

_LOOK_AT_ROOMS = 1.0
"""Seconds between two looks at LiveKit's rooms, if no call has lost its agent."""

_SETTLED = 3.0
"""Seconds that a room has for LiveKit's own agent to come: it takes the call in 0.1 s."""

_RECENT = 5.0
"""Seconds for which an agent that was called by anybody is waited for."""

_FORGOTTEN = 60.0
"""Seconds after which a server that died is no longer in the book."""

_ASKED = 2.0
"""Seconds that the book may take in all to say whether a call may be taken: somebody waits, and
LiveKit drops a call that was offered and not answered for 3 s."""


class Dispatcher:
    """Calls agents to rooms that have none, for as long as its context lasts.

    Args:
        book: The calls in progress; closed by whoever opened it.
        livekit: LiveKit's API.
        server: Name of this server in the book, which no other has.
        agent_name: Name under which this server's agents are called; empty for any.
        places: How many more calls this server takes now.
        running: Identities of the agents whose jobs run here or are about to.
        draining: Whether this server only finishes the calls that it has.
        standby: Whether this server acts only while no other takes calls.
        clock: Monotonic seconds.
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
        draining: Callable[[], bool] = lambda: False,
        standby: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._book, self._livekit, self._clock = book, livekit, clock
        self.read = book.read
        self.server, self.agent_name, self._standby = server, agent_name, standby
        self._places, self._running, self.draining = places, running, draining
        self._held: dict[str, str] = {}
        """Rooms of this server's jobs, by their agents."""
        self._booked: set[str] = set()
        """Which of these agents a look into the book has found there."""
        self._over: set[str] = set()
        self._called: dict[str, float] = {}
        """When this server called an agent to which room."""
        self._seen: dict[str, float] = {}
        """When each of LiveKit's rooms was first seen, by its sid."""
        self._looked = clock() - _LOOK_AT_ROOMS
        self.watch = DeathWatch(book, livekit, self._on_seen, clock)
        self._ended = asyncio.Event()
        self._beating: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self.beat()
        self._beating = asyncio.create_task(every(_BEAT, self.beat, self._ended))
        await self.watch.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.watch.__aexit__()
        if self._beating:
            self._beating.cancel()
            await asyncio.gather(self._beating, return_exceptions=True)
        try:
            await self._book.drop(self.server)
        except StoreError as e:
            logger.warning("the server's end is not in the book", extra={"reason": str(e)})

    @property
    def over(self) -> frozenset[str]:
        """Agents of this server whose calls have ended, though their jobs have not.

        They write notes, or hand the record over: a caller need not wait for that.
        """
        return frozenset(self._over)

    async def admits(self) -> bool:
        """Whether this server takes a call: a stand-by takes none while another server does."""
        if not self._standby:
            return True
        try:
            at, _ = await self._book.read()
        except StoreError:
            return True  # two servers that take calls are better than none
        return not self.others_serve(at)

    async def hold(self, room: str, sid: str, agent: str, metadata: str) -> bool:
        """Give a call to an agent of this server.

        A call is taken, too, when the book does not answer: a caller who is left alone is worse
        than a ticket that is used twice.

        Returns:
            False if an agent has it already, or its room was opened by a ticket that was used up.
        """
        try:
            async with asyncio.timeout(_ASKED):
                if by_ticket(room) and not await self._book.use_ticket(room, sid):
                    return False
                if not await self._book.hold(room, agent, self.server, metadata):
                    return False
        except (StoreError, TimeoutError) as e:
            reason = str(e) or f"it does not answer within {_ASKED:g} s"
            logger.error("a call is taken that is not in the book", extra={"reason": reason})
        self._held[agent] = room
        return True

    def job_ended(self) -> None:
        """Look after its call at once, if it did not end that itself."""
        self._ended.set()

    async def beat(self) -> None:
        """Show that this server lives, and note which of its jobs do not any more."""
        await self._book.beat(self.server, not self.draining())
        if ended := set(self._held) - self._running():
            for agent in ended:
                # One that has ended its call itself is over by now, and stays so.
                await self._book.lose(self._held[agent], agent)
                del self._held[agent]
                self._booked.discard(agent)
                self._over.discard(agent)
            self._look_at_rooms()

    async def _on_seen(self, seen: Seen) -> None:
        for agent, held in [*self._held.items()]:
            if agent in self._over:
                continue
            call = seen.calls.get(held)
            if call and call.agent == agent and call.state != "over":
                self._booked.add(agent)
            # Not one that was taken after this look, nor one that a book which began anew has not.
            elif agent in self._booked and (call or not await self._is_open(held)):
                self._over.add(agent)
                self._looked = -math.inf
        for server, beat in seen.at.servers.items():
            if abs(seen.at.now - beat.at) > _FORGOTTEN:
                await self._book.drop(server)
        if self._standby and self.others_serve(seen.at):
            return
        now = self._clock()
        if not seen.lost and now - self._looked < _LOOK_AT_ROOMS:
            return
        self._looked = now
        rooms = (await self._livekit.room.list_rooms(api.ListRoomsRequest())).rooms
        names = {room.name for room in rooms}
        for call in seen.calls.values():
            if call.room not in names and (call.ended or call in seen.lost):
                await self._book.forget(call)
        for call in seen.lost:
            if call.room in names:
                await self._offer(call.room, call)
        self._seen = {room.sid: self._seen.get(room.sid, now) for room in rooms}
        for room in sorted(rooms, key=lambda room: room.creation_time_ms):
            settled = now - self._seen[room.sid] >= _SETTLED
            # Who is there is asked for: how many LiveKit lists may be five seconds old.
            if settled and room.name not in seen.calls:
                await self._offer(room.name, None)

    def _look_at_rooms(self) -> None:
        """Look at once who waits for a place, for one has become free."""
        self._looked = -math.inf
        self.watch.soon()

    async def _is_open(self, room: str) -> bool:
        asked = api.ListRoomsRequest(names=[room])
        return bool((await self._livekit.room.list_rooms(asked)).rooms)

    def others_serve(self, at: Moment) -> bool:
        """Whether another server of the same book takes calls."""
        return any(at.serves(server) for server in at.servers if server != self.server)

    def free(self) -> int:
        """How many more calls this server takes that nobody was called to yet."""
        now, held = self._clock(), set(self._held.values())
        self._called = {
            room: at for room, at in self._called.items() if now - at < _RECENT and room not in held
        }
        return self._places() - len(self._called)

    async def _offer(self, room: str, call: Call | None) -> None:
        """Call an agent to a room, if somebody is waiting there and there is a place."""
        if self.free() <= 0:
            return
        try:
            here = await self._livekit.room.list_participants(
                api.ListParticipantsRequest(room=room)
            )
            if not any(each.kind in PERSON for each in here.participants):
                if call:
                    await self._book.forget(call)
                return
            dead = call.agent if call else ""
            if any(is_agent(each) and each.identity != dead for each in here.participants):
                return
            metadata = call.metadata if call else await self._asked_for(room)
            if metadata is None or not await self._book.call(room):
                return
            self._called[room] = self._clock()
            await self._livekit.agent_dispatch.create_dispatch(
                api.CreateAgentDispatchRequest(
                    agent_name=self.agent_name, room=room, metadata=metadata
                )
            )
            logger.info("an agent is called", extra={"room": room, "again": bool(dead)})
        except api.TwirpError as e:  # the room may just have closed; the next look tells
            logger.info("no agent is called", extra={"room": room, "reason": e.message})

    async def _asked_for(self, room: str) -> str | None:
        """With which metadata an agent of ours was wanted in a room.

        None if none was, or one was called just now: that matters where several servers do not
        share a book.
        """
        ours = [
            dispatch
            for dispatch in await self._livekit.agent_dispatch.list_dispatch(room)
            if dispatch.agent_name == self.agent_name
        ]
        ours.sort(key=lambda dispatch: dispatch.state.created_at)
        if not ours or time.time() - ours[-1].state.created_at / 1e9 < _RECENT:
            return None
        return ours[0].metadata

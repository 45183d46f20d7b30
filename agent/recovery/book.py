"""The calls in progress: which agent holds each, since when it was heard of, what was said.

Jobs write to it, every agent server reads it. It is one SQLite file on one machine, or a Redis
that several share. Of a call that has ended nothing is kept but, for two minutes, the name of its
room, which a ticket may not open again. The page keeps there, too, who has signed out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, NamedTuple, Protocol
from urllib.parse import urlsplit

from ..once import REMEMBERED
from ..state import calls_folder

LAPSE = 2.5
"""Seconds without a sign of life of a job and of its server after which both are taken for dead.
They beat every second and every half second: two beats are lost before that."""

STALL = 15.0
"""Seconds without a sign of life of a job after which it is taken for dead though its server lives:
one that starts beats after 10 s at the latest, when LiveKit gives it up. A job that hangs, or whose
machine slept, LiveKit itself ends after 60 s."""

CALLED_FOR = 3.5
"""Seconds that an agent which was called has to take the call before another one is called. LiveKit
asks its servers for 3 s; then it drops the job without a word."""

TRIES = 5
"""How often an agent is called to one call in a row. One whose job dies again and again while it
starts would otherwise be called for ever."""

STABLE = 30.0
"""Seconds after which a job has not died while it started."""


class StoreError(Exception):
    """The store cannot be reached or written; the text says why."""


State = Literal["held", "lost", "called", "handed", "over"]
"""``held`` by an agent, or by one that is on its way; ``lost``: its agent died; ``called``: an
agent was called to it; ``handed``: two people speak with each other, and no agent is wanted beside
the one that listens for the end; ``over``: it has ended; its room may still be there."""


@dataclass(frozen=True)
class Call:
    """One room in which an agent is, was, or is wanted."""

    room: str
    state: State = "held"
    agent: str = ""
    """Identity of the participant that holds it, or did; empty if there was none yet."""
    server: str = ""
    """The agent server that the job belongs to."""
    user: str = ""
    """Identity of the participant that the agent speaks with."""
    metadata: str = ""
    """Metadata of the job: of a call that the agent places, whom it is to call."""
    beat: float = 0.0
    """When the job was last heard of, on the store's clock, in seconds."""
    since: float = 0.0
    """When the state began, on the same clock."""
    tries: int = 0
    """How often an agent was called since the last one that held the call for long."""

    @property
    def ended(self) -> bool:
        """Whether no agent goes on with it."""
        return self.state in ("handed", "over")


class Beat(NamedTuple):
    """A sign of life of an agent server."""

    at: float
    """When, on the store's clock, in seconds."""
    serves: bool
    """Whether it takes calls; one that drains only finishes those it has."""


@dataclass(frozen=True)
class Moment:
    """What the store knows besides the calls."""

    now: float
    """Its clock, in seconds."""
    servers: Mapping[str, Beat] = field(default_factory=dict)
    """The last beat of each agent server."""

    def serves(self, server: str) -> bool:
        """Whether a server was heard of of late, and takes calls."""
        beat = self.servers.get(server)
        return beat is not None and beat.serves and not self._late(beat.at)

    def holds(self, call: Call) -> bool:
        """Whether somebody has the call, who was heard of of late or whose server was."""
        if call.state != "held" or self._late(call.beat, STALL):
            return False
        beat = self.servers.get(call.server)
        return not self._late(call.beat) or (beat is not None and not self._late(beat.at))

    def wants(self, call: Call) -> bool:
        """Whether an agent is to be called to it."""
        if call.state == "called":
            return self.now - call.since >= CALLED_FOR
        return call.state == "lost" or (call.state == "held" and not self.holds(call))

    def _late(self, beat: float, after: float = LAPSE) -> bool:
        # A beat of the future is one from before the machine started anew.
        return abs(self.now - beat) > after


Change = Callable[[Call | None, Moment], Call | None]
"""Makes a call's new entry out of the present one; None for no entry. May be asked twice."""


class Store(Protocol):
    """Where the book is kept. Every method raises :class:`StoreError`."""

    async def read(self) -> tuple[Moment, dict[str, Call]]:
        """All calls by room."""
        ...

    async def change(self, room: str, change: Change) -> Call | None:
        """Change one call while nobody else does, and return its new entry."""
        ...

    async def beat(self, server: str, serves: bool) -> None:
        """Note that an agent server lives, and whether it takes calls."""
        ...

    async def drop(self, server: str) -> None:
        """Note that an agent server does not live."""
        ...

    async def history(self, room: str) -> str | None:
        """What was said in a room."""
        ...

    async def write_history(self, room: str, history: str | None) -> None:
        """Keep what was said in a room in place of what is there; None to wipe it."""
        ...

    async def remember(self, key: str, value: str, seconds: float) -> str:
        """Keep a value for some time, unless there is one under its key; return the one there."""
        ...

    async def recall(self, key: str) -> str | None:
        """What is kept under a key."""
        ...

    async def aclose(self) -> None:
        """Close the connection; may be called twice."""
        ...


class CallBook:
    """What may happen to a call, whatever it is stored in.

    Every method raises :class:`StoreError` when the store does not answer.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self.read, self.beat, self.drop = store.read, store.beat, store.drop
        self.aclose = store.aclose

    async def hold(self, room: str, agent: str, server: str, metadata: str) -> bool:
        """Give a call to an agent that is on its way; False if another has it."""

        def change(call: Call | None, at: Moment) -> Call:
            if call and at.holds(call):
                return call
            known = Call(room) if call is None or call.ended else call
            return replace(
                known,
                state="held",
                agent=agent,
                server=server,
                metadata=metadata,
                beat=at.now,
                since=at.now,
            )

        now = await self._store.change(room, change)
        return now is not None and now.agent == agent

    async def use_ticket(self, room: str, sid: str) -> bool:
        """Note that a ticket of the page has opened a room.

        Returns:
            False if it has opened another of that name before, which has ended.
        """
        return await self._store.remember(f"ticket:{room}", sid, REMEMBERED) == sid

    async def attend(self, sid: str, server: str, seconds: float) -> bool:
        """Take it on oneself to be with the callers of a room; False if somebody else has."""
        return await self._store.remember(f"line:{sid}", server, seconds) == server

    async def end_sign_in(self, session: str, seconds: float) -> None:
        """Note that somebody has signed out, for as long as a copy of their cookie would hold."""
        await self._store.remember(f"signed-out:{session}", "", seconds)

    async def sign_in_ended(self, session: str) -> bool:
        """Whether somebody has signed out."""
        return await self._store.recall(f"signed-out:{session}") is not None

    async def begin(self, room: str, agent: str, user: str) -> str | None:
        """Note whom the agent speaks with, and return what they have said to one before it.

        What somebody else has said in a room of the same name is wiped.
        """
        before = ""

        def change(call: Call | None, at: Moment) -> Call | None:
            nonlocal before
            if call and call.agent != agent and at.holds(call):
                return call  # not ours any more
            before = call.user if call else ""
            known = call or Call(room, since=at.now)
            return replace(known, agent=agent, state="held", user=user, beat=at.now)

        await self._store.change(room, change)
        if before == user:
            return await self._store.history(room)
        await self._store.write_history(room, None)
        return None

    async def keep(self, room: str, agent: str, history: str | None = None) -> None:
        """Note that the job lives, and what was said so far if there is anything new."""

        def change(call: Call | None, at: Moment) -> Call | None:
            if not (call and call.agent == agent and call.state == "held"):
                return call
            tries = 0 if at.now - call.since >= STABLE else call.tries
            return replace(call, beat=at.now, tries=tries)

        now = await self._store.change(room, change)
        if history and now and now.agent == agent and now.state == "held":
            await self._store.write_history(room, history)

    async def has(self, room: str, agent: str) -> bool:
        """Whether a call is still an agent's own, and no other was or is to be called to it."""
        call = await self._store.change(room, lambda call, _: call)
        return call is None or (call.agent == agent and call.state not in ("lost", "called"))

    async def lose(self, room: str, agent: str) -> None:
        """Note that a job has died, if it has not ended its call itself."""
        await self._store.change(room, _left("lost", agent))

    async def lapse(self, seen: Call) -> Call:
        """Take an agent for dead of which nothing was heard, and return the call as it stands now.

        Args:
            seen: The call as it stood when that was noticed.
        """

        def change(call: Call | None, at: Moment) -> Call | None:
            if call and call.agent == seen.agent and call.state == "held" and not at.holds(call):
                return replace(call, state="lost", since=at.now)
            return call

        return await self._store.change(seen.room, change) or seen

    async def orphan(self, room: str, agent: str) -> None:
        """Note that a job's server has died, and the job ends because of that."""
        now = await self._store.change(room, _left("lost", agent))
        if now and now.agent == agent:
            await self._store.drop(now.server)

    async def hand(self, room: str, agent: str) -> None:
        """Note that the caller speaks with somebody else from now on, and wipe what was said."""
        await self._end(room, "handed", agent)

    async def finish(self, room: str, agent: str) -> None:
        """Note that an agent's call has ended, and wipe what was said."""
        await self._end(room, "over", agent)

    async def _end(self, room: str, state: State, agent: str) -> None:
        now = await self._store.change(room, _left(state, agent))
        if now and now.state == state:
            await self._store.write_history(room, None)

    async def call(self, room: str) -> bool:
        """Take it on oneself to call an agent to a room.

        Returns:
            False if somebody else was first, or it has been tried often enough.
        """
        mine = False

        def change(call: Call | None, at: Moment) -> Call:
            nonlocal mine
            mine = False
            if call and not at.wants(call):
                return call
            known = call or Call(room)
            if known.tries >= TRIES:
                return replace(known, state="over", since=at.now)
            mine = True
            return replace(known, state="called", since=at.now, tries=known.tries + 1)

        await self._store.change(room, change)
        return mine

    async def forget(self, seen: Call) -> None:
        """Keep nothing of a call whose room is gone, unless another has begun in one of its name.

        Args:
            seen: The call as it stood when its room was missed.
        """

        def change(call: Call | None, at: Moment) -> Call | None:
            return None if call == seen else call

        if await self._store.change(seen.room, change) is None:
            await self._store.write_history(seen.room, None)


def _left(state: State, agent: str) -> Change:
    def change(call: Call | None, at: Moment) -> Call | None:
        handed = call and call.state == "handed" and state == "over"
        if not (call and call.agent == agent and (call.state == "held" or handed)):
            return call
        if state in ("handed", "over"):
            return Call(call.room, state=state, agent=agent, since=at.now)
        return replace(call, state=state, since=at.now)

    return change


def open_book(url: str | None, livekit: str, folder: Path | None = None) -> CallBook:
    """Open the book of a LiveKit server's calls.

    Args:
        url: ``redis://…`` of a Redis that all agent servers of that LiveKit server share; a file
            if None, which only those of this machine do.
        livekit: Address of the LiveKit server: another one's rooms have another file.
        folder: Where the file is; that of :func:`agent.state.calls_folder` if None.

    Raises:
        StoreError: The file cannot be made.
    """
    if url is not None:
        from .redis_store import RedisStore  # its client takes 0.1 s to load, and few need it

        return CallBook(RedisStore(url))
    from .sqlite_store import SqliteStore

    where = urlsplit(livekit)
    name = re.sub(r"[^\w.-]+", "_", f"{where.hostname or 'livekit'}-{where.port or 'default'}")
    return CallBook(SqliteStore((folder or calls_folder()) / f"calls-{name}.sqlite3"))

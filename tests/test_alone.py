"""An agent whose room is empty."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

from livekit import rtc

from agent.alone import ALONE, Alone
from harness.virtual_time import in_virtual_time, now

PERSON = rtc.ParticipantKind.PARTICIPANT_KIND_STANDARD
CALLER = rtc.ParticipantKind.PARTICIPANT_KIND_SIP
AGENT = rtc.ParticipantKind.PARTICIPANT_KIND_AGENT


class Room(rtc.EventEmitter[str]):
    """People come and go."""

    def __init__(self, *kinds: Any) -> None:
        super().__init__()
        self.remote_participants = {str(i): SimpleNamespace(kind=k) for i, k in enumerate(kinds)}

    def come(self, name: str, kind: Any) -> None:
        self.remote_participants[name] = SimpleNamespace(kind=kind)
        self.emit("participant_connected", self.remote_participants[name])

    def go(self, name: str) -> None:
        self.emit("participant_disconnected", self.remote_participants.pop(name))


def watch(room: Room) -> tuple[Alone, list[float]]:
    left: list[float] = []
    return Alone(cast(rtc.Room, room), lambda: left.append(now())), left


@in_virtual_time
async def test_an_agent_that_is_left_alone_leaves_after_ten_seconds() -> None:
    room = Room(PERSON)
    _, left = watch(room)
    await asyncio.sleep(100)
    assert left == []
    room.go("0")
    await asyncio.sleep(100)
    assert left == [100 + ALONE] == [110.0]


@in_virtual_time
async def test_somebody_who_comes_back_finds_it() -> None:
    room = Room(CALLER)
    _, left = watch(room)
    room.go("0")
    await asyncio.sleep(ALONE - 1)
    room.come("1", PERSON)
    await asyncio.sleep(100)
    assert left == []


@in_virtual_time
async def test_other_agents_are_no_company() -> None:
    room = Room(AGENT)
    _, left = watch(room)
    await asyncio.sleep(5)
    room.come("agent", AGENT)
    room.go("agent")
    await asyncio.sleep(100)
    assert left == [5 + ALONE]


@in_virtual_time
async def test_one_of_two_who_leaves_takes_nobody_along() -> None:
    room = Room(PERSON, PERSON)
    _, left = watch(room)
    room.go("0")
    await asyncio.sleep(100)
    assert left == []


@in_virtual_time
async def test_nothing_is_watched_after_the_end() -> None:
    room = Room()
    alone, left = watch(room)
    await alone.aclose()
    await alone.aclose()
    room.come("0", PERSON)
    room.go("0")
    await asyncio.sleep(100)
    assert left == []

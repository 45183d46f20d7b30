"""Callers by phone for whom there is no place: when they are attended to, and in which order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from agent.recovery import CallBook
from agent.recovery.dispatcher import _SETTLED
from agent.settings import FullSettings, PhoneSettings
from agent.telephony.full_house import Entrance, FullHouse, Waiting

from .conftest import Clock
from .fakes import AGENT, SIP, STANDARD, LiveKit
from .test_dispatcher import Server

AFTER = 8.0


class Queue:
    """Whom the dispatcher names as waiting; all of them are in the queue."""

    after = AFTER

    def __init__(self) -> None:
        self.waiting: list[str] = []

    async def update(self, waiting: Sequence[Waiting]) -> None:
        self.waiting = [each.room for each in waiting]

    def ahead_of(self, room: str) -> int:
        return len([each for each in self.waiting if each != room])


@pytest.fixture
def livekit() -> LiveKit:
    return LiveKit()


@pytest.fixture
def make(book: CallBook, livekit: LiveKit, clock: Clock) -> Callable[..., Server]:
    return lambda **options: Server(book, livekit, clock, **options)


def busy(livekit: LiveKit, book: CallBook, server: str = "server") -> FullHouse:
    def unused(*_: Any) -> Any:
        raise AssertionError

    return FullHouse(
        PhoneSettings(full=FullSettings(answer="busy")),
        Entrance("", "", "", livekit.client),
        lambda sid, seconds: book.attends(sid, server, seconds),
        unused,
        unused,
    )


async def test_a_caller_who_finds_every_place_taken_gets_the_busy_tone(
    make: Callable[..., Server], livekit: LiveKit, book: CallBook
) -> None:
    server = make(full_house=busy(livekit, book))
    server.places = 0
    livekit.open("call", "", anna=SIP)
    await server.live(AFTER - 0.5)
    assert livekit.closed == []  # it rings
    await server.live(2.0)
    assert livekit.closed == ["call"]
    assert livekit.asked == []


async def test_a_place_that_is_free_in_time_is_taken(
    make: Callable[..., Server], livekit: LiveKit, book: CallBook
) -> None:
    server = make(full_house=busy(livekit, book))
    server.places = 0
    livekit.open("call", "", anna=SIP)
    await server.live(AFTER - 0.5)
    server.places = 1
    await server.live(0.25)
    assert livekit.asked == [("call", "", "")]
    await server.take("call", "agent")
    server.places = 0
    await server.live(60)
    assert livekit.closed == []


async def test_nobody_is_hung_up_on_who_is_in_a_conversation_or_not_on_the_phone(
    make: Callable[..., Server], livekit: LiveKit, book: CallBook
) -> None:
    server = make(full_house=busy(livekit, book))
    server.places = 0
    livekit.open("page", "", anna=STANDARD)
    livekit.open("mixed", "", anna=STANDARD, ben=SIP)
    livekit.open("another's", "other", carl=SIP)
    livekit.open("held", "", dora=SIP)
    livekit.open("lost", "", emil=SIP)
    await server.take("held", "first")
    await server.take("lost", "second")
    server.running.remove("second")  # killed; it had a place, which somebody else has taken
    await server.live(60)
    assert livekit.closed == []


async def test_those_who_wait_are_named_in_the_order_in_which_they_came(
    make: Callable[..., Server], livekit: LiveKit
) -> None:
    queue = Queue()
    server = make(full_house=queue)
    server.places = 0
    for name in ("first", "second", "third"):
        livekit.open(name, "", anna=SIP)
        await server.live(2.0)
    await server.live(AFTER)
    assert queue.waiting == ["first", "second", "third"]
    server.places = 1
    await server.live(0.25)  # at once, and not with the next look at the rooms
    assert [room for room, *_ in livekit.asked] == ["first"]
    # Its place was the only one: who comes now waits behind the others.
    assert server.dispatcher.comes_later("new")
    assert not server.dispatcher.comes_later("first")
    await server.take("first", "agent")
    server.places = 0
    await server.live(1.25)
    assert queue.waiting == ["second", "third"]


async def test_who_plays_the_music_is_no_agent_that_keeps_others_away(
    make: Callable[..., Server], livekit: LiveKit
) -> None:
    server = make(full_house=Queue())
    server.places = 0
    livekit.open("call", "", anna=SIP)
    await server.live(AFTER + 1)
    livekit.people["call"]["queue-RM_call"] = AGENT
    server.places = 1
    await server.live(0.25)
    assert [room for room, *_ in livekit.asked] == ["call"]


async def test_one_server_of_several_attends_to_a_caller(book: CallBook) -> None:
    assert await book.attends("RM_1", "one", 10.0)
    assert not await book.attends("RM_1", "another", 10.0)
    assert await book.attends("RM_1", "one", 10.0)
    assert await book.attends("RM_2", "another", 10.0)


async def test_without_anybody_to_attend_to_them_they_ring_on(
    make: Callable[..., Server], livekit: LiveKit
) -> None:
    server = make()
    server.places = 0
    livekit.open("call", "", anna=SIP)
    await server.live(_SETTLED + 60)
    assert livekit.closed == livekit.asked == []
    server.places = 1
    await server.live(0.25)
    assert [room for room, *_ in livekit.asked] == ["call"]

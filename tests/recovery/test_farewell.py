"""What an agent server that stops does with its calls and with callers who wait."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from livekit import api

from agent.goodbye import LONGEST, TOPIC
from agent.recovery import CallBook, Dispatcher, Farewell, farewell

from .conftest import Clock
from .fakes import AGENT, SIP, STANDARD, LiveKit


class Stopping:
    """An agent server that stops, whose agents take so many looks for their last words."""

    def __init__(self, book: CallBook, livekit: LiveKit, clock: Clock, **options: Any) -> None:
        self.jobs: dict[str, str] = {}
        self.livekit, self.clock, self.book = livekit, clock, book
        self.dispatcher = Dispatcher(
            book,
            livekit.client,
            server="stopping",
            agent_name="",
            places=lambda: 0,
            running=lambda: set(self.jobs),
            draining=lambda: True,
            clock=clock,
            **options,
        )
        self.farewell = Farewell(self.dispatcher, livekit.client, lambda: self.jobs, clock)

    async def holds(self, room: str, agent: str, **people: Any) -> None:
        self.livekit.open(room, "", **people)
        await self.book.hold(room, agent, "stopping", "")
        self.livekit.people[room][agent] = AGENT
        self.jobs[agent] = room


@pytest.fixture
def livekit() -> LiveKit:
    return LiveKit()


@pytest.fixture
def server(
    book: CallBook, livekit: LiveKit, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> Stopping:
    async def step(_: float) -> None:
        clock.now += 0.5

    monkeypatch.setattr(farewell, "asyncio", _Steps(step))
    return Stopping(book, livekit, clock)


class _Steps:
    """asyncio whose sleeps only move a clock."""

    def __init__(self, sleep: Callable[[float], Any]) -> None:
        self.sleep, self.gather = sleep, asyncio.gather


async def test_each_agent_is_told_until_its_call_has_ended(
    server: Stopping, livekit: LiveKit, clock: Clock
) -> None:
    await server.holds("one", "first", anna=SIP)
    await server.holds("two", "second", berta=STANDARD)
    livekit.last_words = {"one": 3, "two": 1}
    began = clock.now
    await server.farewell.say()
    told = [(each.room, list(each.destination_identities)) for each in livekit.sent]
    assert told.count(("one", ["first"])) == 3
    assert told.count(("two", ["second"])) == 1
    assert {each.topic for each in livekit.sent} == {TOPIC}
    assert clock.now - began == 1.5
    assert livekit.deleted == []


async def test_an_agent_that_goes_on_is_not_waited_for_for_ever(
    server: Stopping, livekit: LiveKit, clock: Clock
) -> None:
    await server.holds("one", "first", anna=SIP)
    began = clock.now
    await server.farewell.say()
    assert LONGEST <= clock.now - began < LONGEST + 1
    assert livekit.deleted == []  # its session is closed next
    server.jobs.clear()
    await server.farewell.close()
    assert livekit.deleted == ["one"]  # though LiveKit takes its agent for connected


async def test_whoever_calls_during_the_last_words_is_not_left_to_ring(
    server: Stopping, livekit: LiveKit
) -> None:
    await server.holds("one", "first", anna=SIP)
    livekit.last_words = {"one": 2}
    livekit.counts_late = True  # as livekit-server does for up to five seconds
    livekit.open("rings", "", berta=SIP)
    await server.farewell.say()
    assert livekit.deleted == ["rings"]
    livekit.open("later", "", carla=SIP)
    server.jobs.clear()
    await server.farewell.close()
    assert livekit.deleted == ["rings", "later"]


async def test_nobody_is_hung_up_on_whom_another_server_answers(
    server: Stopping, livekit: LiveKit, book: CallBook
) -> None:
    await book.beat("other", serves=True)
    livekit.open("rings", "", anna=SIP)
    await server.farewell.say()
    await server.farewell.close()
    assert livekit.deleted == []
    await book.beat("other", serves=False)  # it stops, too
    await server.farewell.close()
    assert livekit.deleted == ["rings"]


async def test_only_callers_of_ours_whom_nobody_speaks_with_are_hung_up_on(
    server: Stopping, livekit: LiveKit, book: CallBook
) -> None:
    livekit.open("browser", "", anna=STANDARD)
    livekit.open("another program's", "other", anna=SIP)
    livekit.open("has an agent", "", anna=SIP, other=AGENT)
    await server.holds("handed over", "first", anna=SIP, colleague=SIP)
    await book.hand("handed over", "first")
    server.jobs.clear()
    del livekit.people["handed over"]["first"]
    livekit.open("rings", "", anna=SIP)
    await server.farewell.close()
    assert livekit.deleted == ["rings"]


@pytest.mark.parametrize(
    "failure", [api.TwirpError("unavailable", "no", status=503), TimeoutError()], ids=repr
)
async def test_a_livekit_that_does_not_answer_keeps_nobody_from_stopping(
    server: Stopping, livekit: LiveKit, failure: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    await server.holds("one", "first", anna=SIP)
    livekit.failure = failure
    await server.farewell.say()
    await server.farewell.close()
    assert "an agent is not told that it stops" in caplog.text

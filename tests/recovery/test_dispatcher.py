"""Which call gets an agent, from whom, and when; LiveKit is a stand-in."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest

from agent.once import new_name
from agent.recovery import CallBook, DeathWatch, Dispatcher, StoreError, dispatcher, watch
from agent.recovery.book import CALLED_FOR, LAPSE
from agent.recovery.dispatcher import _LOOK_AT_ROOMS, _RECENT, _SETTLED

from .conftest import Clock
from .fakes import AGENT, SIP, STANDARD, LiveKit


class Server:
    """An agent server of which a test says how many places and which jobs it has."""

    def __init__(self, book: CallBook, livekit: LiveKit, clock: Clock, **options: Any) -> None:
        self.places, self.running, self.draining = 5, set[str](), False
        self.book, self.livekit, self.clock = book, livekit, clock
        self.name = options.setdefault("server", "server")
        self.dispatcher = Dispatcher(
            book,
            livekit.client,
            agent_name=options.pop("agent_name", ""),
            places=lambda: self.places,
            running=lambda: self.running,
            draining=lambda: self.draining,
            clock=clock,
            **options,
        )

    async def take(self, room: str, agent: str, metadata: str = "", *, sid: str = "RM_1") -> bool:
        """Take a call as a job of LiveKit's, whose agent enters."""
        taken = await self.dispatcher.hold(room, sid, agent, metadata)
        if taken:
            self.running.add(agent)
            self.livekit.people[room][agent] = AGENT
        return taken

    async def live(self, seconds: float) -> None:
        """Let time go by, as the server's own tasks would."""
        end = self.clock.now + seconds
        while self.clock.now < end:
            self.clock.now += 0.25
            await self.dispatcher.beat()
            await self.dispatcher.watch.look()


class Down:
    """A store that is not there, or does not answer."""

    def __init__(self, *, answers: bool) -> None:
        self.answers = answers
        self.asked = 0

    def __getattr__(self, name: str) -> Any:
        return self._work

    async def _work(self, *_: Any) -> Any:
        self.asked += 1
        if not self.answers:
            await asyncio.Event().wait()
        raise StoreError("nobody is there")


@pytest.fixture
def livekit() -> LiveKit:
    return LiveKit()


@pytest.fixture
def make(book: CallBook, livekit: LiveKit, clock: Clock) -> Callable[..., Server]:
    return lambda **options: Server(book, livekit, clock, **options)


@pytest.mark.parametrize("kind", [STANDARD, SIP], ids=["browser", "phone"])
async def test_a_job_that_dies_is_replaced_at_once(
    make: Callable[..., Server], livekit: LiveKit, kind: Any
) -> None:
    server = make(agent_name="parley")
    livekit.open("room", "parley", anna=kind)
    await server.take("room", "first", metadata="who is to be called")
    await server.live(10)
    assert livekit.asked == []
    server.running.remove("first")  # killed
    await server.live(0.5)
    assert livekit.removed == [("room", "first")]
    assert livekit.asked == [("room", "parley", "who is to be called")]
    assert await server.take("room", "second")
    await server.live(10)
    assert len(livekit.asked) == 1


async def test_nobody_waits_for_the_next_look_when_a_job_has_died(
    make: Callable[..., Server], livekit: LiveKit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatcher, "_BEAT", 60.0)
    monkeypatch.setattr(watch, "_LOOK", 60.0)
    server = make()
    livekit.open("room", "", anna=STANDARD)
    async with server.dispatcher:
        await server.take("room", "first")
        await asyncio.sleep(0.1)  # it has looked, and waits
        server.running.remove("first")
        server.dispatcher.job_ended()
        async with asyncio.timeout(20):
            while not livekit.asked:
                await asyncio.sleep(0.005)
    assert livekit.removed == [("room", "first")]


async def test_a_job_that_has_ended_its_call_is_not_replaced(
    make: Callable[..., Server], livekit: LiveKit, book: CallBook
) -> None:
    server = make()
    livekit.open("room", "", anna=STANDARD)
    await server.take("room", "first")
    await book.finish("room", "first")
    server.running.remove("first")
    await server.live(10)  # the room is still there, as when the model refuses
    assert (livekit.asked, livekit.removed) == ([], [])
    del livekit.people["room"]
    await server.live(2)
    _, calls = await book.read()
    assert calls == {}


async def test_a_call_is_over_before_its_job_which_still_writes_notes(
    make: Callable[..., Server], livekit: LiveKit, book: CallBook
) -> None:
    server = make()
    for room in ("one", "two"):
        livekit.open(room, "", anna=STANDARD)
        await server.take(room, f"agent of {room}")
    await server.live(0.5)
    assert server.dispatcher.over == set()
    await book.finish("one", "agent of one")
    del livekit.people["one"]
    await server.live(0.25)  # the next look
    assert server.dispatcher.over == {"agent of one"}
    await server.live(10)  # by then nothing of it is in the book
    _, calls = await book.read()
    assert set(calls) == {"two"}
    assert server.dispatcher.over == {"agent of one"}
    server.running.remove("agent of one")
    await server.live(0.5)
    assert server.dispatcher.over == set()
    assert livekit.asked == []


async def test_a_call_that_was_handed_over_keeps_its_place_until_it_ends(
    make: Callable[..., Server], livekit: LiveKit, book: CallBook
) -> None:
    server = make()
    livekit.open("room", "", anna=SIP, colleague=SIP)
    await server.take("room", "first")
    await server.live(0.5)
    await book.hand("room", "first")
    await server.live(10)
    assert server.dispatcher.over == set()
    assert livekit.asked == []
    await book.finish("room", "first")
    await server.live(0.25)
    assert server.dispatcher.over == {"first"}
    del livekit.people["room"]
    await server.live(2)
    _, calls = await book.read()
    assert calls == {}


async def test_two_people_whose_agent_dies_are_left_to_themselves(
    make: Callable[..., Server], livekit: LiveKit, book: CallBook
) -> None:
    server = make()
    livekit.open("room", "", anna=SIP, colleague=SIP)
    await server.take("room", "first")
    await server.live(0.5)
    await book.hand("room", "first")
    server.running.remove("first")  # killed
    await server.live(10)
    assert (livekit.asked, livekit.removed) == ([], [])
    del livekit.people["room"]
    await server.live(2)
    _, calls = await book.read()
    assert calls == {}


async def test_a_call_that_another_server_has_forgotten_is_over(
    make: Callable[..., Server], livekit: LiveKit, book: CallBook
) -> None:
    server, other = make(), make(server="other")
    livekit.open("room", "", anna=STANDARD)
    await server.take("room", "first")
    await server.live(0.5)
    await book.finish("room", "first")
    del livekit.people["room"]
    await other.live(2)
    await server.live(0.25)
    assert server.dispatcher.over == {"first"}


async def test_a_call_goes_on_where_the_book_has_lost_it(
    make: Callable[..., Server], livekit: LiveKit, book: CallBook
) -> None:
    server = make()
    livekit.open("room", "", anna=STANDARD)
    await server.take("room", "first")
    await server.live(0.5)
    await book._store.change("room", lambda *_: None)  # as of a Redis that starts empty
    await server.live(2)
    assert server.dispatcher.over == set()
    del livekit.people["room"]
    await server.live(0.25)
    assert server.dispatcher.over == {"first"}


async def test_a_call_that_is_taken_while_the_book_is_read_is_not_over(
    make: Callable[..., Server], livekit: LiveKit, book: CallBook, clock: Clock
) -> None:
    server = make()
    livekit.open("room", "", anna=STANDARD)
    before = await book.read()
    await server.take("room", "first")
    await server.dispatcher._on_seen(watch.Seen(*before, lost=[]))
    assert server.dispatcher.over == set()


async def test_a_call_that_the_book_did_not_take_is_not_over_for_that(
    make: Callable[..., Server], livekit: LiveKit, book: CallBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> None:
        raise StoreError("nobody is there")

    server = make()
    livekit.open("room", "", anna=STANDARD)
    with monkeypatch.context() as down:
        down.setattr(book._store, "change", broken)
        await server.take("room", "first")
    await server.live(10)
    assert server.dispatcher.over == set()


async def test_a_call_whose_user_has_gone_is_forgotten(
    make: Callable[..., Server], livekit: LiveKit, book: CallBook
) -> None:
    server = make()
    for room in ("empty", "closed"):
        livekit.open(room, "", anna=STANDARD)
        await server.take(room, f"agent of {room}")
    del livekit.people["empty"]["anna"]
    del livekit.people["closed"]
    server.running.clear()
    await server.live(3)
    assert livekit.asked == []
    _, calls = await book.read()
    assert calls == {}


async def test_whoever_found_no_place_gets_one_when_it_is_free(
    make: Callable[..., Server], livekit: LiveKit
) -> None:
    server = make()
    server.places = 0
    livekit.open("first", "", metadata="asked for", anna=STANDARD)
    await server.live(_SETTLED)
    livekit.open("second", "", berta=STANDARD)
    await server.live(60)
    assert livekit.asked == []
    server.places = 1
    await server.live(_LOOK_AT_ROOMS + 0.25)
    assert livekit.asked == [("first", "", "asked for")]
    await server.take("first", "agent")
    server.places = 0
    await server.live(10)
    server.places = 1
    await server.live(_LOOK_AT_ROOMS + 0.25)
    assert [room for room, *_ in livekit.asked] == ["first", "second"]


async def test_no_agent_is_called_where_none_is_wanted(
    make: Callable[..., Server], livekit: LiveKit
) -> None:
    server = make(agent_name="parley")
    livekit.open("of another agent", "other", anna=STANDARD)
    livekit.open("without agents", anna=STANDARD)
    livekit.open("with an agent", "parley", anna=STANDARD, somebody=AGENT)
    livekit.open("of agents", "parley", somebody=AGENT)
    livekit.open("empty", "parley")
    await server.live(30)
    assert livekit.asked == []


async def test_livekit_has_time_to_bring_its_own_agent(
    make: Callable[..., Server], livekit: LiveKit
) -> None:
    server = make()
    livekit.open("new", "", anna=STANDARD)
    await server.live(_SETTLED - 0.25)
    assert livekit.asked == []
    livekit.open("asked for by another server just now", "", age=_RECENT / 2, berta=STANDARD)
    await server.live(1)
    await server.take("new", "agent")
    await server.live(_SETTLED * 2)
    assert [room for room, *_ in livekit.asked] == ["new"]


async def test_an_agent_that_does_not_come_is_called_again(
    make: Callable[..., Server], livekit: LiveKit
) -> None:
    server = make()
    livekit.open("room", "", anna=STANDARD)
    await server.take("room", "first")
    server.running.clear()
    await server.live(0.5)
    assert len(livekit.asked) == 1
    await server.live(CALLED_FOR - 0.5)
    assert len(livekit.asked) == 1
    await server.live(1)
    assert len(livekit.asked) == 2


async def test_no_more_are_called_than_there_are_places(
    make: Callable[..., Server], livekit: LiveKit
) -> None:
    server = make()
    for i in range(5):
        livekit.open(str(i), "", anna=STANDARD)
        await server.take(str(i), f"agent {i}")
    server.running.clear()
    server.places = 3
    await server.live(2)
    assert len(livekit.asked) == 3


async def test_the_calls_of_a_server_that_dies_go_to_another(
    make: Callable[..., Server], livekit: LiveKit, book: CallBook
) -> None:
    one, other = make(), make(server="other")
    livekit.open("room", "", anna=STANDARD)
    await one.live(1)
    await one.take("room", "first")
    await book.begin("room", "first", "anna")
    # Killed with its jobs, as by the loss of its machine: nobody says so.
    await other.live(LAPSE - 0.5)
    assert livekit.asked == []
    await other.live(1)
    assert livekit.removed == [("room", "first")]
    assert [room for room, *_ in livekit.asked] == ["room"]


async def test_a_job_without_a_server_says_so_itself(
    make: Callable[..., Server], livekit: LiveKit, book: CallBook
) -> None:
    one, other = make(), make(server="other", standby=True)
    livekit.open("room", "", anna=STANDARD)
    await one.live(1)
    await one.take("room", "first")
    assert not await other.dispatcher.admits()
    await book.orphan("room", "first")
    await other.live(0.25)
    assert [room for room, *_ in livekit.asked] == ["room"]
    assert await other.dispatcher.admits()


async def test_a_server_that_stands_by_does_nothing_while_another_lives(
    make: Callable[..., Server], livekit: LiveKit
) -> None:
    one, standby = make(), make(server="other", standby=True)
    livekit.open("room", "", anna=STANDARD)
    livekit.open("waiting", "", berta=STANDARD)
    await one.live(0.25)
    await one.take("room", "first")
    one.running.clear()
    await one.dispatcher.beat()
    for _ in range(20):
        await one.dispatcher.beat()
        await standby.live(0.25)
    assert livekit.asked == []
    assert not await standby.dispatcher.admits()
    await standby.live(LAPSE + _SETTLED + 1)
    assert {room for room, *_ in livekit.asked} == {"room", "waiting"}


async def test_a_server_that_stands_by_takes_the_calls_that_a_draining_one_does_not(
    make: Callable[..., Server], livekit: LiveKit
) -> None:
    one, standby = make(), make(server="other", standby=True)
    livekit.open("room", "", anna=STANDARD)
    await one.live(0.25)
    await one.take("room", "first")
    one.draining, one.places = True, 0
    for _ in range(40):
        await one.live(0.25)
        await standby.dispatcher.watch.look()
    assert await standby.dispatcher.admits()
    assert (livekit.removed, livekit.asked) == ([], [])  # it finishes what it has


async def test_nobody_is_dead_because_the_machine_stood_still(
    make: Callable[..., Server], livekit: LiveKit, book: CallBook, clock: Clock
) -> None:
    one, other = make(), make(server="other")
    livekit.open("room", "", anna=STANDARD)
    await other.live(0.25)
    await one.live(0.25)
    await one.take("room", "first")
    clock.now += 20  # asleep; the other one is the first to wake
    await other.live(1)
    assert (livekit.removed, livekit.asked) == ([], [])
    await one.dispatcher.beat()
    await book.keep("room", "first")  # its job wakes, too
    await other.live(LAPSE - 0.5)
    assert (livekit.removed, livekit.asked) == ([], [])
    await other.live(LAPSE)
    assert livekit.asked != []


async def test_a_ticket_that_was_used_at_one_server_is_used_up_at_all(
    make: Callable[..., Server], livekit: LiveKit, book: CallBook, clock: Clock
) -> None:
    name = new_name()
    one, other = make(), make(server="other")
    livekit.open(name, "", anna=STANDARD)
    assert await one.take(name, "first", sid="RM_1")
    await book.lose(name, "first")
    assert await other.take(name, "second", sid="RM_1")  # the same room: its agent died
    await book.finish(name, "second")
    assert not await other.take(name, "third", sid="RM_2")
    assert not await one.take(name, "third", sid="RM_2")
    assert await other.take(new_name_in(livekit), "fourth", sid="RM_3")
    # Of others than the page's a room may be made again under its name.
    livekit.open("call-_+441632960961", "", anna=SIP)
    assert await one.take("call-_+441632960961", "fifth", sid="RM_4")
    await book.finish("call-_+441632960961", "fifth")
    assert await other.take("call-_+441632960961", "sixth", sid="RM_5")


def new_name_in(livekit: LiveKit) -> str:
    name = new_name()
    livekit.open(name, "", anna=STANDARD)
    return name


@pytest.mark.parametrize("answers", [True, False], ids=["refuses", "hangs"])
async def test_nobody_is_left_alone_because_the_store_is_down(
    livekit: LiveKit, clock: Clock, monkeypatch: pytest.MonkeyPatch, answers: bool
) -> None:
    monkeypatch.setattr(dispatcher, "_ASKED", 0.05)
    down = Down(answers=answers)
    server = Server(CallBook(cast(Any, down)), livekit, clock)
    async with asyncio.timeout(20):
        assert await server.take(new_name_in(livekit), "first")
    assert down.asked == 1  # and not once more for the call: they wait for one answer, not for two


async def test_a_watch_alone_takes_the_dead_out_of_their_rooms(
    make: Callable[..., Server], livekit: LiveKit, book: CallBook, clock: Clock
) -> None:
    server = make()
    livekit.open("room", "", anna=STANDARD)
    await server.live(0.25)
    await server.take("room", "first")
    watch = DeathWatch(book, livekit.client, clock=clock)
    for _ in range(11):
        clock.now += 0.25
        await watch.look()
    assert livekit.removed == [("room", "first")]
    assert livekit.asked == []
    _, calls = await book.read()
    assert calls["room"].state == "lost"


async def test_livekit_is_asked_for_its_rooms_once_a_second(
    make: Callable[..., Server], livekit: LiveKit
) -> None:
    server = make()
    livekit.open("room", "", anna=STANDARD)
    await server.take("room", "first")
    await server.live(10)
    assert livekit.listed == pytest.approx(10, abs=1)


async def test_a_server_that_died_long_ago_is_no_longer_in_the_book(
    make: Callable[..., Server], book: CallBook
) -> None:
    await book.beat("dead", True)
    server = make()
    await server.live(61)
    at, _ = await book.read()
    assert set(at.servers) == {"server"}


async def test_a_server_that_ends_leaves_the_book(
    make: Callable[..., Server], book: CallBook
) -> None:
    server = make()
    async with server.dispatcher:
        at, _ = await book.read()
        assert at.serves("server")
    at, _ = await book.read()
    assert not at.serves("server")


async def test_what_fails_now_and_then_is_told_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    clock, times = 0.0, 0

    async def work() -> None:
        nonlocal clock, times
        clock += 1.0
        times += 1
        if times == 30:
            clock += 60.0  # all was well for a minute
        if times == 40:
            raise asyncio.CancelledError
        if times % 2:
            raise TimeoutError

    monkeypatch.setattr(watch, "time", SimpleNamespace(monotonic=lambda: clock))
    with pytest.raises(asyncio.CancelledError):
        await watch.every(0.0, work)
    assert [record.message for record in caplog.records] == ["calls are not watched"] * 2

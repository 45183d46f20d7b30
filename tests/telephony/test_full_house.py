"""Who waits for a place, and what they meet; LiveKit is a stand-in, and so is whoever is there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, cast

import pytest
from livekit import api, rtc

from agent import settings
from agent.full_house_settings import FullHouseSettings
from agent.post_call import Outbox
from agent.post_call_settings import PostCallSettings
from agent.recovery import CallBook, Dispatcher
from agent.recovery.sqlite_store import SqliteStore
from agent.recovery.waiting import ATTENDANT
from agent.settings import LANGUAGE_ATTRIBUTE, SettingsError
from agent.telephony.full_house import WaitingLine, line
from agent.telephony.full_house.attendant import Holding, Outcome, token
from tests.recovery.conftest import Clock
from tests.recovery.fakes import AGENT, SIP, STANDARD, LiveKit


class Attendant:
    """Is with a caller until a test says how it ends."""

    all: list[Attendant] = []

    def __init__(self, holding: Holding, _: Any, livekit: Any, position: int) -> None:
        self.holding, self.livekit, self.positions = holding, livekit, [position]
        self.over: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        Attendant.all.append(self)

    def move(self, position: int) -> None:
        if position != self.positions[-1]:
            self.positions.append(position)

    def close(self) -> None:
        self.over.set_result("closing")

    async def run(self, url: str, token: str) -> Outcome:
        self.livekit.people[self.holding.room][ATTENDANT] = AGENT
        try:
            return await self.over
        finally:
            self.livekit.people.get(self.holding.room, {}).pop(ATTENDANT, None)


class House:
    """An agent server with so many places, and its line."""

    def __init__(
        self,
        book: CallBook,
        livekit: LiveKit,
        clock: Clock,
        full: FullHouseSettings,
        name: str,
        post_call: PostCallSettings | None,
    ) -> None:
        self.places, self.is_draining, self.running = 0, False, set[str]()
        self.livekit, self.clock = livekit, clock
        self.dispatcher = Dispatcher(
            book,
            livekit.client,
            server=name,
            agent_name="",
            places=lambda: self.places,
            running=lambda: self.running,
            draining=lambda: self.is_draining,
            clock=clock,
        )
        profile = settings.load("gpu")
        phone = profile.phone.model_copy(update={"full_house": full, "language": "zh"})
        profile = profile.model_copy(update={"phone": phone, "post_call": post_call})
        self.line = WaitingLine(profile, livekit.client, book, self.dispatcher, clock)

    async def take(self, room: str) -> None:
        """Have an agent take a call, and have no place again."""
        await self.dispatcher.hold(room, f"RM_{room}", f"agent of {room}", "")
        self.running.add(f"agent of {room}")
        self.livekit.people[room][f"agent of {room}"] = AGENT
        self.places = 0

    async def live(self, seconds: float) -> None:
        end = self.clock.now + seconds
        while self.clock.now < end:
            self.clock.now += 0.5
            await self.dispatcher.beat()
            await self.dispatcher.watch.look()
            await self.line.look()
            await asyncio.sleep(0)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def livekit() -> LiveKit:
    return LiveKit()


@pytest.fixture
async def house(
    tmp_path: Path, livekit: LiveKit, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Callable[..., House]]:
    book = CallBook(SqliteStore(tmp_path / "calls.sqlite3", clock))
    for name in ("URL", "API_KEY", "API_SECRET"):
        monkeypatch.setenv(f"LIVEKIT_{name}", "x" * 32)
    monkeypatch.setattr(line, "Attendant", Attendant)
    Attendant.all = []
    made: list[House] = []

    def make(name: str = "server", post_call: PostCallSettings | None = None, **full: Any) -> House:
        made.append(House(book, livekit, clock, FullHouseSettings(**full), name, post_call))
        return made[-1]

    yield make
    for each in made:
        await each.line.__aexit__()
    await book.aclose()


async def test_a_caller_without_a_place_finds_the_line_busy_after_so_much_ringing(
    house: Callable[..., House], livekit: LiveKit
) -> None:
    full = house(ring=20)
    livekit.open("first", "", anna=SIP)
    await full.live(10)
    livekit.open("second", "", berta=SIP)
    livekit.open("browser", "", carla=STANDARD)
    await full.live(10)
    assert livekit.deleted == []
    await full.live(2)
    assert livekit.deleted == ["first"]
    await full.live(10)
    assert livekit.deleted == ["first", "second"]
    assert "browser" in livekit.people


async def test_the_line_is_busy_at_once_where_nothing_is_to_ring(
    house: Callable[..., House], livekit: LiveKit
) -> None:
    full = house(ring=0)
    livekit.open("first", "", anna=SIP)
    livekit.counts_late = True
    await full.live(0.5)
    assert livekit.deleted == []  # LiveKit may still ask another server
    await full.live(1.5)
    assert livekit.deleted == ["first"]


async def test_whoever_gets_a_place_while_it_rings_is_not_turned_away(
    house: Callable[..., House], livekit: LiveKit
) -> None:
    full = house(ring=10)
    for room in ("first", "second"):
        livekit.open(room, "", anna=SIP)
        await full.live(0.5)
    await full.live(5)
    full.places = 1
    await full.live(0.5)
    assert [room for room, *_ in livekit.asked] == ["first"]  # who has waited longest
    await full.take("first")
    await full.live(20)
    assert livekit.deleted == ["second"]


async def test_callers_hold_and_move_up(house: Callable[..., House], livekit: LiveKit) -> None:
    full = house(then="queue", ring=2, callers=2, longest=60)
    for room in ("first", "second", "third"):
        livekit.open(room, "", anna=SIP)
    await full.live(4)
    first, second = Attendant.all
    assert [each.holding.room for each in (first, second)] == ["first", "second"]
    assert (first.positions, second.positions) == ([1], [2])
    assert (first.holding.longest, first.holding.transfer) == (60, None)
    assert livekit.deleted == ["third"]  # there is room for two
    full.places = 1
    await full.live(1)
    assert [room for room, *_ in livekit.asked] == ["first"]  # though somebody is with them
    await full.take("first")
    first.over.set_result("agent")
    await full.live(2)
    assert second.positions == [2, 1]
    assert len(Attendant.all) == 2


async def test_a_caller_is_spoken_to_in_the_language_of_the_line(
    house: Callable[..., House], livekit: LiveKit
) -> None:
    full = house(then="queue", ring=0)
    livekit.open("german", "", anna=SIP)
    livekit.open("unknown", "", berta=SIP)
    livekit.attributes["german", "anna"] = {LANGUAGE_ATTRIBUTE: "de"}
    await full.live(2)
    assert [each.holding.language for each in Attendant.all] == ["de", "zh"]


async def test_callers_are_sent_on_at_once_or_when_nobody_became_free(
    house: Callable[..., House], livekit: LiveKit
) -> None:
    livekit.open("first", "", anna=SIP)
    await house(then="number", number="+442079460018", ring=0).live(2)
    await house("other", then="queue", number="100", ring=0).live(2)
    (sent,) = Attendant.all  # and one of them is with the caller, not both
    assert sent.holding.longest == 0
    assert sent.holding.transfer


async def test_a_caller_whose_attendant_failed_is_not_left_alone(
    house: Callable[..., House], livekit: LiveKit, caplog: pytest.LogCaptureFixture
) -> None:
    full = house(then="queue", ring=0)
    livekit.open("first", "", anna=SIP)
    await full.live(2)
    Attendant.all[0].over.set_exception(rtc.ConnectError("no"))
    await full.live(2)
    assert [each.holding.room for each in Attendant.all] == ["first", "first"]
    assert "nobody is with a caller who holds" in caplog.text


async def test_whoever_finds_no_agent_leaves_a_record(
    house: Callable[..., House],
    livekit: LiveKit,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PARLEY_STATE", str(tmp_path / "state"))
    full = house(then="queue", ring=0, callers=1, post_call=PostCallSettings(folder=tmp_path))
    for room in ("first", "second"):
        livekit.open(room, "", anna=SIP)
    await full.live(2)
    Attendant.all[0].over.set_result("gone")
    await asyncio.gather(*full.line._tasks)
    outbox = Outbox()
    kept = {
        (p.record["room"], p.record["outcome"], p.record["cause"]) for p in await outbox.waiting()
    }
    await outbox.aclose()
    assert kept == {("second", "busy", "no place"), ("first", "abandoned", "caller")}


async def test_who_holds_hears_that_the_server_stops_unless_another_goes_on(
    house: Callable[..., House], livekit: LiveKit, clock: Clock
) -> None:
    full, other = house(then="queue", ring=0), house("other", then="queue", ring=0)
    livekit.open("first", "", anna=SIP)
    await full.live(2)
    await other.dispatcher.beat()
    full.is_draining = True
    await full.line.close()
    assert not Attendant.all[0].over.done()
    other.is_draining = True
    await other.dispatcher.beat()
    await full.line.close()
    assert Attendant.all[0].over.result() == "closing"


async def test_nobody_rings_for_a_place_on_a_server_that_stops(
    house: Callable[..., House], livekit: LiveKit
) -> None:
    full = house(then="queue", ring=60)
    full.is_draining = True
    livekit.open("first", "", anna=SIP)
    await full.live(2)
    assert livekit.deleted == ["first"]
    assert Attendant.all == []


def test_a_number_is_needed_to_send_callers_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARLEY_PHONE__FULL_HOUSE__THEN", "number")
    with pytest.raises(SettingsError, match="then: number needs the number"):
        settings.load("gpu")
    monkeypatch.setenv("PARLEY_PHONE__FULL_HOUSE__NUMBER", "+442079460018")
    assert settings.load("gpu").phone.may_cost  # so that it has to be remembered


def test_an_attendant_hears_nobody() -> None:
    claims = api.TokenVerifier("key", "s" * 32).verify(token("room", "key", "s" * 32))
    assert (claims.identity, claims.kind) == (ATTENDANT, "agent")
    assert claims.video
    assert claims.video.can_subscribe is False  # hears no caller
    assert cast(Any, claims.video).room == "room"

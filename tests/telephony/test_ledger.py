"""What the ledger grants and keeps: over jobs, restarts and machines, in each of its stores."""

from __future__ import annotations

import asyncio
import contextlib
import json
import multiprocessing
import sqlite3
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from agent.phone_settings import PhoneSettings
from agent.settings import Settings, SettingsError, load
from agent.telephony.ledger import Attempt, Ledger, LedgerError, assure, open_ledger
from agent.telephony.ledger.attempt import CLAIMED, DAY, KEPT, LAPSED
from agent.telephony.ledger.redis_store import RedisStore
from agent.telephony.ledger.sqlite_store import SqliteStore
from agent.telephony.numbers import NotAllowed
from tests.recovery.conftest import Clock, running_redis
from tests.recovery.conftest import redis as redis

from .fakes import SETTINGS

NUMBER = "+1…43"
LIMITS = PhoneSettings(calls_per_minute=5, minutes_per_day=40, max_minutes=10)
Open = Callable[[], Ledger]


@pytest.fixture(params=["sqlite", "redis"])
async def again(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Open]:
    """Opens the same ledger, as each job does that is started."""
    if request.param == "redis":
        url = request.getfixturevalue("redis")
        async with Redis.from_url(url) as client:
            await client.flushall()
    opened: list[Ledger] = []

    def again() -> Ledger:
        if request.param == "redis":
            opened.append(Ledger(RedisStore(url), LIMITS))
        else:
            opened.append(Ledger(SqliteStore(tmp_path / "attempts.sqlite3"), LIMITS))
        return opened[-1]

    yield again
    for ledger in opened:
        await ledger.aclose()
        await ledger.aclose()


@pytest.fixture
def clock() -> Clock:
    return Clock(1_800_000_000.0)


@pytest.fixture
async def timed(tmp_path: Path, clock: Clock) -> AsyncIterator[Ledger]:
    ledger = Ledger(SqliteStore(tmp_path / "timed.sqlite3", clock), LIMITS)
    yield ledger
    await ledger.aclose()


async def attempts(ledger: Ledger) -> list[Attempt]:
    return await ledger.since(KEPT)


async def test_an_attempt_is_one_record_from_the_order_to_its_minutes(again: Open) -> None:
    ordering, dialling = again(), again()
    ordered = await ordering.order("place_call", NUMBER, "call_1")
    await dialling.claim(ordered.id, "call-out-1", "callee")
    await dialling.answered(ordered.id, "SCL_1")
    held = await again().held("call-out-1", "callee")
    assert held is not None
    assert held.id == ordered.id
    await dialling.over(ordered.id)
    await dialling.over(ordered.id)
    (kept,) = await attempts(again())
    assert (kept.order, kept.ordered_in, kept.number) == ("place_call", "call_1", NUMBER)
    assert (kept.room, kept.identity, kept.call) == ("call-out-1", "callee", "SCL_1")
    assert (kept.state, kept.minutes) == ("over", 1)
    assert kept.answered_at is not None
    assert kept.ended_at is not None
    assert kept.at <= kept.answered_at <= kept.ended_at
    assert await again().held("call-out-1", "callee") is None


async def test_of_forty_orders_at_once_by_four_jobs_no_more_are_granted_than_may_be(
    again: Open,
) -> None:
    jobs = [again() for _ in range(4)]
    results = await asyncio.gather(
        *(jobs[i % 4].order("place_call", NUMBER) for i in range(40)), return_exceptions=True
    )
    granted = [each for each in results if isinstance(each, Attempt)]
    refused = [each for each in results if isinstance(each, NotAllowed)]
    assert (len(granted), len(refused)) == (4, 36)  # four of ten minutes, of forty
    assert sum(each.minutes for each in granted) == 40
    assert Counter(each.reason for each in refused) == {"minutes": 36}
    kept = Counter((each.state, each.reason) for each in await attempts(again()))
    assert kept == {("ordered", ""): 4, ("refused", "minutes"): 36}


async def test_a_transfer_counts_as_a_call_and_takes_no_minutes(again: Open) -> None:
    for _ in range(LIMITS.calls_per_minute):
        await again().order("transfer_call", "Sales")
    with pytest.raises(NotAllowed, match="within a minute") as refused:
        await again().order("place_call", NUMBER)
    assert refused.value.reason == "calls"


async def test_a_transfer_waits_for_nobodys_minutes_but_is_refused_when_they_are_spent(
    timed: Ledger, clock: Clock
) -> None:
    for _ in range(4):
        ordered = await timed.order("program", NUMBER)
        await timed.claim(ordered.id, ordered.id, "callee")
    await timed.order("transfer_call", "Sales")
    clock.now += 600
    for each in await attempts(timed):
        await timed.over(each.id)
    with pytest.raises(NotAllowed, match="minutes of today"):
        await timed.order("transfer_call", "Sales")


async def test_who_was_not_reached_costs_nothing(again: Open) -> None:
    ledger = again()
    for _ in range(LIMITS.calls_per_minute):
        ordered = await ledger.order("program", NUMBER)
        await ledger.claim(ordered.id, "room", "callee")
        await ledger.failed(ordered.id, "Busy Here", "busy")
    assert {(each.state, each.minutes, each.why) for each in await attempts(ledger)} == {
        ("failed", 0, "Busy Here")
    }


async def test_an_order_is_carried_out_once(again: Open) -> None:
    ordered = await again().order("place_call", NUMBER)
    await again().claim(ordered.id, "room", "callee")
    await again().claim(ordered.id, "room", "callee")  # for an agent that died while it rang
    with pytest.raises(NotAllowed, match="has been made"):
        await again().claim(ordered.id, "another", "callee")
    await again().answered(ordered.id, "SCL_1")
    with pytest.raises(NotAllowed, match="has been made"):
        await again().claim(ordered.id, "room", "callee")
    with pytest.raises(NotAllowed, match="never ordered"):
        await again().claim("made up", "room", "callee")


async def test_an_order_that_nobody_takes_is_called_off_and_its_minutes_are_there_again(
    again: Open,
) -> None:
    ledger = again()
    ordered = await ledger.order("place_call", NUMBER)
    with pytest.raises(NotAllowed, match="No agent was free"):
        await ledger.taken(ordered.id, within=0.05)
    with pytest.raises(NotAllowed, match="No agent was free"):
        await again().claim(ordered.id, "room", "callee")  # whose turn it is now
    (kept,) = await attempts(ledger)
    assert (kept.state, kept.minutes) == ("refused", 0)


async def test_who_orders_a_call_hears_that_it_was_taken_or_why_not(again: Open) -> None:
    ledger, other = again(), again()
    ordered = await ledger.order("place_call", NUMBER)
    waiting = asyncio.create_task(ledger.taken(ordered.id, within=20.0))
    await other.claim(ordered.id, "room", "callee")
    await waiting
    await other.call_off(ordered.id, "too late for that")
    assert [each.state for each in await attempts(ledger)] == ["calling"]


async def test_what_was_refused_for_its_number_is_kept_too(again: Open) -> None:
    why = NotAllowed("Numbers of that kind (premium rate) may not be called.", "range")
    await again().refuse("place_call", "+44…23", why, "call_1")
    (kept,) = await attempts(again())
    assert (kept.state, kept.reason, kept.why) == ("refused", "range", str(why))
    assert (await again().order("place_call", NUMBER)).minutes == 10


async def test_minutes_of_a_day_come_back_when_they_are_a_day_old(
    timed: Ledger, clock: Clock
) -> None:
    for _ in range(4):
        await timed.claim((await timed.order("program", NUMBER)).id, "room", "callee")
        clock.now += 60
    with pytest.raises(NotAllowed, match="minutes of today"):
        await timed.order("program", NUMBER)  # though every job of theirs may be dead
    clock.now += DAY - 4 * 60 - 1
    with pytest.raises(NotAllowed, match="minutes of today"):
        await timed.order("program", NUMBER)
    clock.now += 2
    assert (await timed.order("program", NUMBER)).minutes == 10


async def test_a_call_counts_each_minute_that_it_has_begun(timed: Ledger, clock: Clock) -> None:
    for seconds, minutes in ((1, 1), (60, 1), (61, 2), (3600, 10)):
        ordered = await timed.order("program", NUMBER)
        await timed.claim(ordered.id, "room", "callee")
        clock.now += 25  # it rings
        await timed.answered(ordered.id, "SCL")
        clock.now += seconds
        await timed.over(ordered.id)
        assert (await attempts(timed))[-1].minutes == minutes


async def test_the_last_call_of_a_day_has_what_is_left(timed: Ledger, clock: Clock) -> None:
    for minutes in (10, 10, 10, 9):
        ordered = await timed.order("program", NUMBER)
        await timed.claim(ordered.id, "room", "callee")
        clock.now += minutes * 60
        await timed.over(ordered.id)
    assert (await timed.order("program", NUMBER)).minutes == 1


async def test_an_order_whose_job_died_is_not_carried_out_late_and_takes_no_minutes(
    timed: Ledger, clock: Clock
) -> None:
    late = [await timed.order("place_call", NUMBER) for _ in range(4)]
    clock.now += CLAIMED + 1
    with pytest.raises(NotAllowed, match="minutes of today"):
        await timed.order("place_call", NUMBER)  # one may have been taken in the last moment
    with pytest.raises(NotAllowed, match="No agent was free"):
        await timed.claim(late[0].id, "room", "callee")
    clock.now += LAPSED
    assert (await timed.order("place_call", NUMBER)).minutes == 10


async def test_attempts_are_kept_for_ninety_days(timed: Ledger, clock: Clock) -> None:
    await timed.order("program", NUMBER)
    clock.now += KEPT - 1
    await timed.order("program", NUMBER)
    assert len(await attempts(timed)) == 2
    clock.now += 2
    await timed.order("program", NUMBER)
    assert len(await attempts(timed)) == 2


async def test_a_clock_that_was_set_back_grants_nothing_more(timed: Ledger, clock: Clock) -> None:
    for _ in range(4):
        await timed.claim((await timed.order("program", NUMBER)).id, "room", "callee")
    clock.now -= 3 * DAY
    with pytest.raises(NotAllowed, match="minutes of today"):
        await timed.order("program", NUMBER)


async def test_a_clock_that_was_a_year_ahead_keeps_nobody_from_calling_for_a_year(
    timed: Ledger, clock: Clock
) -> None:
    clock.now += 365 * DAY
    for _ in range(4):
        await timed.claim((await timed.order("program", NUMBER)).id, "room", "callee")
    clock.now -= 365 * DAY
    with pytest.raises(NotAllowed, match="minutes of today"):
        await timed.order("program", NUMBER)
    clock.now += DAY + 1
    assert (await timed.order("program", NUMBER)).minutes == 10


async def test_attempts_of_the_future_count_for_a_day_in_redis(redis: str) -> None:
    async with Redis.from_url(redis) as client:
        await client.flushall()
        ledger = Ledger(RedisStore(redis), LIMITS)
        for _ in range(4):
            ordered = await ledger.order("program", NUMBER)
            await ledger.claim(ordered.id, "room", "callee")
            # As a clock did that was ahead.
            await client.zincrby("parley:attempts", 365 * DAY, ordered.id)
        for _ in range(2):
            with pytest.raises(NotAllowed, match="minutes of today"):
                await ledger.order("program", NUMBER)
        for attempt, _ in await client.zrange("parley:attempts", 0, -1, withscores=True):
            await client.zincrby("parley:attempts", -DAY - 1, attempt)
        assert (await ledger.order("program", NUMBER)).minutes == 10
        await ledger.aclose()


async def test_a_clock_that_is_set_back_during_a_call_makes_it_no_shorter(
    timed: Ledger, clock: Clock
) -> None:
    for lasted, minutes in ((None, 10), (290.0, 5), (1e6, 10)):
        ordered = await timed.order("program", NUMBER)
        await timed.claim(ordered.id, "room", "callee")
        await timed.answered(ordered.id, "SCL")
        clock.now -= 3600
        await timed.over(ordered.id, lasted)
        clock.now += 3601
        (kept,) = [each for each in await attempts(timed) if each.id == ordered.id]
        assert kept.minutes == minutes


async def test_an_entry_that_cannot_be_read_or_is_missing_grants_nothing(
    redis: str, tmp_path: Path
) -> None:
    path = tmp_path / "attempts.sqlite3"
    file, shared = Ledger(SqliteStore(path), LIMITS), Ledger(RedisStore(redis), LIMITS)
    entered = await file.order("program", NUMBER)
    with contextlib.closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE attempts SET entry = '{\"id\": 1}'")
    with pytest.raises(NotAllowed, match="cannot be placed now"):
        await file.claim(entered.id, "room", "callee")
    async with Redis.from_url(redis) as client:
        await client.flushall()
        entered = await shared.order("program", NUMBER)
        for broken in ("not JSON", '{"made": "by another version"}'):
            await client.set(f"parley:attempt:{entered.id}", broken)
            with pytest.raises(NotAllowed, match="cannot be placed now"):
                await shared.order("program", NUMBER)
            with pytest.raises(NotAllowed, match="cannot be placed now"):
                await shared.claim(entered.id, "room", "callee")
        await client.delete(f"parley:attempt:{entered.id}")
        with pytest.raises(NotAllowed, match="cannot be placed now"):
            await shared.order("program", NUMBER)
        await client.flushall()
    await file.aclose()
    await shared.aclose()


async def test_a_redis_that_goes_away_in_the_middle_grants_nothing_and_ends_no_call(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with running_redis(tmp_path) as (url, process):
        ledger = Ledger(RedisStore(url), LIMITS)
        rings = await ledger.order("program", NUMBER)
        await ledger.claim(rings.id, "room", "callee")
        late = await ledger.order("place_call", NUMBER)
        process.kill()
        process.wait()
        await ledger.answered(rings.id, "SCL")  # the call goes on
        with pytest.raises(NotAllowed, match="cannot be placed now"):
            await ledger.order("program", NUMBER)
        with pytest.raises(NotAllowed, match="cannot be placed now"):
            await ledger.claim(late.id, "room", "callee")
        with pytest.raises(NotAllowed, match="No agent was free"):
            await ledger.taken(late.id, within=0.1)
        await ledger.aclose()
    assert "calls cannot be counted, so none is placed" in caplog.text


async def test_a_redis_that_hangs_is_given_up() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()  # never a word
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        ledger = Ledger(RedisStore(f"redis://127.0.0.1:{port}"), LIMITS)
        began = time.monotonic()
        with pytest.raises(NotAllowed, match="cannot be placed now"):
            await ledger.order("program", NUMBER)
        assert time.monotonic() - began < 8.0
        await ledger.aclose()


def _job(path: str, number: str, times: int) -> None:
    """A job that calls, and dies: it gives nothing back."""

    async def run() -> None:
        ledger = Ledger(SqliteStore(Path(path)), LIMITS)
        for _ in range(times):
            try:
                ordered = await ledger.order("program", number)
                await ledger.claim(ordered.id, "room", "callee")
                await ledger.answered(ordered.id, "SCL")
            except NotAllowed:
                pass

    asyncio.run(run())


def test_processes_that_die_call_no_more_than_may_be_called(tmp_path: Path) -> None:
    path = tmp_path / "attempts.sqlite3"
    # They are forked from a process that has imported this once, and has no threads.
    fork = multiprocessing.get_context("forkserver")
    fork.set_forkserver_preload([__name__])
    for _ in range(2):  # and again, after all of them were started anew
        jobs = [fork.Process(target=_job, args=(str(path), NUMBER, 10)) for _ in range(2)]
        for job in jobs:
            job.start()
        for job in jobs:
            job.join(60)
            assert job.exitcode == 0

    async def kept() -> list[Attempt]:
        ledger = Ledger(SqliteStore(path), LIMITS)
        try:
            return await attempts(ledger)
        finally:
            await ledger.aclose()

    entries = asyncio.run(kept())
    assert Counter(each.state for each in entries) == {"answered": 4, "refused": 36}
    assert sum(each.minutes for each in entries) == LIMITS.minutes_per_day
    assert path.stat().st_mode & 0o77 == 0


async def test_where_nothing_can_be_written_nothing_is_granted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("no database, but long enough to be taken for one" * 40)
    for broken in (
        Ledger(SqliteStore(tmp_path / "file"), LIMITS),
        Ledger(RedisStore("redis://127.0.0.1:1"), LIMITS),
    ):
        with pytest.raises(NotAllowed, match="cannot be placed now"):
            await broken.order("program", NUMBER)
        with pytest.raises(NotAllowed, match="cannot be placed now"):
            await broken.claim("any", "room", "callee")
        await broken.over("any")  # says so in the log, and harms no call
        assert await broken.held("room", "callee") is None
        await broken.aclose()
    assert "the ledger cannot be written" in caplog.text


def _profile(**phone: Any) -> Settings:
    return load("gpu").model_copy(update={"phone": SETTINGS.model_copy(update=phone)})


async def test_a_server_does_not_start_where_calls_may_cost_and_nothing_remembers(
    tmp_path: Path, redis: str
) -> None:
    (tmp_path / "file").write_text("")
    for store, why in (
        (redis, "writes nothing to disk"),
        ("redis://127.0.0.1:1", "cannot be used"),
        ("redis://127.0.0.1:port", "not the address of a Redis"),
        (f"sqlite:///{tmp_path}/file/attempts.sqlite3", "cannot be used"),
    ):
        with pytest.raises(SettingsError, match=why) as refused:
            await assure(_profile(budget_store=store))
        assert "phone.budget_store" in str(refused.value)
        # A profile that calls nobody needs no ledger, but each call opens it: by no wrong address.
        calls_nobody = _profile(budget_store=store, trunk=None)
        if store.endswith(":port"):
            with pytest.raises(SettingsError, match=why):
                await assure(calls_nobody)
        else:
            await assure(calls_nobody)
    await assure(_profile(budget_store=f"sqlite:///{tmp_path}/attempts.sqlite3"))
    async with Redis.from_url(redis) as client:
        try:
            await client.config_set("appendonly", "yes")
            await assure(_profile(budget_store=redis))
            await client.config_set("maxmemory", "100mb")
            await client.config_set("maxmemory-policy", "allkeys-lru")
            with pytest.raises(SettingsError, match="drops keys"):
                await assure(_profile(budget_store=redis))
        finally:
            await client.config_set("maxmemory", "0")
            await client.config_set("appendonly", "no")
            await client.config_set("save", "")


@pytest.mark.parametrize(
    ("phone", "may"),
    [
        ({}, True),
        ({"trunk": None}, False),
        ({"prefixes": [], "destinations": {}}, False),
        ({"prefixes": [], "destinations": {}, "countries": ["CA"]}, True),
        ({"trunk": None, "tools": ["transfer_call"]}, True),
        ({"trunk": None, "tools": ["transfer_call"], "destinations": {}}, False),
    ],
)
def test_what_may_cost(phone: dict[str, Any], may: bool) -> None:
    assert SETTINGS.model_copy(update=phone).may_cost is may


async def test_the_ledger_is_a_file_unless_another_place_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PARLEY_STATE", str(tmp_path))
    ledger = open_ledger(_profile())
    await ledger.order("program", NUMBER)
    await ledger.aclose()
    assert (tmp_path / "attempts.sqlite3").is_file()
    shared = _profile().model_copy(update={"history_store": "redis://127.0.0.1:1"})
    elsewhere = open_ledger(shared)
    with pytest.raises(LedgerError, match="Redis"):
        await elsewhere.since(1.0)
    await elsewhere.aclose()


def test_a_command_prints_the_attempts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from agent.telephony import __main__ as command

    monkeypatch.setenv("PARLEY_STATE", str(tmp_path))
    monkeypatch.setenv("PARLEY_PROFILE", "phone")

    async def call() -> None:
        ledger = open_ledger(load("phone"))
        await ledger.order("program", NUMBER)
        await ledger.aclose()

    asyncio.run(call())
    monkeypatch.setattr("sys.argv", ["parley", "attempts"])
    command.main()
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line)["number"] == NUMBER

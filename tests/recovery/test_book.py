"""What may happen to a call, in each of the stores."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from agent.once import REMEMBERED
from agent.recovery import CallBook, StoreError, open_book
from agent.recovery.book import CALLED_FOR, LAPSE, STABLE, STALL, TRIES, Call
from agent.recovery.redis_store import RedisStore
from agent.recovery.sqlite_store import SqliteStore
from agent.web.tokens import LAST_USE

from .conftest import Clock


@pytest.fixture(params=["sqlite", "redis"])
async def each(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[CallBook]:
    if request.param == "redis":
        url = request.getfixturevalue("redis")
        async with Redis.from_url(url) as client:
            await client.flushall()
        made = CallBook(RedisStore(url))
    else:
        made = CallBook(SqliteStore(tmp_path / "calls.sqlite3"))
    yield made
    await made.aclose()


async def state(book: CallBook, room: str = "room") -> tuple[str, str] | None:
    _, calls = await book.read()
    return (calls[room].state, calls[room].agent) if room in calls else None


async def test_an_agent_goes_on_with_what_was_said_to_the_one_before(each: CallBook) -> None:
    assert await each.hold("room", "first", "server", "{}")
    assert await each.begin("room", "first", "anna") is None
    await each.keep("room", "first", "what Anna said")
    await each.lose("room", "first")
    assert await state(each) == ("lost", "first")
    assert await each.call("room")
    assert await each.hold("room", "second", "server", "{}")
    assert await each.begin("room", "second", "anna") == "what Anna said"
    assert await state(each) == ("held", "second")


async def test_nobody_gets_what_another_has_said(each: CallBook) -> None:
    await each.hold("room", "first", "server", "")
    await each.begin("room", "first", "anna")
    await each.keep("room", "first", "what Anna said")
    await each.lose("room", "first")
    await each.hold("room", "second", "server", "")
    assert await each.begin("room", "second", "berta") is None
    await each.lose("room", "second")
    await each.hold("room", "third", "server", "")
    assert await each.begin("room", "third", "anna") is None


async def test_nothing_is_kept_of_a_call_that_has_ended(each: CallBook) -> None:
    await each.hold("room", "first", "server", "+15551234")
    await each.begin("room", "first", "anna")
    await each.keep("room", "first", "what Anna said")
    await each.finish("room", "first")
    at, calls = await each.read()
    assert calls == {"room": Call("room", "over", "first", since=calls["room"].since)}
    assert not at.wants(calls["room"])
    await each.keep("room", "first", "said while it was closing")
    assert await each.hold("room", "second", "server", "")  # a room of the same name
    assert await each.begin("room", "second", "anna") is None


async def test_one_call_has_one_agent(each: CallBook) -> None:
    assert await each.hold("room", "first", "server", "")
    assert not await each.hold("room", "second", "other server", "")
    assert await state(each) == ("held", "first")
    assert not await each.call("room")


async def test_of_ten_that_notice_one_calls(each: CallBook) -> None:
    await each.hold("room", "first", "server", "")
    await each.lose("room", "first")
    assert sum(await asyncio.gather(*(each.call("room") for _ in range(10)))) == 1
    assert sum(await asyncio.gather(*(each.call("new room") for _ in range(10)))) == 1


async def test_a_dead_agent_changes_nothing_any_more(each: CallBook) -> None:
    await each.hold("room", "first", "server", "")
    await each.begin("room", "first", "anna")
    await each.lose("room", "first")
    await each.call("room")
    await each.keep("room", "first", "late words")
    await each.finish("room", "first")
    assert await state(each) == ("called", "first")
    await each.hold("room", "second", "server", "")
    await each.lose("room", "first")
    assert await state(each) == ("held", "second")
    assert await each.begin("room", "second", "anna") is None


async def test_a_server_that_died_is_no_more(each: CallBook) -> None:
    await each.beat("server", True)
    await each.beat("other", True)
    await each.hold("room", "first", "server", "")
    await each.orphan("room", "first")
    at, calls = await each.read()
    assert (at.serves("server"), at.serves("other")) == (False, True)
    assert at.wants(calls["room"])


async def test_what_is_forgotten_is_gone(each: CallBook) -> None:
    await each.hold("room", "first", "server", "")
    await each.begin("room", "first", "anna")
    await each.keep("room", "first", "what Anna said")
    _, calls = await each.read()
    await each.keep("room", "first")  # heard of meanwhile: not forgotten
    await each.forget(calls["room"])
    assert await state(each) == ("held", "first")
    await each.lose("room", "first")
    _, calls = await each.read()
    await each.forget(calls["room"])
    assert await state(each) is None
    await each.hold("room", "second", "server", "")
    assert await each.begin("room", "second", "anna") is None


async def test_a_ticket_opens_one_room(each: CallBook) -> None:
    sids = [f"RM_{i}" for i in range(10)]
    used = await asyncio.gather(*(each.use_ticket("parley-1", sid) for sid in sids))
    assert sum(used) == 1  # of ten servers that are asked at once
    first = sids[used.index(True)]
    assert await each.use_ticket("parley-1", first)  # another agent, to the same room
    assert await each.use_ticket("parley-2", "RM_another")


async def test_a_used_ticket_is_remembered_for_longer_than_livekit_takes_it(
    book: CallBook, clock: Clock
) -> None:
    assert await book.use_ticket("parley-1", "RM_1")
    clock.now += LAST_USE
    assert not await book.use_ticket("parley-1", "RM_2")
    clock.now += REMEMBERED - LAST_USE
    assert await book.use_ticket("parley-1", "RM_3")  # and no longer than that: it is gone


async def test_who_has_signed_out_is_known_for_as_long_as_it_matters(
    book: CallBook, clock: Clock
) -> None:
    await book.end_sign_in("of Ada", 3600.0)
    await book.end_sign_in("of Ada", 3600.0)  # pressed twice
    clock.now += 3599.0
    assert await book.sign_in_ended("of Ada")
    assert not await book.sign_in_ended("of Berta")
    clock.now += 1.0
    assert not await book.sign_in_ended("of Ada")


async def test_who_has_signed_out_is_known_in_each_of_the_stores(each: CallBook) -> None:
    assert not await each.sign_in_ended("of Ada")
    await each.end_sign_in("of Ada", 3600.0)
    assert await each.sign_in_ended("of Ada")


async def test_redis_drops_a_used_ticket_by_itself(redis: str) -> None:
    store = RedisStore(redis)
    await CallBook(store).use_ticket("parley-ttl", "RM_1")
    async with Redis.from_url(redis) as client:
        left = await client.ttl("parley:mark:ticket:parley-ttl")
    await store.aclose()
    assert LAST_USE < left <= REMEMBERED


async def test_an_agent_is_dead_when_neither_it_nor_its_server_is_heard_of(
    book: CallBook, clock: Clock
) -> None:
    await book.beat("server", True)
    await book.hold("room", "first", "server", "")
    await book.begin("room", "first", "anna")

    async def wanted() -> bool:
        at, calls = await book.read()
        return at.wants(calls["room"])

    clock.now += LAPSE + 1
    await book.beat("server", True)  # a job that is busy
    assert not await wanted()
    clock.now += LAPSE + 1
    await book.keep("room", "first")  # a server that is busy
    assert not await wanted()
    clock.now += LAPSE - 0.1
    assert not await wanted()
    clock.now += 0.2
    assert await wanted()
    _, calls = await book.read()
    assert (await book.lapse(calls["room"])).state == "lost"
    await book.keep("room", "first", "the dead speak")
    assert await state(book) == ("lost", "first")


async def test_an_agent_that_hangs_is_dead_though_its_server_lives(
    book: CallBook, clock: Clock
) -> None:
    await book.hold("room", "first", "server", "")
    for _ in range(int(STALL)):
        clock.now += 1
        await book.beat("server", True)
        at, calls = await book.read()
        assert not at.wants(calls["room"])
    clock.now += 1
    await book.beat("server", True)
    at, calls = await book.read()
    assert at.wants(calls["room"])


async def test_an_agent_that_is_heard_of_again_does_not_lapse(book: CallBook, clock: Clock) -> None:
    await book.hold("room", "first", "server", "")
    clock.now += LAPSE + 1
    _, calls = await book.read()
    await book.keep("room", "first")
    assert (await book.lapse(calls["room"])).state == "held"


async def test_beats_from_before_the_machine_was_started_anew_count_for_nothing(
    book: CallBook, clock: Clock
) -> None:
    await book.beat("server", True)
    await book.hold("room", "first", "server", "")
    clock.now = 5.0
    at, calls = await book.read()
    assert at.wants(calls["room"])
    assert not at.serves("server")


async def test_who_was_called_and_does_not_come_is_called_again_but_not_for_ever(
    book: CallBook, clock: Clock
) -> None:
    for _ in range(TRIES):
        assert await book.call("room")
        clock.now += CALLED_FOR - 0.1
        assert not await book.call("room")
        clock.now += 0.2
    assert not await book.call("room")
    assert await state(book) == ("over", "")


async def test_a_call_that_was_held_for_long_has_all_its_tries_again(
    book: CallBook, clock: Clock
) -> None:
    for i in range(2 * TRIES):
        assert await book.call("room")
        await book.hold("room", str(i), "server", "")
        clock.now += STABLE
        await book.keep("room", str(i))
        await book.lose("room", str(i))


async def test_a_file_of_histories_is_for_its_user_alone_and_keeps_no_words(
    tmp_path: Path, clock: Clock
) -> None:
    path = tmp_path / "state" / "calls.sqlite3"
    book = CallBook(SqliteStore(path, clock))
    await book.hold("room", "first", "server", "call +4420123456")
    await book.begin("room", "first", "anna")
    await book.keep("room", "first", "my secret code is tulip")
    assert b"tulip" in _content(path.parent)
    assert _for_its_user_alone(path.parent)
    await book.finish("room", "first")
    assert b"tulip" not in _content(path.parent)
    assert b"4420123456" not in _content(path.parent)
    await book.aclose()
    await book.aclose()


async def test_a_store_that_fails_says_why(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no database, but long enough to be taken for one" * 40)
    broken = CallBook(SqliteStore(tmp_path / "file"))
    with pytest.raises(StoreError, match="not a database"):
        await broken.read()
    await broken.aclose()
    with pytest.raises(StoreError, match="closed"):
        await broken.beat("server", True)
    nobody = CallBook(RedisStore("redis://127.0.0.1:1"))
    with pytest.raises(StoreError, match="Redis cannot be used"):
        await nobody.hold("room", "first", "server", "")
    await nobody.aclose()


async def test_each_livekit_server_has_a_book_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PARLEY_STATE", str(tmp_path))
    one = open_book(None, "ws://127.0.0.1:7880")
    other = open_book(None, "wss://livekit.example.org")
    same = open_book(None, "http://127.0.0.1:7880")
    await one.hold("room", "first", "server", "")
    assert [await state(book) for book in (one, other, same)] == [
        ("held", "first"),
        None,
        ("held", "first"),
    ]
    for book in (one, other, same):
        await book.aclose()
    assert sorted(os.listdir(tmp_path)) == [
        "calls-127.0.0.1-7880.sqlite3",
        "calls-livekit.example.org-default.sqlite3",
    ]


def _content(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.iterdir())


def _for_its_user_alone(folder: Path) -> bool:
    return not any(path.stat().st_mode & 0o77 for path in (folder, *folder.iterdir()))

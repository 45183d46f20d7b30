"""The file that several processes of one machine write."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import sys
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from agent import sqlite_file
from agent.recovery import StoreError
from agent.recovery.sqlite_store import SqliteStore
from agent.sqlite_file import SqliteFile


async def test_a_new_file_can_be_opened_by_several_at_once(tmp_path: Path) -> None:
    for number in range(50):
        path = tmp_path / f"{number}.sqlite3"
        files = [SqliteFile(path, "CREATE TABLE IF NOT EXISTS a (b);", OSError) for _ in range(4)]
        await asyncio.gather(
            *(each.do(lambda database: database.execute("SELECT * FROM a")) for each in files)
        )
        for each in files:
            await each.aclose()


async def test_so_can_the_book_of_calls(tmp_path: Path) -> None:
    for number in range(50):
        books = [SqliteStore(tmp_path / f"{number}.sqlite3") for _ in range(4)]
        await asyncio.gather(*(book.read() for book in books))
        for book in books:
            await book.aclose()


async def write(path: Path) -> Callable[[], Awaitable[None]]:
    file = SqliteFile(path, "CREATE TABLE IF NOT EXISTS a (b);", OSError)
    await file.do(lambda database: database.execute("INSERT INTO a VALUES (1)"))
    return file.aclose


async def keep(path: Path) -> Callable[[], Awaitable[None]]:
    book = SqliteStore(path)
    await book.read()
    return book.aclose


ELSEWHERE = (
    "import sqlite3, sys; d = sqlite3.connect(sys.argv[1]); d.execute('PRAGMA user_version')"
)


@pytest.mark.parametrize("opens", [write, keep])
async def test_one_more_connection_of_a_process_does_not_give_up_the_locks_of_the_others(
    opens: Callable[[Path], Awaitable[Callable[[], Awaitable[None]]]], tmp_path: Path
) -> None:
    path = tmp_path / "a.sqlite3"
    closes = [await opens(path), await opens(path)]
    # Whoever is the last to close a file takes its log away: this one is not.
    other = await asyncio.create_subprocess_exec(sys.executable, "-c", ELSEWHERE, str(path))
    assert await other.wait() == 0
    assert (tmp_path / "a.sqlite3-wal").exists()
    for close in closes:
        await close()


async def test_a_new_file_is_there_for_others_once_it_is_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, close = tmp_path / "a.sqlite3", os.close
    making, made = threading.Event(), threading.Event()

    def slowly(file: int) -> None:
        if os.fstat(file).st_ino == path.stat().st_ino:
            making.set()
            made.wait(30)  # which another one would use
        close(file)

    monkeypatch.setattr(sqlite_file, "os", SimpleNamespace(**vars(os) | {"close": slowly}))
    first = asyncio.create_task(write(path))
    await asyncio.to_thread(making.wait)
    second = asyncio.create_task(write(path))
    await asyncio.wait({second}, timeout=0.2)
    assert not second.done()
    made.set()
    for closes in await asyncio.gather(first, second):
        await closes()


async def test_the_book_of_calls_opens_a_damaged_file_anew(tmp_path: Path) -> None:
    book = SqliteStore(tmp_path / "a.sqlite3")

    def finds_it_damaged(*_: object) -> None:
        raise sqlite3.DatabaseError("database disk image is malformed")

    await book.read()
    opened = book._file._open
    with pytest.raises(StoreError, match="malformed"):
        await book.change("room", finds_it_damaged)
    await book.read()
    assert book._file._open is not opened
    await book.aclose()


@pytest.mark.parametrize("opens", [write, keep])
async def test_a_connection_that_cannot_be_set_up_is_closed(
    opens: Callable[[Path], Awaitable[object]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.sqlite3").write_bytes(b"not a database, and longer than its header" * 100)
    opened: list[sqlite3.Connection] = []

    def connect(path: Path, **options: Any) -> sqlite3.Connection:
        opened.append(sqlite3.connect(path, **{**options, "check_same_thread": False}))
        return opened[-1]

    watched = SimpleNamespace(**vars(sqlite3) | {"connect": connect})
    monkeypatch.setattr("agent.sqlite_file.sqlite3", watched)
    with pytest.raises((OSError, StoreError), match="cannot be used: file is not a database"):
        await opens(tmp_path / "a.sqlite3")
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        opened[0].execute("SELECT 1")


async def test_a_connection_that_finds_the_file_damaged_is_not_used_again(tmp_path: Path) -> None:
    file = SqliteFile(tmp_path / "a.sqlite3", "CREATE TABLE IF NOT EXISTS a (b);", OSError)

    def finds_it_damaged(_: sqlite3.Connection) -> None:
        raise sqlite3.DatabaseError("database disk image is malformed")

    first = await file.do(lambda database: database)
    with pytest.raises(OSError, match="malformed"):
        await file.do(finds_it_damaged)
    assert await file.do(lambda database: database) is not first
    await file.aclose()

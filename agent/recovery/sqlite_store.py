"""The book of calls in an SQLite file: for the agent servers of one machine."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from ..sqlite_file import SqliteFile, empty_log
from .book import Beat, Call, Change, Moment, StoreError

_BUSY = 2.0
"""Seconds to wait for another process that writes; a write takes a millisecond."""

_TABLES = """
CREATE TABLE IF NOT EXISTS calls (room TEXT PRIMARY KEY, entry TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS histories (room TEXT PRIMARY KEY, history TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS servers (
    id TEXT PRIMARY KEY, beat REAL NOT NULL, serves INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS marks (key TEXT PRIMARY KEY, value TEXT NOT NULL, until REAL NOT NULL);
"""


class SqliteStore:
    """A file that several processes of this machine have open.

    Args:
        path: The file. It and its folder are made so that only this user can read them.
        clock: Seconds, the same in all processes that have the file open. The default goes on from
            the start of the machine, so nobody's setting of the clock makes a job look dead.
    """

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        # What a power cut loses, it has ended.
        self._file = SqliteFile(path, _TABLES, StoreError, busy=_BUSY, lasting=False)

    async def read(self) -> tuple[Moment, dict[str, Call]]:
        """All calls by room."""

        def work(database: sqlite3.Connection) -> tuple[Moment, dict[str, Call]]:
            calls = {
                room: Call(**json.loads(entry))
                for room, entry in database.execute("SELECT room, entry FROM calls")
            }
            return self._moment(database), calls

        return await self._file.each(work)

    async def change(self, room: str, change: Change) -> Call | None:
        """Change one call while nobody else does, and return its new entry."""

        def work(database: sqlite3.Connection) -> Call | None:
            found = database.execute("SELECT entry FROM calls WHERE room = ?", (room,)).fetchone()
            before = Call(**json.loads(found[0])) if found else None
            after = change(before, self._moment(database))
            if after is None:
                database.execute("DELETE FROM calls WHERE room = ?", (room,))
            elif after != before:
                entry = json.dumps(asdict(after))
                database.execute("INSERT OR REPLACE INTO calls VALUES (?, ?)", (room, entry))
            return after

        return await self._file.do(work)

    async def beat(self, server: str, serves: bool) -> None:
        """Note that an agent server lives, and whether it takes calls."""
        sql = "INSERT OR REPLACE INTO servers VALUES (?, ?, ?)"
        await self._execute(sql, lambda: (server, self._clock(), serves))

    async def drop(self, server: str) -> None:
        """Note that an agent server does not live."""
        await self._execute("DELETE FROM servers WHERE id = ?", lambda: (server,))

    async def history(self, room: str) -> str | None:
        """What was said in a room."""

        def work(database: sqlite3.Connection) -> str | None:
            sql = "SELECT history FROM histories WHERE room = ?"
            found = database.execute(sql, (room,)).fetchone()
            return str(found[0]) if found else None

        return await self._file.each(work)

    async def write_history(self, room: str, history: str | None) -> None:
        """Keep what was said in a room in place of what is there; None to wipe it."""
        if history is not None:
            sql = "INSERT OR REPLACE INTO histories VALUES (?, ?)"
            await self._execute(sql, lambda: (room, history))
            return

        def wipe(database: sqlite3.Connection) -> None:
            database.execute("DELETE FROM histories WHERE room = ?", (room,))
            # secure_delete has it overwritten; this empties the log beside the file as well, where
            # the call's entry still stands, with the number that was to be called.
            empty_log(database)

        await self._file.each(wipe)

    async def remember(self, key: str, value: str, seconds: float) -> str:
        """Keep a value for some time, unless there is one under its key; return the one there."""

        def work(database: sqlite3.Connection) -> str:
            now = self._clock()
            # After a start of the machine, whose clock begins anew, what is there stays for longer.
            database.execute("DELETE FROM marks WHERE until <= ?", (now,))
            sql = "INSERT OR IGNORE INTO marks VALUES (?, ?, ?)"
            database.execute(sql, (key, value, now + seconds))
            sql = "SELECT value FROM marks WHERE key = ?"
            return str(database.execute(sql, (key,)).fetchone()[0])

        return await self._file.do(work)

    async def recall(self, key: str) -> str | None:
        """What is kept under a key."""

        def work(database: sqlite3.Connection) -> str | None:
            sql = "SELECT value FROM marks WHERE key = ? AND until > ?"
            found = database.execute(sql, (key, self._clock())).fetchone()
            return str(found[0]) if found else None

        return await self._file.each(work)

    async def aclose(self) -> None:
        """Close the file; may be called twice."""
        await self._file.aclose()

    def _moment(self, database: sqlite3.Connection) -> Moment:
        rows = database.execute("SELECT id, beat, serves FROM servers")
        servers = {server: Beat(at, bool(serves)) for server, at, serves in rows}
        return Moment(self._clock(), servers)

    async def _execute(self, sql: str, values: Callable[[], tuple[object, ...]]) -> None:
        await self._file.each(lambda database: database.execute(sql, values()))

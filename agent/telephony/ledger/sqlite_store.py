"""The ledger in an SQLite file: for the agent servers of one machine."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from ...sqlite_file import SqliteFile
from .attempt import DAY, KEPT, Attempt, Change, Decide, LedgerError, Used

_TABLES = """
CREATE TABLE IF NOT EXISTS attempts (
    id TEXT PRIMARY KEY, at REAL NOT NULL, state TEXT NOT NULL, minutes INTEGER NOT NULL,
    entry TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS attempts_at ON attempts (at);
"""


class SqliteStore:
    """A file that several processes of this machine have open, and that survives a power cut.

    Args:
        path: The file. It and its folder are made so that only this user can read them.
        clock: Seconds since 1970.
    """

    def __init__(self, path: Path, clock: Callable[[], float] = time.time) -> None:
        self._file, self._clock = SqliteFile(path, _TABLES, LedgerError), clock
        self.aclose = self._file.aclose

    async def enter(self, attempt: Attempt, decide: Decide) -> Attempt:
        """Enter an attempt, and forget those that are old enough."""

        def work(database: sqlite3.Connection) -> Attempt:
            now = self._clock()
            database.execute("DELETE FROM attempts WHERE at < ?", (now - KEPT,))
            # Where the clock was set back: they count for a day from now.
            ahead = "UPDATE attempts SET at = ?1, entry = json_set(entry, '$.at', ?1) WHERE at > ?1"
            database.execute(ahead, (now,))
            sql = "SELECT state, at, minutes FROM attempts WHERE at > ?"
            used = Used.of(database.execute(sql, (now - DAY,)), now)
            return _write(database, decide(replace(attempt, at=now), used))

        return await self._file.do(work)

    async def change(self, attempt: str, change: Change) -> Attempt | None:
        """Change one attempt while nobody else does, and return its new entry."""

        def work(database: sqlite3.Connection) -> Attempt | None:
            sql = "SELECT entry FROM attempts WHERE id = ?"
            found = database.execute(sql, (attempt,)).fetchone()
            if found is None:
                return None
            before = Attempt.read(found[0])
            after = change(before, self._clock())
            return before if after == before else _write(database, after)

        return await self._file.do(work)

    async def since(self, seconds: float) -> list[Attempt]:
        """The attempts of the last so many seconds, the oldest first."""

        def work(database: sqlite3.Connection) -> list[Attempt]:
            sql = "SELECT entry FROM attempts WHERE at > ? ORDER BY at"
            found = database.execute(sql, (self._clock() - seconds,))
            return [Attempt.read(entry) for (entry,) in found]

        return await self._file.do(work)

    async def forgets(self) -> str | None:
        """Why it would forget what is entered: it is damaged. It raises if it cannot be written."""

        def work(database: sqlite3.Connection) -> str | None:
            (found,) = database.execute("PRAGMA quick_check(1)").fetchone()
            return None if found == "ok" else f"it is damaged: {found}"

        return await self._file.do(work)


def _write(database: sqlite3.Connection, attempt: Attempt) -> Attempt:
    values = (attempt.id, attempt.at, attempt.state, attempt.minutes, attempt.written())
    database.execute("INSERT OR REPLACE INTO attempts VALUES (?, ?, ?, ?, ?)", values)
    return attempt

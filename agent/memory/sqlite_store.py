"""Memory in an SQLite file: for the agent servers of one machine."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

from ..sqlite_file import SqliteFile
from .store import Entry, MemoryStoreError

_TABLES = """
CREATE TABLE IF NOT EXISTS memory (
    caller TEXT PRIMARY KEY, summary TEXT NOT NULL, facts TEXT NOT NULL, calls INTEGER NOT NULL,
    last_call REAL NOT NULL, version INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS memory_last_call ON memory (last_call);
"""


class SqliteStore:
    """A file that several processes of this machine have open.

    Args:
        path: The file. It and its folder are made so that only this user can read them.
    """

    def __init__(self, path: Path) -> None:
        self._file = SqliteFile(path, _TABLES, MemoryStoreError)
        self.aclose = self._file.aclose

    async def read(self, key: str) -> Entry | None:
        """What is kept of a caller."""

        def work(database: sqlite3.Connection) -> Entry | None:
            row = database.execute(
                "SELECT summary, facts, calls, last_call, version FROM memory WHERE caller = ?",
                (key,),
            ).fetchone()
            return Entry(row[0], tuple(json.loads(row[1])), *row[2:]) if row else None

        return await self._file.do(work)

    async def write(self, key: str, entry: Entry) -> bool:
        """Keep an entry in place of the one of its version."""
        new = entry.next()
        facts = json.dumps(new.facts, ensure_ascii=False)
        values = (new.summary, facts, new.calls, new.last_call, new.version)

        def work(database: sqlite3.Connection) -> bool:
            if entry.version == 0:
                sql = "INSERT OR IGNORE INTO memory VALUES (?, ?, ?, ?, ?, ?)"
                return database.execute(sql, (key, *values)).rowcount == 1
            sql = (
                "UPDATE memory SET summary = ?, facts = ?, calls = ?, last_call = ?, version = ?"
                " WHERE caller = ? AND version = ?"
            )
            return database.execute(sql, (*values, key, entry.version)).rowcount == 1

        return await self._file.do(work)

    async def erase(self, key: str) -> bool:
        """Keep nothing of a caller any more."""
        return await self._delete("caller = ?", key) > 0

    async def erase_before(self, last_call: float) -> int:
        """Keep nothing of whoever has not called since."""
        return await self._delete("last_call < ?", last_call)

    async def _delete(self, where: str, value: object) -> int:
        def work(database: sqlite3.Connection) -> int:
            return database.execute(f"DELETE FROM memory WHERE {where}", (value,)).rowcount

        erased = await self._file.do(work)
        if erased:
            await self._file.forget_log()
        return erased

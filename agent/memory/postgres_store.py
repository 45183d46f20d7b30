"""Memory in a PostgreSQL database: for agent servers of several machines."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from .store import Entry, MemoryStoreError

try:
    import asyncpg
except ImportError as e:
    raise MemoryStoreError(
        "Memory in PostgreSQL needs the postgres extra: uv sync --extra postgres."
    ) from e

_TIMEOUT = 3.0
"""Seconds for a connection, and for each statement: the caller waits for the first one."""

_FAILURES = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    OSError,
    TimeoutError,
    ValueError,  # an address that is none
)

_LOCK = 0x7061726C6579
"""An advisory lock of ours, so that two servers that start at once do not make the table twice."""

_TABLES = f"""
SELECT pg_advisory_xact_lock({_LOCK});
CREATE TABLE IF NOT EXISTS parley_memory (
    caller TEXT PRIMARY KEY, summary TEXT NOT NULL, facts TEXT NOT NULL, calls INTEGER NOT NULL,
    last_call DOUBLE PRECISION NOT NULL, version INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS parley_memory_last_call ON parley_memory (last_call);
"""


class PostgresStore:
    """A table ``parley_memory``, which is made if it is missing.

    Args:
        url: ``postgresql://USER:PASSWORD@HOST/DATABASE``, with the options of libpq such as
            ``?sslmode=verify-full``.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._pool: Any = None
        self._opening = asyncio.Lock()
        self._closed = False

    async def read(self, key: str) -> Entry | None:
        """What is kept of a caller."""
        row = await self._do(
            "fetchrow",
            "SELECT summary, facts, calls, last_call, version FROM parley_memory WHERE caller = $1",
            key,
        )
        return Entry(row[0], tuple(json.loads(row[1])), *row[2:]) if row else None

    async def write(self, key: str, entry: Entry) -> bool:
        """Keep an entry in place of the one of its version."""
        if entry.version == 0:
            sql = "INSERT INTO parley_memory VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING"
        else:
            sql = (
                "UPDATE parley_memory SET summary = $2, facts = $3, calls = $4, last_call = $5,"
                " version = $6 WHERE caller = $1 AND version = $6 - 1"
            )
        new = entry.next()
        facts = json.dumps(new.facts, ensure_ascii=False)
        values = (new.summary, facts, new.calls, new.last_call, new.version)
        return _count(await self._do("execute", sql, key, *values)) == 1

    async def erase(self, key: str) -> bool:
        """Keep nothing of a caller any more."""
        return (
            _count(await self._do("execute", "DELETE FROM parley_memory WHERE caller = $1", key))
            > 0
        )

    async def erase_before(self, last_call: float) -> int:
        """Keep nothing of whoever has not called since."""
        sql = "DELETE FROM parley_memory WHERE last_call < $1"
        return _count(await self._do("execute", sql, last_call))

    async def aclose(self) -> None:
        """Close the connections; may be called twice."""
        self._closed = True
        if self._pool:
            await self._pool.close()
            self._pool = None

    async def _do(self, how: str, sql: str, *values: object) -> Any:
        if self._closed:
            raise MemoryStoreError("The memory is closed.")
        try:
            async with self._opening:
                self._pool = self._pool or await self._open()
            return await getattr(self._pool, how)(sql, *values, timeout=_TIMEOUT)
        except (
            asyncpg.PostgresError,
            asyncpg.InterfaceError,
            OSError,
            TimeoutError,
            ValueError,
        ) as e:
            # Its text may have the address in it, and that the password.
            reason = f"{type(e).__name__}: {e}".replace(self._url, "its address")
            raise MemoryStoreError(f"The memory's PostgreSQL cannot be used: {reason}.") from e

    async def _open(self) -> Any:
        pool = await asyncpg.create_pool(
            self._url, min_size=1, max_size=2, timeout=_TIMEOUT, command_timeout=_TIMEOUT
        )
        try:
            await pool.execute(_TABLES)
        except BaseException:
            await pool.close()
            raise
        return pool


def _count(status: str) -> int:
    """Rows that a statement was about: "DELETE 1"."""
    return int(status.rsplit(" ", 1)[1])

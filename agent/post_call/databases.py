"""Records in a database: a table ``parley_records``, in SQLite or in PostgreSQL.

A row for each record, with its kind, its times and the whole of it as JSON, which both can look
into. Recordings are not put there.
"""

from __future__ import annotations

import json
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ..foreign_json import storable
from ..sqlite_file import SqliteFile
from ..store_address import file_at
from .record import Record, iso
from .stores import RecordStore, RecordStoreError

_TIMEOUT = 5.0
"""Seconds for a connection, and for each statement."""

_COLUMNS = "id TEXT PRIMARY KEY, type TEXT NOT NULL, started_at {time} NOT NULL, ended_at {time}"
_TABLES = f"""
CREATE TABLE IF NOT EXISTS parley_records ({_COLUMNS}, record {{json}} NOT NULL);
CREATE INDEX IF NOT EXISTS parley_records_started_at ON parley_records (started_at);
"""
_LOCK = 0x7061726C7265
"""An advisory lock of ours, so that two servers that start at once do not make the table twice."""


def open_database(url: str, days: int) -> RecordStore:
    """Open a database.

    Args:
        url: ``sqlite:///PATH`` or ``postgresql://…``.
        days: Days for which records stay.

    Raises:
        RecordStoreError: What a Postgres needs is not installed.
    """
    if url.startswith("sqlite:"):
        return SqliteRecords(file_at(url), days)
    return PostgresRecords(url, days)


def _row(record: Record) -> tuple[str, str, str, str, str]:
    record = storable(record)  # or PostgreSQL would refuse it for ever
    kind = record.get("type") or "call"
    whole = json.dumps(record, ensure_ascii=False)
    return record["id"], kind, record["started_at"], record["ended_at"], whole


def _since(days: int) -> str:
    return iso((datetime.now(UTC) - timedelta(days=days)).timestamp())


class SqliteRecords:
    """A file that only this user can read, for agent servers of one machine.

    Args:
        path: Where.
        days: Days for which records stay.
    """

    def __init__(self, path: Path, days: int) -> None:
        self._path, self._days = path, days

    async def write(self, record: Record, sound: Path) -> None:
        """Write a record, and delete those that have been there for long enough."""

        def work(database: sqlite3.Connection) -> None:
            database.execute(
                "INSERT OR REPLACE INTO parley_records VALUES (?, ?, ?, ?, ?)", _row(record)
            )
            database.execute(
                "DELETE FROM parley_records WHERE started_at < ?", (_since(self._days),)
            )

        # Opened for each, some in a minute: nobody has to close it.
        tables = _TABLES.format(time="TEXT", json="TEXT")
        file = SqliteFile(self._path, tables, RecordStoreError)
        try:
            await file.do(work)
        finally:
            await file.aclose()


class PostgresRecords:
    """A PostgreSQL, for agent servers of several machines.

    Args:
        url: ``postgresql://USER:PASSWORD@HOST/DATABASE``, with the options of libpq such as
            ``?sslmode=verify-full``.
        days: Days for which records stay.

    Raises:
        RecordStoreError: What it needs is not installed.
    """

    def __init__(self, url: str, days: int) -> None:
        try:
            import asyncpg
        except ImportError as e:
            raise RecordStoreError(
                "Records in PostgreSQL need the postgres extra: uv sync --extra postgres."
            ) from e
        self._driver = asyncpg
        self._url, self._days = url, days
        self._made = False

    async def write(self, record: Record, sound: Path) -> None:
        """Write a record, and delete those that have been there for long enough."""
        driver = self._driver
        try:
            database = await driver.connect(self._url, timeout=_TIMEOUT, command_timeout=_TIMEOUT)
            try:
                if not self._made:
                    tables = _TABLES.format(time="TIMESTAMPTZ", json="JSONB")
                    await database.execute(f"SELECT pg_advisory_xact_lock({_LOCK});{tables}")
                    self._made = True
                await database.execute(
                    "INSERT INTO parley_records VALUES ($1, $2, $3::text::timestamptz,"
                    " $4::text::timestamptz, $5::text::jsonb) ON CONFLICT (id) DO UPDATE SET"
                    " type = excluded.type, started_at = excluded.started_at,"
                    " ended_at = excluded.ended_at, record = excluded.record",
                    *_row(record),
                )
                await database.execute(
                    "DELETE FROM parley_records WHERE started_at < $1::text::timestamptz",
                    _since(self._days),
                )
            finally:
                await database.close(timeout=_TIMEOUT)
        except (
            driver.PostgresError,
            driver.InterfaceError,
            OSError,
            TimeoutError,
            ValueError,  # an address that is none
        ) as e:
            # Its text may have the address in it, and that the password.
            reason = f"{type(e).__name__}: {e}".replace(self._url, "its address")
            raise RecordStoreError(f"The records' PostgreSQL cannot be used: {reason}.") from e

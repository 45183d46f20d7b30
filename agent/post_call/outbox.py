"""Records that are on their way: a file that outlives the processes which write and read it."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from platformdirs import user_state_path

from ..sqlite_file import SqliteFile
from .record import Record
from .recording import sound_of

To = Literal["model", "folder", "bucket", "webhook"]
"""Where a record is brought: first to the model that sums it up, then to all the others, to each in
its own time."""

_TABLES = """
CREATE TABLE IF NOT EXISTS outbox (
    id TEXT NOT NULL, destination TEXT NOT NULL, record TEXT NOT NULL, form TEXT NOT NULL,
    tries INTEGER NOT NULL, due REAL, problem TEXT NOT NULL, PRIMARY KEY (id, destination)
);
CREATE INDEX IF NOT EXISTS outbox_due ON outbox (due);
"""
_INSERT = "INSERT OR IGNORE INTO outbox VALUES (?, ?, ?, ?, 0, ?, '')"
_SELECT = "SELECT record, destination, form, tries, due, problem FROM outbox"


_ON_THE_WAY = 3600.0
"""Seconds from a recording to its record: a job has five minutes for both."""


class OutboxError(Exception):
    """The outbox cannot be read or written; the text says why."""


@dataclass(frozen=True)
class Parcel:
    """A record on its way to one place."""

    record: Record
    to: To
    form: dict[str, Any] | None = None
    """JSON schema of what the model is to fill in."""
    tries: int = 0
    """How often that failed."""
    due: float | None = None
    """When it is tried again, in seconds since 1970; None for not by itself."""
    problem: str = ""
    """Why it failed, the last time."""

    @property
    def id(self) -> str:
        """The record's, which stays the same however often it is sent."""
        return str(self.record["id"])


class Outbox:
    """The file. Several processes may put into it and take from it.

    Args:
        path: Where; a file in the user's state folder if None.
        clock: Seconds since 1970.
    """

    def __init__(self, path: Path | None = None, clock: Callable[[], float] = time.time) -> None:
        if path is None:
            own = os.environ.get("PARLEY_STATE")
            folder = Path(own).absolute() if own else user_state_path("parley")
            path = folder / "outbox.sqlite3"
        self.folder = path.parent
        """Where recordings wait, too."""
        self._file = SqliteFile(path, _TABLES, OutboxError)
        self._clock = clock
        self.aclose = self._file.aclose

    async def put(self, record: Record, form: dict[str, Any] | None = None) -> None:
        """Take a record over: once this returns, no crash loses it.

        Args:
            record: The record.
            form: What a model is to fill in of it (:func:`agent.post_call.form`).

        Raises:
            OutboxError: It was not taken.
        """
        row = (str(record["id"]), "model", _json(record), _json(form), self._clock())
        await self._file.do(lambda database: database.execute(_INSERT, row).rowcount)

    async def take(self, most: int, lease: float) -> list[Parcel]:
        """Take what is due, the oldest first; nobody else takes it within the lease.

        Whoever dies meanwhile need not say so: after the lease it is due again.

        Args:
            most: How many at most.
            lease: Seconds.

        Raises:
            OutboxError: The file cannot be used.
        """
        now = self._clock()

        def work(database: sqlite3.Connection) -> list[Parcel]:
            rows = database.execute(f"{_SELECT} WHERE due <= ? ORDER BY due LIMIT ?", (now, most))
            parcels = [_parcel(row) for row in rows.fetchall()]
            for parcel in parcels:
                _set(database, parcel, due=now + lease)
            return parcels

        return await self._file.do(work)

    async def hold(self, parcel: Parcel, lease: float) -> None:
        """Keep what was taken for some seconds from now on.

        Raises:
            OutboxError: The file cannot be used.
        """
        due = self._clock() + lease
        await self._file.do(lambda database: _set(database, parcel, due=due))

    async def postpone(self, parcel: Parcel, problem: str, due: float | None) -> None:
        """Give back what could not be delivered.

        Args:
            parcel: As it was taken.
            problem: Why.
            due: When it is to be tried again; None for not by itself.

        Raises:
            OutboxError: The file cannot be used.
        """
        tries = parcel.tries + 1
        await self._file.do(
            lambda database: _set(database, parcel, due=due, tries=tries, problem=problem)
        )

    async def forward(self, parcel: Parcel, record: Record, to: Sequence[To]) -> None:
        """Send on what the model has seen, to wherever it belongs; to nowhere is the end of it.

        Args:
            parcel: As it was taken.
            record: As it is now.
            to: Where it belongs.

        Raises:
            OutboxError: The file cannot be used.
        """
        now, written = self._clock(), _json(record)

        def work(database: sqlite3.Connection) -> bool:
            for each in to:
                database.execute(_INSERT, (parcel.id, each, written, "null", now))
            return _delete(database, parcel)

        await self._end(parcel, await self._file.do(work))

    async def drop(self, parcel: Parcel) -> None:
        """Forget what has arrived.

        Raises:
            OutboxError: The file cannot be used.
        """
        await self._end(parcel, await self._file.do(lambda database: _delete(database, parcel)))

    async def _end(self, parcel: Parcel, last: bool) -> None:
        await self._file.forget_log()
        if last:
            sound_of(parcel.record, self.folder).unlink(missing_ok=True)

    async def tidy(self) -> None:
        """Delete recordings whose record has arrived, or never came: a crash may leave one.

        Raises:
            OutboxError: The file cannot be used.
        """
        known = {sound_of(parcel.record, self.folder) for parcel in await self.waiting()}
        try:
            await asyncio.to_thread(self._delete_sounds_but, known)
        except OSError as e:
            raise OutboxError(f"A recording cannot be deleted: {e}.") from e

    def _delete_sounds_but(self, known: set[Path]) -> None:
        # One that was moved there just now has its record on the way.
        before = time.time() - _ON_THE_WAY
        for sound in (self.folder / "recordings").glob("*"):
            if sound not in known and sound.stat().st_mtime < before:
                sound.unlink(missing_ok=True)

    async def waiting(self) -> list[Parcel]:
        """All that is in it, the oldest first.

        Raises:
            OutboxError: The file cannot be used.
        """

        def work(database: sqlite3.Connection) -> list[Parcel]:
            return [_parcel(row) for row in database.execute(f"{_SELECT} ORDER BY rowid")]

        return await self._file.do(work)


def _parcel(row: tuple[str, To, str, int, float | None, str]) -> Parcel:
    record, to, form, tries, due, problem = row
    return Parcel(json.loads(record), to, json.loads(form), tries, due, problem)


def _set(database: sqlite3.Connection, parcel: Parcel, **values: object) -> None:
    columns = ", ".join(f"{name} = ?" for name in values)
    sql = f"UPDATE outbox SET {columns} WHERE id = ? AND destination = ?"
    database.execute(sql, (*values.values(), parcel.id, parcel.to))


def _delete(database: sqlite3.Connection, parcel: Parcel) -> bool:
    """Delete a row; True if it was the last of its record."""
    sql = "DELETE FROM outbox WHERE id = ? AND destination = ?"
    database.execute(sql, (parcel.id, parcel.to))
    left = database.execute("SELECT 1 FROM outbox WHERE id = ? LIMIT 1", (parcel.id,))
    return left.fetchone() is None


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)

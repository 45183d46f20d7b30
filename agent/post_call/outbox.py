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
from typing import Any

from platformdirs import user_state_path

from ..sqlite_file import SqliteFile
from .places import Kind, Place
from .record import Record
from .recording import sound_of

_TABLES = """
CREATE TABLE IF NOT EXISTS parcels (
    id TEXT NOT NULL, kind TEXT NOT NULL, place TEXT NOT NULL,
    record TEXT NOT NULL, form TEXT NOT NULL,
    tries INTEGER NOT NULL, due REAL, problem TEXT NOT NULL, PRIMARY KEY (id, kind, place)
);
CREATE INDEX IF NOT EXISTS parcels_due ON parcels (due);
"""
_INSERT = "INSERT OR IGNORE INTO parcels VALUES (?, ?, ?, ?, ?, 0, ?, '')"
_SELECT = "SELECT record, kind, place, form, tries, due, problem FROM parcels AS parcel"
_ONE = "id = ? AND kind = ? AND place = ?"

_TAKE = f"""
WITH mine AS (
    SELECT json_extract(value, '$[0]') AS kind, json_extract(value, '$[1]') AS place
    FROM json_each(?))
{_SELECT} WHERE due <= ? AND CASE kind
    WHEN 'model' THEN EXISTS (
        SELECT 1 FROM parcels AS other JOIN mine USING (kind, place) WHERE other.id = parcel.id)
    ELSE (kind, place) IN mine AND NOT EXISTS (
        SELECT 1 FROM parcels AS first WHERE first.id = parcel.id AND first.kind = 'model')
    END
ORDER BY due LIMIT ?
"""
"""What is due at some places. Whoever delivers a record somewhere has it summed up, too; until that
is done it goes nowhere."""

_ON_THE_WAY = 3600.0
"""Seconds from a recording to its record: a job has five minutes for both."""


class OutboxError(Exception):
    """The outbox cannot be read or written; the text says why."""


@dataclass(frozen=True)
class Parcel:
    """A record on its way to one place."""

    record: Record
    to: Place
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

    async def put(
        self,
        record: Record,
        to: Sequence[Place],
        form: dict[str, Any] | None = None,
        agent: str = "",
    ) -> None:
        """Take a record over: once this returns, no crash loses it.

        Args:
            record: The record.
            to: Where it belongs (:func:`agent.post_call.places`).
            form: What a model is to fill in of it first (:func:`agent.post_call.form`).
            agent: Folder or file of the agent whose model that is.

        Raises:
            OutboxError: It was not taken.
        """
        if not to:
            return
        first = [Place("model", agent)] if form else []
        now, written = self._clock(), _json(record)
        rows = [
            (str(record["id"]), place.kind, place.where, written, _json(form), now)
            for place in (*first, *to)
        ]
        await self._file.do(lambda database: database.executemany(_INSERT, rows).rowcount)

    async def take(self, most: int, lease: float, to: Sequence[Place]) -> list[Parcel]:
        """Take what is due, the oldest first; nobody else takes it within the lease.

        Whoever dies meanwhile need not say so: after the lease it is due again.

        Args:
            most: How many at most.
            lease: Seconds.
            to: Where whoever takes it delivers. What belongs elsewhere stays.

        Raises:
            OutboxError: The file cannot be used.
        """
        now = self._clock()
        mine = _json([(place.kind, place.where) for place in to])

        def work(database: sqlite3.Connection) -> list[Parcel]:
            rows = database.execute(_TAKE, (mine, now, most))
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

    async def forward(self, parcel: Parcel, record: Record) -> None:
        """Send on what the model has seen, to wherever it belongs.

        Args:
            parcel: As it was taken.
            record: As it is now.

        Raises:
            OutboxError: The file cannot be used.
        """
        now, written = self._clock(), _json(record)

        def work(database: sqlite3.Connection) -> bool:
            last = _delete(database, parcel)
            sql = "UPDATE parcels SET record = ?, due = ? WHERE id = ?"
            database.execute(sql, (written, now, parcel.id))
            return last

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


def _parcel(row: tuple[str, Kind, str, str, int, float | None, str]) -> Parcel:
    record, kind, where, form, tries, due, problem = row
    to = Place(kind, where)
    return Parcel(json.loads(record), to, json.loads(form), tries, due, problem)


def _set(database: sqlite3.Connection, parcel: Parcel, **values: object) -> None:
    columns = ", ".join(f"{name} = ?" for name in values)
    sql = f"UPDATE parcels SET {columns} WHERE {_ONE}"
    database.execute(sql, (*values.values(), *_key(parcel)))


def _delete(database: sqlite3.Connection, parcel: Parcel) -> bool:
    """Delete a row; True if it was the last of its record."""
    database.execute(f"DELETE FROM parcels WHERE {_ONE}", _key(parcel))
    left = database.execute("SELECT 1 FROM parcels WHERE id = ? LIMIT 1", (parcel.id,))
    return left.fetchone() is None


def _key(parcel: Parcel) -> tuple[str, str, str]:
    return parcel.id, parcel.to.kind, parcel.to.where


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)

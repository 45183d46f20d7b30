"""A private SQLite file that several processes of one machine write, off the event loop."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

_MAKING = threading.Lock()
"""Held by whoever makes a file."""


class SqliteFile:
    """The file. It and its folder are made so that only this user can read them.

    What was deleted is overwritten.

    Args:
        path: Where.
        tables: SQL that makes its tables where they are missing.
        error: What is raised when it cannot be used.
        busy: Seconds to wait for another process that writes; a write takes milliseconds.
        lasting: Whether what was written survives a power cut.
    """

    def __init__(
        self,
        path: Path,
        tables: str,
        error: type[Exception],
        *,
        busy: float = 5.0,
        lasting: bool = True,
    ) -> None:
        self._path, self._tables, self._error = path, tables, error
        self._busy, self._lasting = busy, lasting
        # sqlite3 blocks, and a connection belongs to one thread.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"parley-{path.stem}")
        self._open: sqlite3.Connection | None = None
        self._closed = False

    async def do(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do something in a transaction of its own, which nobody else writes in.

        Raises:
            Exception: The file cannot be used (the error that was named).
        """

        def whole(database: sqlite3.Connection) -> T:
            database.execute("BEGIN IMMEDIATE")
            with database:  # commits, or takes it back
                return work(database)

        return await self.each(whole)

    async def each(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do something of which each statement is a transaction: to read waits for nobody then.

        Raises:
            Exception: The file cannot be used (the error that was named).
        """

        def run() -> T:
            database = self._open or self._connect()
            try:
                return work(database)
            except sqlite3.DatabaseError as e:
                if type(e) is sqlite3.DatabaseError:  # it is damaged, as this connection sees it
                    self._open = None
                    database.close()
                raise

        if self._closed:
            raise self._error(f"{self._path} is closed.")
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, run)
        except (sqlite3.Error, OSError) as e:
            raise self._error(f"{self._path} cannot be used: {e}.") from e

    async def forget_log(self) -> None:
        """Empty the log beside the file, where what was deleted may still stand."""
        await self.each(empty_log)

    async def aclose(self) -> None:
        """Close the file; may be called twice."""
        if self._closed:
            return
        self._closed = True

        def work() -> None:
            if self._open:
                self._open.close()

        await asyncio.get_running_loop().run_in_executor(self._thread, work)
        self._thread.shutdown(wait=False)

    def _connect(self) -> sqlite3.Connection:
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        _make_private(self._path)
        database = sqlite3.connect(self._path, timeout=self._busy, isolation_level=None)
        try:
            _write_ahead(database, self._busy)
            database.execute(f"PRAGMA synchronous = {'FULL' if self._lasting else 'OFF'}")
            database.execute("PRAGMA secure_delete = ON")
            database.executescript(self._tables)
        except sqlite3.Error:
            database.close()
            raise
        self._open = database
        return database


def empty_log(database: sqlite3.Connection) -> None:
    """Empty the log beside a file, where what was deleted may still stand."""
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def _make_private(path: Path) -> None:
    """Make a file that only this user can read, if there is none; SQLite does so with those beside.

    One that is there is not touched. To close a file gives up every lock that this process has on
    it (POSIX), those of its other connections too, and the next process that closes it takes its
    log away under them: "database disk image is malformed".

    Raises:
        OSError: It cannot be made.
    """
    # Nor is it there for another thread of this process before it is closed.
    with _MAKING, contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))


def _write_ahead(database: sqlite3.Connection, busy: float) -> None:
    """Have a file write ahead to a log, so that who reads does not wait for who writes.

    While another process opens a new file SQLite refuses this at once, however long it may wait.

    Args:
        database: A connection to the file.
        busy: Seconds for which it is tried.

    Raises:
        sqlite3.Error: It cannot be had.
    """
    deadline = time.monotonic() + busy
    while True:
        try:
            database.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return

"""A book of calls of a test's own, where pages keep who has signed out."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

from agent.recovery import CallBook
from agent.recovery.sqlite_store import SqliteStore


@contextlib.asynccontextmanager
async def new_book() -> AsyncIterator[CallBook]:
    with tempfile.TemporaryDirectory() as folder:
        book = CallBook(SqliteStore(Path(folder) / "calls.sqlite3"))
        try:
            yield book
        finally:
            await book.aclose()

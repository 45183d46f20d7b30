"""The file that several processes of one machine write."""

from __future__ import annotations

import asyncio
from pathlib import Path

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

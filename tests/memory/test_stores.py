"""Both stores, a real PostgreSQL among them."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from agent.memory import Entry, MemoryStore, MemoryStoreError, open_store

ENTRY = Entry("Booked a room. 订了房间。", ("Likes tea.", "It's O'Neil; 名字"), 2, 1000.0)


async def test_an_entry_is_kept_changed_and_erased(store: MemoryStore) -> None:
    assert await store.read("key") is None
    assert await store.write("key", ENTRY)
    kept = await store.read("key")
    assert kept == replace(ENTRY, version=1)
    assert await store.write("key", replace(kept, facts=(), calls=3))
    assert await store.read("key") == replace(ENTRY, facts=(), calls=3, version=2)
    assert await store.read("other") is None
    assert await store.erase("key")
    assert not await store.erase("key")
    assert await store.read("key") is None


async def test_who_has_read_another_version_writes_nothing(store: MemoryStore) -> None:
    assert await store.write("key", ENTRY)
    assert not await store.write("key", ENTRY)  # there was none when they read
    first = await store.read("key")
    assert first is not None
    assert await store.write("key", replace(first, calls=3))
    assert not await store.write("key", replace(first, calls=9))
    await store.erase("key")
    assert not await store.write("key", replace(first, calls=9))  # nor what has been erased
    assert await store.read("key") is None


async def test_of_many_at_once_one_writes(store: MemoryStore) -> None:
    await store.write("key", ENTRY)
    read = await store.read("key")
    assert read is not None
    written = await asyncio.gather(*(store.write("key", replace(read, calls=i)) for i in range(8)))
    assert sum(written) == 1


async def test_who_has_not_called_for_long_is_erased(store: MemoryStore) -> None:
    for i in range(4):
        await store.write(f"key{i}", replace(ENTRY, last_call=1000.0 + i))
    assert await store.erase_before(1002.0) == 2
    assert await store.read("key1") is None
    assert await store.read("key2") is not None
    assert await store.erase_before(float("inf")) == 2


async def test_a_store_that_is_closed_says_so(store: MemoryStore) -> None:
    await store.aclose()
    await store.aclose()
    with pytest.raises(MemoryStoreError, match="closed"):
        await store.read("key")


async def test_what_is_kept_outlives_the_process(store: MemoryStore, postgres: str) -> None:
    await store.write("key", ENTRY)
    again = open_store(postgres if type(store).__name__ == "PostgresStore" else _url(store))
    assert await again.read("key") == replace(ENTRY, version=1)
    await again.aclose()


def _url(store: MemoryStore) -> str:
    return f"sqlite:///{store._file._path}"  # type: ignore[attr-defined]


async def test_a_file_is_private_and_what_was_erased_is_not_in_it(tmp_path: Path) -> None:
    path = tmp_path / "state" / "memory.sqlite3"
    store = open_store(f"sqlite:///{path}")
    await store.write("key", replace(ENTRY, summary="A secret of the caller's."))
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    kept = b"".join(file.read_bytes() for file in path.parent.iterdir())
    assert b"A secret" in kept
    await store.erase("key")
    kept = b"".join(file.read_bytes() for file in path.parent.iterdir())
    assert b"A secret" not in kept
    await store.aclose()


async def test_a_file_that_is_none_is_told_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "memory.sqlite3").write_text("not a database, and longer than a header" * 100)
    store = open_store(f"sqlite:///{tmp_path}/memory.sqlite3")
    with pytest.raises(MemoryStoreError, match="cannot be used"):
        await store.read("key")
    await store.aclose()


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://parley:secret-word@127.0.0.1:1/parley",
        "postgresql://parley:secret-word@127.0.0.1:port/parley",
    ],
)
async def test_a_database_that_is_not_there_is_told_without_its_password(url: str) -> None:
    store = open_store(url)
    with pytest.raises(MemoryStoreError, match="PostgreSQL cannot be used") as raised:
        await store.read("key")
    assert "secret-word" not in str(raised.value)
    await store.aclose()


def test_without_the_extra_a_sentence_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "asyncpg", None)
    monkeypatch.delitem(sys.modules, "agent.memory.postgres_store", raising=False)
    with pytest.raises(MemoryStoreError, match="postgres extra"):
        open_store("postgresql://parley@127.0.0.1/parley")

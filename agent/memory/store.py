"""What is kept of a caller, and where: the interface of the stores."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

from ..state import state_folder
from ..store_address import file_at


class MemoryStoreError(Exception):
    """The store cannot be reached or written; the text says why."""


@dataclass(frozen=True)
class Entry:
    """What is remembered of one caller."""

    summary: str = ""
    """Of the calls so far."""
    facts: tuple[str, ...] = ()
    """What they have said of themselves, the oldest first."""
    calls: int = 0
    """Calls that it was learned from."""
    last_call: float = 0.0
    """When the last of them ended, in seconds since 1970."""
    version: int = 0
    """How often it was written: who writes says which one they have read."""

    def next(self) -> Entry:
        """The same, as it is stored."""
        return replace(self, version=self.version + 1)


class MemoryStore(Protocol):
    """Where entries are kept, by :meth:`agent.memory.caller.Caller.key`.

    Every method raises :class:`MemoryStoreError`.
    """

    async def read(self, key: str) -> Entry | None:
        """What is kept of a caller."""
        ...

    async def write(self, key: str, entry: Entry) -> bool:
        """Keep an entry in place of the one of its version; 0 if there is to be none yet.

        Returns:
            False if another one is kept by now, or none any more: nothing was written.
        """
        ...

    async def erase(self, key: str) -> bool:
        """Keep nothing of a caller any more; False if nothing was kept."""
        ...

    async def erase_before(self, last_call: float) -> int:
        """Keep nothing of whoever has not called since; returns of how many something was kept."""
        ...

    async def aclose(self) -> None:
        """Close the connection; may be called twice."""
        ...


def open_store(url: str | None) -> MemoryStore:
    """Open a store.

    Args:
        url: ``sqlite:///PATH`` or ``postgresql://…``; a file in the user's state folder if None.

    Raises:
        MemoryStoreError: What a Postgres needs is not installed.
    """
    if url is not None and not url.startswith("sqlite:"):
        from .postgres_store import PostgresStore

        return PostgresStore(url)
    from .sqlite_store import SqliteStore

    if url is None:
        return SqliteStore(state_folder() / "memory.sqlite3")
    return SqliteStore(file_at(url))

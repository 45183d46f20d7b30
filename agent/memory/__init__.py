"""Memory across calls, of callers who are known and have agreed to it.

:class:`CallerMemory` is that of one caller in one call; ``python -m agent.memory`` shows and erases
it.
"""

from __future__ import annotations

from .caller import Caller
from .caller_memory import CallerMemory, Confirm, expire
from .store import Entry, MemoryStore, MemoryStoreError, open_store

__all__ = [
    "Caller",
    "CallerMemory",
    "Confirm",
    "Entry",
    "MemoryStore",
    "MemoryStoreError",
    "expire",
    "open_store",
]

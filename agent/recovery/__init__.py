"""A call outlives the process that holds it: what is kept of it, who notices, who goes on.

Each job keeps the history of its call outside itself (:mod:`.record`, in :mod:`.book`). Each agent
server watches the book (:mod:`.watch`) and LiveKit's rooms, and calls an agent to where there is
none (:mod:`.dispatcher`). That agent goes on where the one before it was cut off
(:mod:`.continuation`). Of a server that stops the calls end with a word (:mod:`.farewell`).
"""

from __future__ import annotations

from .book import CallBook, StoreError, open_book
from .continuation import Continuation
from .dispatcher import Dispatcher
from .farewell import Farewell
from .people import is_there, somebody_waits
from .record import CallRecord
from .watch import DeathWatch

__all__ = [
    "CallBook",
    "CallRecord",
    "Continuation",
    "DeathWatch",
    "Dispatcher",
    "Farewell",
    "StoreError",
    "is_there",
    "open_book",
    "somebody_waits",
]

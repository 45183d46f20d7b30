"""Rooms that the page makes: the ticket of each is good for one conversation."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable
from typing import Protocol

REMEMBERED = 120.0
"""Seconds; longer than livekit-server takes a ticket (:data:`agent.web.tokens.LAST_USE`)."""

_NAME = re.compile(r"parley-[0-9a-f]{24}")


def new_name() -> str:
    """A name for a room that nobody can guess."""
    return f"parley-{secrets.token_hex(12)}"


def by_ticket(name: str) -> bool:
    """Whether a room of this name is opened by a ticket of the page."""
    return _NAME.fullmatch(name) is not None


class Room(Protocol):
    """A room as livekit-server offers it: one made again under its name has another ``sid``."""

    @property
    def name(self) -> str:
        """Its name."""
        ...

    @property
    def sid(self) -> str:
        """Its identifier."""
        ...


class Once:
    """Tells a room that was made again, with a ticket that had been used, from a new one.

    livekit-server takes a ticket as often as it is shown, and makes a room that has ended anew.
    This is what one agent server has seen itself, and all that it knows while the book of calls
    does not answer; what the others have seen stands there.

    Args:
        clock: Seconds on a clock that never steps back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: dict[str, tuple[str, float]] = {}

    def again(self, room: Room) -> bool:
        """Whether the page's ticket for this room was used before, for a room that has ended."""
        if not by_ticket(room.name):
            return False
        now = self._clock()
        # In the order of their times: a name is put in once.
        while self._seen and now - next(iter(self._seen.values()))[1] >= REMEMBERED:
            del self._seen[next(iter(self._seen))]
        first, _ = self._seen.setdefault(room.name, (room.sid, now))
        return first != room.sid

"""Which of several servers gets the next unit."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from livekit.agents import APIError

from .client import SpeechClient

# A failed replica is left out for a second, then twice as long each time it fails again: short
# enough to use a restarted server soon, long enough not to lose a unit a second to a dead one.
_FIRST_BREAK = 1.0
_LONGEST_BREAK = 30.0


@dataclass(eq=False)
class Replica:
    """One server, and what is known of its load and health."""

    base_url: str
    client: SpeechClient
    outstanding: float = 0.0
    """Seconds of audio asked of it and not yet received."""
    failures: int = 0
    """Consecutive failures."""
    closed_until: float = 0.0
    """The moment from which it may be tried again."""
    busy: tuple[float, APIError] | None = None
    """Until when it asked to be left alone, and how."""


class Pause(NamedTuple):
    """A server's wish to be left alone."""

    seconds: float
    error: APIError


class Replicas:
    """Balances units over servers by the audio they still owe, with a circuit breaker for each.

    Args:
        replicas: The servers, at least one.
        clock: Seconds on a clock that never steps back.
    """

    def __init__(
        self, replicas: list[Replica], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._replicas = replicas
        self._clock = clock

    def __iter__(self) -> Iterator[Replica]:
        return iter(self._replicas)

    def __len__(self) -> int:
        return len(self._replicas)

    def place(self, replica: Replica) -> int:
        """The place of a server among them, from 0."""
        return self._replicas.index(replica)

    @property
    def down(self) -> bool:
        """Whether none of them is to be asked now."""
        now = self._clock()
        return all(replica.closed_until > now for replica in self._replicas)

    def choose(self, avoid: Collection[Replica] = ()) -> Replica:
        """Return the server for a unit: the healthy one that owes the least audio.

        Args:
            avoid: The servers that failed this unit, used again only if there is no other.
        """
        now = self._clock()
        chosen = min(
            self._replicas,
            # When every circuit is open, the one that may be tried soonest still serves.
            key=lambda r: (r in avoid, max(0.0, r.closed_until - now), r.outstanding),
        )
        if chosen.failures:
            # This unit is a trial: until it has ended, other units go to the healthy servers.
            chosen.closed_until = max(chosen.closed_until, now + _FIRST_BREAK)
        return chosen

    @contextlib.contextmanager
    def lease(self, replica: Replica, seconds: float) -> Iterator[None]:
        """Count `seconds` of audio as owed by the server while the block runs."""
        replica.outstanding += seconds
        try:
            yield
        finally:
            replica.outstanding -= seconds

    def succeeded(self, replica: Replica) -> None:
        """Close the server's circuit."""
        replica.failures = 0
        replica.closed_until = 0.0
        replica.busy = None

    def failed(self, replica: Replica) -> None:
        """Open the server's circuit for a while."""
        replica.failures += 1
        pause = _FIRST_BREAK * 2.0 ** min(replica.failures - 1, 8)
        replica.closed_until = self._clock() + min(_LONGEST_BREAK, pause)

    def busy(self, replica: Replica, seconds: float, error: APIError) -> None:
        """Leave a server alone that asked for it.

        Args:
            replica: The server.
            seconds: For how long.
            error: Its refusal.
        """
        replica.failures += 1
        replica.closed_until = self._clock() + min(_LONGEST_BREAK, seconds)
        replica.busy = replica.closed_until, error

    def pause(self, replica: Replica) -> Pause | None:
        """Return for how long a server still wants to be left alone, None if it does not."""
        if replica.busy is None:
            return None
        until, error = replica.busy
        seconds = until - self._clock()
        if seconds <= 0:
            replica.busy = None
            return None
        return Pause(seconds, error)

"""Which of two choices is asked: the first while it works, the second while it does not."""

from __future__ import annotations

import time
from collections.abc import Callable

from livekit.agents import APIConnectOptions

# Left alone for a second, then for twice as long each time it fails again: a restarted server is
# used again soon, and a dead one costs a turn in half a minute a wait.
_FIRST_BREAK = 1.0
_LONGEST_BREAK = 30.0
# Seconds that a first choice which keeps silent may take while there is a second one. A healthy
# one answers within one.
_LONGEST_WAIT = 3.0


class Circuit:
    """Open while a server is left alone because it failed.

    Args:
        clock: Seconds on a clock that never steps back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures = 0
        self._until = 0.0

    @property
    def open(self) -> bool:
        """Whether the server is not to be asked now."""
        return self._clock() < self._until

    def failed(self) -> None:
        """Leave the server alone for a while."""
        pause = min(_LONGEST_BREAK, _FIRST_BREAK * 2.0 ** min(self._failures, 8))
        self._failures += 1
        self._until = self._clock() + pause

    def succeeded(self) -> None:
        """The server is well."""
        self._failures = 0
        self._until = 0.0


def wait_before_second(options: APIConnectOptions) -> float:
    """Seconds that the first choice may keep silent, within LiveKit's limit for both."""
    return min(options.timeout / 2, _LONGEST_WAIT)

"""For how long a voice may rest without anybody noticing.

A service does not know what its listeners have heard. It knows what it has sent them: sound that
was sent at a time cannot have been played before, so a listener has at least the rest of it still
to hear. Unless it was thrown away, because they spoke over it: a request that is broken off tells
so, and what was sent before the last time that somebody spoke is not counted.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass

RESERVE = 0.5
"""Seconds of sound that are left alone, beside what the next piece takes to be made."""

APART = 1.0
"""Seconds between two questions by which they are about two times that somebody spoke."""


@dataclass
class _Listener:
    requests: int = 0
    """Those that are not answered to the end."""
    ends: float = 0.0
    """The earliest time at which all can have been played."""
    since: float = 0.0
    """The same, of what was sent since somebody spoke last."""

    def push(self, seconds: float, now: float) -> None:
        self.ends = max(self.ends, now) + seconds
        self.since = max(self.since, now) + seconds


class Ahead:
    """What the listeners of a voice have before them; its methods may be called from any thread.

    Args:
        clock: Seconds on a clock that never steps back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._listeners: dict[Hashable, _Listener] = {}
        self._pieces: deque[float] = deque([0.0], maxlen=8)  # seconds that the last ones took
        self._asked = -APART
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def request(self, who: Hashable) -> Iterator[Callable[[float], None]]:
        """Follow a request whose sound is played as it comes.

        Args:
            who: Tells its listener from others.

        Yields:
            What is to be called with the seconds of each piece that was sent.
        """
        with self._lock:
            listener = self._listeners.setdefault(who, _Listener())
            listener.requests += 1
        last = self._clock()

        def sent(seconds: float) -> None:
            nonlocal last
            with self._lock:
                now = self._clock()
                self._pieces.append(now - last)
                last = now
                listener.push(seconds, now)

        try:
            yield sent
        except BaseException:
            with self._lock:
                listener.ends = listener.since = 0.0
            raise
        finally:
            with self._lock:
                listener.requests -= 1

    def spare(self) -> float:
        """Seconds for which nothing has to be made; 0 if nobody hears anything."""
        with self._lock:
            now = self._clock()
            heard = {w: x for w, x in self._listeners.items() if x.requests or x.ends > now}
            self._listeners = heard
            if now - self._asked > APART:
                for listener in heard.values():
                    listener.ends, listener.since = listener.since, 0.0
            self._asked = now
            first = min((listener.ends for listener in heard.values()), default=0.0)
            return max(0.0, first - now - max(self._pieces) - RESERVE)

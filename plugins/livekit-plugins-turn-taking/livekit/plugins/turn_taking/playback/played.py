"""What was played last, for whoever looks for its echo."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

import numpy as np

from .buffer import FRAMES_PER_SECOND, Samples

_KEPT = 5 * FRAMES_PER_SECOND // 2
"""Frames remembered: two seconds, and half of one that a sink may have ahead."""


class Played:
    """The sound of the last two seconds, each frame at the time at which it is heard.

    A sink takes frames ahead of time, and after a busy machine was late, several at once: all the
    same they are heard one after the other. With each at the time at which it was handed over,
    those of a burst covered each other, and of 30 windows of an echo on a machine that was late by
    80 to 200 ms eight times a second, 7 to 12 were no longer like what was played.

    Args:
        sample_rate: Of the frames, in Hz.
        clock: Seconds on a clock that never steps back.
    """

    def __init__(self, sample_rate: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._sample_rate = sample_rate
        self._clock = clock
        self._frames: deque[tuple[int, Samples]] = deque(maxlen=_KEPT)
        """With the sample, on the clock, at which each begins."""
        self._over = 0
        """The sample after the last one of them."""

    def add(self, frame: Samples) -> None:
        """Take 10 ms that are played now, or after those before them."""
        begins = max(self._over, self._now - frame.size)
        self._frames.append((begins, frame))
        self._over = begins + frame.size

    def drop(self) -> None:
        """Learn that what is not heard yet never will be."""
        now = self._now
        while self._frames and self._frames[-1][0] >= now:
            self._frames.pop()
        self._over = min(self._over, now)

    def last(self, seconds: float) -> Samples:
        """What was played until now, silences included.

        Args:
            seconds: How much of it.
        """
        sound = np.zeros(round(seconds * self._sample_rate), np.int16)
        first = self._now - sound.size
        for begins, frame in self._frames:
            start = begins - first
            if -frame.size < start < sound.size:
                part = frame[max(0, -start) : sound.size - start]
                sound[max(0, start) : max(0, start) + part.size] = part
        return sound

    @property
    def _now(self) -> int:
        return round(self._clock() * self._sample_rate)

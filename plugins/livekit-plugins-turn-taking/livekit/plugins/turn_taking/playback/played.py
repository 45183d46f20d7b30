"""What was played last, for whoever looks for its echo."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

import numpy as np

from .buffer import FRAMES_PER_SECOND, Samples

_KEPT = 2 * FRAMES_PER_SECOND
"""Frames remembered: 2 s."""


class Played:
    """The sound of the last two seconds, each frame at the time at which it was played.

    Args:
        sample_rate: Of the frames, in Hz.
        clock: Seconds on a clock that never steps back.
    """

    def __init__(self, sample_rate: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._sample_rate = sample_rate
        self._clock = clock
        self._frames: deque[tuple[float, Samples]] = deque(maxlen=_KEPT)

    def add(self, frame: Samples) -> None:
        """Take 10 ms that are played now."""
        self._frames.append((self._clock(), frame))

    def last(self, seconds: float) -> Samples:
        """What was played until now, silences included.

        Args:
            seconds: How much of it.
        """
        size = self._sample_rate // FRAMES_PER_SECOND
        sound = np.zeros(round(seconds * self._sample_rate), np.int16)
        now = self._clock()
        for at, frame in self._frames:
            start = sound.size - (round((now - at) * FRAMES_PER_SECOND) + 1) * size
            if start >= 0:
                sound[start : start + size] = frame
        return sound

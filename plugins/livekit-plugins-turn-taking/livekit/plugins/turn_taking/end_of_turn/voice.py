"""Whether a voice sounds as if it had finished: a model that listens to how the last words fall."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from typing import TypeAlias

import numpy as np
from livekit import rtc
from numpy.typing import NDArray

SAMPLE_RATE = 16_000
"""Hz of what is judged."""

HEARD = 8.0
"""Seconds that are judged at most: what smart-turn hears."""

Judge: TypeAlias = Callable[[NDArray[np.int16]], float]
"""Takes up to ``HEARD`` seconds of sound, and says how much its end sounds like that of a
turn, 0 to 1. May block. :class:`.SmartTurn` is one."""


class Recent:
    """The last seconds of a voice.

    Args:
        longest: How many are kept; may be changed.
    """

    def __init__(self, longest: float) -> None:
        self.longest = longest
        self._frames: deque[rtc.AudioFrame] = deque()
        self._seconds = 0.0

    @property
    def frames(self) -> list[rtc.AudioFrame]:
        """What is kept, oldest first."""
        return list(self._frames)

    def push(self, frames: Iterable[rtc.AudioFrame]) -> None:
        """Add sound, of any one sample rate."""
        for frame in frames:
            self._frames.append(frame)
            self._seconds += frame.duration
        while self._frames and self._seconds - self._frames[0].duration > self.longest:
            self._seconds -= self._frames.popleft().duration

    async def judged_by(self, judge: Judge) -> float:
        """Have it judged, without holding up the event loop."""
        frame = rtc.combine_audio_frames(self.frames)
        return await asyncio.to_thread(lambda: judge(_resampled(frame)))


def _resampled(frame: rtc.AudioFrame) -> NDArray[np.int16]:
    resampler = rtc.AudioResampler(
        frame.sample_rate, SAMPLE_RATE, quality=rtc.AudioResamplerQuality.QUICK
    )
    frames = [*resampler.push(frame), *resampler.flush()]
    return np.concatenate([np.frombuffer(f.data, np.int16) for f in frames])

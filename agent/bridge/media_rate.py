"""Between the session's 24 kHz and a telephone's rate, without holding sound back.

LiveKit's resampler gives out 66 ms at once, up to 75 ms late: on both ways of a call that was a
tenth of a second of every answer and stop, and of the 0.1 s that were to be with the provider a
quarter to all. Its quickest one holds nothing back, and folds what is above 4 kHz back into the
voice.
"""

from __future__ import annotations

from math import lcm

import numpy as np
from livekit.plugins.turn_taking.playback.buffer import Samples
from livekit.plugins.turn_taking.playback.sink import SAMPLE_RATE
from numpy.typing import NDArray

_TAPS = 73
"""Of the filter at 24 kHz, which is 1.5 ms late. At 8 kHz, 3.4 kHz, the top of a telephone's band,
comes through whole, and what would fold back below that 50 dB softer."""
_CUT = 0.4875
"""Of the line's rate."""


def _low_pass(rate: int, cut: float) -> NDArray[np.float64]:
    taps = _TAPS * rate // SAMPLE_RATE | 1
    at = np.arange(taps) - taps // 2
    response: NDArray[np.float64] = np.sinc(2 * cut / rate * at) * np.hamming(taps)
    normalised: NDArray[np.float64] = response / response.sum()
    return normalised


class Resampler:
    """From one rate to another, over a rate that both divide, in pieces of any length.

    Args:
        source: Hz of what comes.
        target: Hz of what is given out.
    """

    def __init__(self, source: int, target: int) -> None:
        between = lcm(source, target)
        self._up, self._down = between // source, between // target
        self._taps = _low_pass(between, _CUT * min(source, target))
        self._before = np.zeros(self._taps.size - 1)
        self._skip = 0
        """Samples between to the next that is given out."""

    def push(self, samples: Samples) -> Samples:
        """What comes next at the target's rate; mono."""
        spread = np.zeros(samples.size * self._up)
        spread[:: self._up] = samples * float(self._up)
        sound = np.concatenate([self._before, spread])
        self._before = sound[spread.size :]
        if not spread.size:
            return np.zeros(0, np.int16)
        filtered = np.convolve(sound, self._taps, "valid")
        kept = filtered[self._skip :: self._down]
        self._skip = (self._skip - filtered.size) % self._down
        return np.clip(np.round(kept), -32768, 32767).astype(np.int16)

"""Between the session's 24 kHz and a telephone's 8 kHz, without holding sound back.

LiveKit's resampler gives out 66 ms at once, up to 75 ms late: on both ways of a call that was a
tenth of a second of every answer and stop, and of the 0.1 s that were to be with the provider a
quarter to all. Its quickest one holds nothing back, and folds what is above 4 kHz back into the
voice.
"""

from __future__ import annotations

import numpy as np
from livekit.plugins.turn_taking.playback.buffer import Samples
from livekit.plugins.turn_taking.playback.sink import SAMPLE_RATE
from numpy.typing import NDArray

from .media_messages import SAMPLE_RATE as LINE_RATE

_RATIO = SAMPLE_RATE // LINE_RATE
_TAPS = 73
"""Of the filter, which is 1.5 ms late. 3.4 kHz, the top of a telephone's band, comes through whole,
and what would fold back below that 50 dB softer."""
_CUT = 3_900.0
"""Hz."""


def _low_pass() -> NDArray[np.float64]:
    at = np.arange(_TAPS) - _TAPS // 2
    taps: NDArray[np.float64] = np.sinc(2 * _CUT / SAMPLE_RATE * at) * np.hamming(_TAPS)
    normalised: NDArray[np.float64] = taps / taps.sum()
    return normalised


class _Filter:
    """The low pass over a sound at 24 kHz that comes in pieces."""

    def __init__(self) -> None:
        self._taps = _low_pass()
        self._before = np.zeros(_TAPS - 1)

    def push(self, samples: NDArray[np.float64]) -> NDArray[np.float64]:
        sound = np.concatenate([self._before, samples])
        self._before = sound[samples.size :]
        return np.convolve(sound, self._taps, "valid")


class ToLine:
    """From 24 kHz to 8 kHz."""

    def __init__(self) -> None:
        self._filter = _Filter()

    def push(self, samples: Samples) -> Samples:
        """What comes next at 8 kHz.

        Args:
            samples: Whole milliseconds at 24 kHz, mono.
        """
        return _rounded(self._filter.push(samples.astype(np.float64))[::_RATIO])


class FromLine:
    """From 8 kHz to 24 kHz."""

    def __init__(self) -> None:
        self._filter = _Filter()

    def push(self, samples: Samples) -> Samples:
        """What comes next at 24 kHz.

        Args:
            samples: At 8 kHz, mono.
        """
        spread = np.zeros(samples.size * _RATIO)
        spread[::_RATIO] = samples * float(_RATIO)
        return _rounded(self._filter.push(spread))


def _rounded(sound: NDArray[np.float64]) -> Samples:
    return np.clip(np.round(sound), -32768, 32767).astype(np.int16)

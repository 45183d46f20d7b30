"""The beep after which an answering machine records."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_WINDOW = 0.04
"""Seconds: 14 periods of the lowest beep, and 25 Hz from bin to bin."""
_LOWEST, _HIGHEST = 350.0, 2200.0
"""Hz. Answering machines beep at 400 to 2,000; telephony carries 300 to 3,400."""
_PURE = 0.8
"""Share of a window's energy at one frequency. A vowel has it spread over its harmonics."""
_SHORTEST = 0.16
"""Seconds of an unchanging tone. Shorter ones occur in speech and in music."""
_DRIFT = 10.0
"""Hz that the frequency may move within a beep. A voice glides further, even when it sings."""
_QUIET = 300.0
"""Root mean square (of 32,768) below which there is nothing to hear: -41 dBFS."""


class BeepDetector:
    """Finds an unchanging tone in a stream of sound, and reports it when it ends.

    Args:
        sample_rate: Sample rate of the sound that is pushed, in Hz.
    """

    def __init__(self, sample_rate: int) -> None:
        self._rate = sample_rate
        self._size = round(_WINDOW * sample_rate)
        self._taper = np.hanning(self._size)
        self._remainder: NDArray[np.int16] = np.zeros(0, np.int16)
        self._frequency = 0.0
        self._windows = 0

    def push(self, samples: NDArray[np.int16]) -> bool:
        """Take mono samples and tell whether a beep ended in them."""
        samples = np.concatenate([self._remainder, samples])
        whole = len(samples) // self._size * self._size
        self._remainder = samples[whole:]
        ended = False
        for window in samples[:whole].reshape(-1, self._size):
            ended |= self._step(self._tone(window.astype(float)))
        return ended

    def _step(self, frequency: float | None) -> bool:
        """Go one window on; whether a beep has just ended."""
        if frequency is not None and self._windows and abs(frequency - self._frequency) <= _DRIFT:
            self._windows += 1
            return False
        was_long = self._windows * _WINDOW >= _SHORTEST
        self._windows, self._frequency = (1, frequency) if frequency else (0, 0.0)
        return was_long

    def _tone(self, window: NDArray[np.float64]) -> float | None:
        """The one frequency of a window, in Hz; None if it has several or none."""
        if np.sqrt(np.mean(window**2)) < _QUIET:
            return None
        power = np.abs(np.fft.rfft(window * self._taper)) ** 2
        peak = int(np.argmax(power))
        # A tone between two bins, under a Hann taper, spreads over four of them: their mean is it.
        near = np.arange(max(peak - 2, 0), min(peak + 3, len(power)))
        frequency = float(np.average(near, weights=power[near])) * self._rate / self._size
        is_pure = power[near].sum() >= _PURE * power.sum()
        return frequency if is_pure and _LOWEST <= frequency <= _HIGHEST else None

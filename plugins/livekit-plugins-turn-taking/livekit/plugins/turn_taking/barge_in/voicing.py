"""What a sound is like: how loud it is, whether it has a pitch, and whether one voice makes it."""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray

from ..playback.buffer import Samples

RATE = 8_000
"""Hz, below whose half is all of a voice that tells one from another."""
_DECIMATION = 3
"""From 24 kHz."""
_LOWEST, _HIGHEST = 75, 400
"""Hz; the pitch of voices, men's and children's included."""
_PERIODIC = 0.55
"""Least autocorrelation of a window that has a pitch."""
_BANDS = (90, 400, 800, 1400, 2500, 4000)
"""Hz; the edges of five bands, each about as wide as one of the resonances of a vowel."""
_DEEPEST = 30.0
"""Level below a band's loudest that counts as silence, in dB: what is below is the room's."""
_KEPT = 64
"""Windows of 32 ms whose bands are remembered: two seconds."""


class Voicing:
    """What is known of a sound, window by window of at least 30 ms at 24 kHz."""

    def __init__(self) -> None:
        self.voiced = 0.0
        """Seconds with a voice."""
        self._pitched = 0.0
        self._power = 0.0
        self._bands: deque[NDArray[np.float64]] = deque(maxlen=_KEPT)
        self._after: deque[NDArray[np.float64]] = deque(maxlen=_KEPT)
        """Those since the last voice. Only a pause that a voice follows is a part of the sound: the
        silence after a crowd would have its levels fall as deep as one voice's do."""

    def add(self, window: Samples, seconds: float, *, voice: bool) -> None:
        """Take a window that a detector hears a voice in, or none."""
        self._after.append(_levels(window))
        if voice:
            self._bands.extend(self._after)
            self._after.clear()
            self.voiced += seconds
            self._pitched += seconds * has_pitch(window)
            self._power += seconds * 10 ** (loudness(window) / 10)

    @property
    def pitched(self) -> float:
        """Share of the voiced time that has a pitch, 0 to 1."""
        return self._pitched / self.voiced if self.voiced else 0.0

    @property
    def loudness(self) -> float | None:
        """Level of the voiced time in dBFS, None if there is none."""
        return 10 * float(np.log10(self._power / self.voiced)) if self.voiced else None

    @property
    def movement(self) -> float:
        """How much the level of a band rises and falls, in dB: the mean of all.

        Who speaks alone goes from vowel to consonant to silence, and each takes other bands. In a
        crowd there is always somebody in each of them.
        """
        if not self._bands:
            return 0.0
        levels = np.array(self._bands)
        return float(np.maximum(levels, levels.max(axis=0) - _DEEPEST).std(axis=0).mean())


def has_pitch(window: Samples) -> bool:
    """Whether a window of at least 30 ms at 24 kHz is periodic, as a sung or spoken vowel is."""
    signal = decimated(window)
    signal = signal - signal.mean()
    size = 1 << int(2 * signal.size - 1).bit_length()
    spectrum = np.fft.rfft(signal, size)
    products = np.fft.irfft(spectrum * np.conj(spectrum), size)[: signal.size]
    if products[0] <= 0.0:
        return False
    lags = np.arange(RATE // _HIGHEST, min(RATE // _LOWEST, signal.size - 1))
    # The longer the lag, the fewer samples are compared.
    likely = products[lags] / products[0] * signal.size / (signal.size - lags)
    return bool(likely.max() >= _PERIODIC)


def loudness(samples: Samples) -> float:
    """The level of a sound in dBFS."""
    power = float(np.mean(samples.astype(np.float64) ** 2)) if samples.size else 0.0
    return 10 * float(np.log10(max(power, 1.0) / 32768**2))


def decimated(samples: Samples) -> NDArray[np.float64]:
    """A sound at 24 kHz as one at 8 kHz."""
    whole = samples.size // _DECIMATION * _DECIMATION
    means: NDArray[np.float64] = samples[:whole].reshape(-1, _DECIMATION).mean(axis=1)
    return means


def _levels(window: Samples) -> NDArray[np.float64]:
    """The level of each band, in dB."""
    signal = decimated(window)
    power = np.abs(np.fft.rfft(signal * np.hanning(signal.size))) ** 2
    edges = np.searchsorted(np.fft.rfftfreq(signal.size, 1 / RATE), _BANDS)
    return 10 * np.log10(np.add.reduceat(power[: edges[-1]], edges[:-1]) + 100.0)

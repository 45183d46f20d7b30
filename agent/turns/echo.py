"""How a sound is made: whether it is the agent's own, and whether it has a pitch."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .playout import Samples

_DECIMATION = 3
"""From 24 kHz to 8 kHz, where all of a voice is that tells one from another."""
_RATE = 8_000
_LOWEST, _HIGHEST = 75, 400
"""Hz; the pitch of voices, men's and children's included."""
_PERIODIC = 0.55
"""Least autocorrelation of a window that has a pitch."""


def likeness(heard: Samples, played: Samples) -> float:
    """Tell how alike what was heard is to some part of what was played, 0 to 1.

    The greatest correlation over all delays that fit, of the signals' differences: these weigh
    the higher harmonics more, without which any two voiced sounds are alike.

    Args:
        heard: By the microphone; mono at 24 kHz.
        played: Until the same moment, and longer by the longest delay that is looked for.
    """
    a, b = _differences(heard), _differences(played)
    energy = float(a @ a)
    if not energy or b.size < a.size:
        return 0.0
    size = 1 << int(b.size + a.size - 1).bit_length()
    spectrum = np.fft.rfft(b, size) * np.conj(np.fft.rfft(a, size))
    products = np.fft.irfft(spectrum, size)[: b.size - a.size + 1]
    sums = np.concatenate([[0.0], np.cumsum(b * b)])
    energies = sums[a.size :] - sums[: -a.size]
    floor = max(float(energies.max()) * 1e-4, 1.0)
    return float(np.max(np.abs(products) / np.sqrt(energy * np.maximum(energies, floor))))


def has_pitch(window: Samples) -> bool:
    """Whether a window of at least 30 ms at 24 kHz is periodic, as a sung or spoken vowel is."""
    signal = _decimated(window)
    signal = signal - signal.mean()
    size = 1 << int(2 * signal.size - 1).bit_length()
    spectrum = np.fft.rfft(signal, size)
    products = np.fft.irfft(spectrum * np.conj(spectrum), size)[: signal.size]
    if products[0] <= 0.0:
        return False
    lags = np.arange(_RATE // _HIGHEST, min(_RATE // _LOWEST, signal.size - 1))
    # The longer the lag, the fewer samples are compared.
    likely = products[lags] / products[0] * signal.size / (signal.size - lags)
    return bool(likely.max() >= _PERIODIC)


def loudness(samples: Samples) -> float:
    """The level of a sound in dBFS."""
    power = float(np.mean(samples.astype(np.float64) ** 2)) if samples.size else 0.0
    return 10 * float(np.log10(max(power, 1.0) / 32768**2))


def _decimated(samples: Samples) -> NDArray[np.float64]:
    whole = samples.size // _DECIMATION * _DECIMATION
    decimated: NDArray[np.float64] = samples[:whole].reshape(-1, _DECIMATION).mean(axis=1)
    return decimated


def _differences(samples: Samples) -> NDArray[np.float64]:
    return np.diff(_decimated(samples))

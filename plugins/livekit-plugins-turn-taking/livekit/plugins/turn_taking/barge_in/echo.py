"""Whether a sound is the agent's own, come back through the microphone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..playback.buffer import Samples
from .voicing import decimated


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


def _differences(samples: Samples) -> NDArray[np.float64]:
    return np.diff(decimated(samples))

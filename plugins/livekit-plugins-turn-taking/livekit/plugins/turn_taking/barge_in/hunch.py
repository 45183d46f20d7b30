"""A hunch of what a sound over the agent's speech is, before any word of it is known.

A small network hears it from a moment before its first voice: two layers of Whisper base's encoder
and a head for five kinds of sound, trained on speech that was made for it. ``hunch.md`` beside its
weights says on what, and how well it does.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from ..end_of_turn.smart_turn import log_mel
from ..model import ModelError
from ..playback.buffer import Samples
from ..playback.sink import SAMPLE_RATE

LEARNT = frozenset({"en", "zh"})
"""The languages that it was trained on."""

_RATE = 16_000
_LONGEST = round(1.28 * SAMPLE_RATE)
"""Samples that it hears at most; it has learnt from no longer sounds."""
_FILE = Path(__file__).with_name("hunch.onnx")


@dataclass(frozen=True)
class Hunch:
    """How likely each kind of sound is; together 1."""

    floor: float
    """Somebody wants to speak."""
    backchannel: float
    """Somebody shows that they listen."""
    vocal: float
    """A laugh, a cough, a breath."""
    crowd: float
    """Several people, or one far away."""
    noise: float
    """Nothing that a mouth makes."""


Guess: TypeAlias = Callable[[Samples], Hunch]
"""Takes a sound, mono at 24 kHz, from a moment before its first voice until now. May block."""


class Network:
    """The network in memory; it may be called from several threads."""

    def __init__(self) -> None:
        options = ort.SessionOptions()
        # One core for the 5 ms that it takes: the others have the engines to serve.
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._model = ort.InferenceSession(str(_FILE), options, providers=["CPUExecutionProvider"])

    def __call__(self, samples: Samples) -> Hunch:
        """Guess what a sound is, by its first 1.28 s."""
        mel = log_mel(_resampled(samples[:_LONGEST]))
        [likely] = self._model.run(None, {"mel": mel[None]})[0]
        return Hunch(*map(float, likely))


@cache
def load() -> Network:
    """The network of this process; whoever asks first waits some 0.1 s for it.

    Raises:
        ModelError: It cannot be loaded.
    """
    try:
        return Network()
    except Exception as e:  # onnxruntime's own have nothing else in common
        raise ModelError(
            f"{_FILE} cannot be loaded ({e}): install livekit-plugins-turn-taking anew, or do"
            " without it (hunches=False)."
        ) from e


def prewarm() -> None:
    """Load it before a conversation does; one that cannot have it goes on without, and says so."""
    with suppress(ModelError):
        load()


def guess(samples: Samples) -> Hunch:
    """Guess what a sound is, with the network of this process.

    Raises:
        ModelError: It cannot be loaded.
    """
    return load()(samples)


def _resampled(samples: Samples) -> NDArray[np.floating[Any]]:
    """A short sound at 16 kHz: what is above 8 kHz is left out of its spectrum."""
    size = samples.size * _RATE // SAMPLE_RATE
    spectrum = np.fft.rfft(samples.astype(np.float64) / 32768)[: size // 2 + 1]
    return np.fft.irfft(spectrum, size) * (size / samples.size)

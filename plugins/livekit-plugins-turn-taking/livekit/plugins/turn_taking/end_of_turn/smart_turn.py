"""Pipecat's smart-turn v3.2, which hears in 8 s of a voice whether its turn is over.

Trained on 23 languages, Chinese and English among them (BSD-2-Clause; 8.7 MB). Its input is what
Whisper's encoder takes: the logarithm of the power in 80 mel bands, every 10 ms.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from ..model import locate
from .voice import HEARD, SAMPLE_RATE

_SAMPLES = round(HEARD * SAMPLE_RATE)
_WINDOW = 400
_HOP = 160
_BANDS = 80
_AT_ONCE = 32
"""Frames of one matrix product. Of more the BLAS under numpy makes work for every core, and the
others wait for it in a loop: 11 ms of processor time for half a second of sound instead of 3."""

_Floats = NDArray[np.floating[Any]]


class SmartTurn:
    """The model in memory; it may be called from several threads.

    Args:
        path: Of ``smart-turn-v3.2-cpu.onnx``.
    """

    def __init__(self, path: Path) -> None:
        options = ort.SessionOptions()
        # One core for the 40 ms that it takes: the others have the engines to serve.
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._model = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def __call__(self, samples: NDArray[np.int16]) -> float:
        """How much the end of some sound is like that of a turn, 0 to 1.

        Args:
            samples: Mono, 16 kHz; of more than 8 s the last ones count.
        """
        sound = samples[-_SAMPLES:].astype(np.float32) / 32768
        sound = np.pad(sound, (_SAMPLES - len(sound), 0))
        [[probability]] = self._model.run(None, {"input_features": log_mel(sound)[None]})[0]
        return float(probability)


@cache
def load() -> SmartTurn:
    """The model of this process; whoever asks first waits some 0.2 s for it."""
    return SmartTurn(locate())


def log_mel(sound: _Floats) -> NDArray[np.float32]:
    """Whisper's features of a sound at 16 kHz, 80 bands by 100 frames a second."""
    sound = (sound - sound.mean()) / np.sqrt(sound.var() + 1e-7)
    padded = np.pad(sound, _WINDOW // 2, mode="reflect")
    windows = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)
    windows = windows[::_HOP][: sound.size // _HOP]
    power = np.abs(np.fft.rfft(windows * np.hanning(_WINDOW + 1)[:-1])) ** 2
    parts = (power[i : i + _AT_ONCE].T for i in range(0, len(power), _AT_ONCE))
    bands = np.concatenate([mel_filters() @ part for part in parts], axis=1)
    bands = np.log10(np.maximum(bands, 1e-10))
    features: NDArray[np.float32] = ((np.maximum(bands, bands.max() - 8.0) + 4.0) / 4.0).astype(
        np.float32
    )
    return features


@cache
def mel_filters() -> _Floats:
    """Slaney's mel filters: triangles of equal area, even below 1 kHz and ever wider above."""

    def hertz(mel: _Floats) -> _Floats:
        return np.where(mel < 15, mel * 200 / 3, 1000 * 6.4 ** ((mel - 15) / 27))

    top = 15 + 27 * np.log(SAMPLE_RATE / 2 / 1000) / np.log(6.4)
    edges = hertz(np.linspace(0, top, _BANDS + 2))[:, None]
    low, centre, high = edges[:-2], edges[1:-1], edges[2:]
    frequencies = np.linspace(0, SAMPLE_RATE / 2, _WINDOW // 2 + 1)
    rising, falling = (frequencies - low) / (centre - low), (high - frequencies) / (high - centre)
    return np.maximum(0, np.minimum(rising, falling)) * 2 / (high - low)

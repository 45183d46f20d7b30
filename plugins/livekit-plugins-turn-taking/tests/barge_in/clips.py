"""Speech that no weight of the network was trained on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from livekit.plugins.turn_taking.playback.buffer import Samples

_SOUNDS = Path(__file__).with_name("sounds.npz")
"""Two clips of each kind and language, with texts and voices that no weight was trained on: 0.64 s
from 0.13 s before the first voice on, at 24 kHz, as mu-law."""


def clip(name: str) -> Samples:
    with np.load(_SOUNDS) as sounds:
        coded = sounds[name].astype(np.float64) / 127
    samples: Samples = (
        np.sign(coded) * np.expm1(np.abs(coded) * np.log(256)) / 255 * 32767
    ).astype(np.int16)
    return samples

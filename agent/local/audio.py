"""Sound as the models make it and as HTTP carries it."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

SAMPLE_RATE = 24000
"""Hz, for both models, as for Qwen3-TTS."""

FADE = 120
"""Samples of the fade at both ends of an utterance, 5 ms: enough that there is no click."""

Samples: TypeAlias = np.ndarray[Any, np.dtype[np.float32]]
"""Mono, from -1 to 1."""


def silence(seconds: float) -> Samples:
    """Silence of that length."""
    return np.zeros(int(seconds * SAMPLE_RATE), np.float32)


def fade(audio: Samples) -> Samples:
    """Let the first 5 ms rise from nothing and the last 5 ms fall to nothing."""
    ramp = np.minimum(np.arange(len(audio), dtype=np.float32) / FADE, 1)
    faded: Samples = audio * ramp * ramp[::-1]
    return faded


def trim(audio: Samples, threshold: float = 0.003) -> Samples:
    """Cut off what is fainter than -50 dBFS at both ends, except 10 ms."""
    loud = np.flatnonzero(np.abs(audio) > threshold)
    if not len(loud):
        return audio[:0]
    keep = SAMPLE_RATE // 100
    return audio[max(0, int(loud[0]) - keep) : int(loud[-1]) + keep]


def pcm(audio: Samples) -> bytes:
    """The same as signed 16-bit little-endian PCM."""
    return (np.clip(audio, -1, 1) * 32767).astype("<i2").tobytes()

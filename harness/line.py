"""What a telephone line does to a voice: its band, its codec, its losses."""

from __future__ import annotations

import audioop
from dataclasses import dataclass
from typing import Literal

import numpy as np

from .recording import SAMPLE_RATE, Samples
from .resample import resampled

_RATE = 8_000
"""Sample rate of G.711, in Hz."""
_LOW, _HIGH = 300.0, 3_400.0
"""The band of a telephone, in Hz (ITU-T G.712)."""
_PACKET = _RATE // 50
"""Samples in a packet: 20 ms, which every provider sends."""


@dataclass(frozen=True)
class Line:
    """A telephone line.

    Args:
        law: The law of G.711: mu-law in America and Japan, A-law elsewhere.
        loss: Share of packets that are lost. LiveKit's SIP service puts silence in their place
            (its ``silence_filler.go``).
        seed: Seed of the losses and the noise.
        noise: Level of the noise of the line, whether anybody speaks or not, in dBFS; None for no
            noise. On a good line it is -65 dBm0 (ITU-T G.712), which is -68 here.
    """

    law: Literal["ulaw", "alaw"] = "ulaw"
    loss: float = 0.0
    seed: int = 1
    noise: float | None = None

    def carry(self, samples: Samples, rate: int = SAMPLE_RATE) -> Samples:
        """What comes out at the other end: mono s16 at the caller's rate, in Hz, in and out."""
        random = np.random.default_rng(self.seed)
        narrow = resampled(_band(samples, rate), rate, _RATE)
        if self.noise is not None:
            hiss = random.normal(0.0, 32768 * 10 ** (self.noise / 20), len(narrow))
            narrow = np.clip(narrow + hiss, -32768, 32767).astype(np.int16)
        if self.law == "ulaw":
            coded = audioop.ulaw2lin(audioop.lin2ulaw(narrow.tobytes(), 2), 2)
        else:
            coded = audioop.alaw2lin(audioop.lin2alaw(narrow.tobytes(), 2), 2)
        heard = np.frombuffer(coded, np.int16).copy()
        lost = random.random(len(heard) // _PACKET + 1) < self.loss
        heard[np.repeat(lost, _PACKET)[: len(heard)]] = 0
        return resampled(heard, _RATE, rate)


LINES: dict[str, Line | None] = {
    "wideband": None,
    "ulaw": Line("ulaw"),
    "alaw": Line("alaw"),
    "ulaw_loss3": Line("ulaw", loss=0.03),
    "alaw_loss3": Line("alaw", loss=0.03),
}
"""The lines that benchmarks speak through, by name; None for a browser's."""


def _band(samples: Samples, rate: int) -> Samples:
    spectrum = np.fft.rfft(samples.astype(float))
    frequency = np.fft.rfftfreq(len(samples), 1 / rate)
    spectrum[(frequency < _LOW) | (frequency > _HIGH)] = 0
    filtered = np.fft.irfft(spectrum, len(samples))
    kept: Samples = np.clip(np.round(filtered), -32768, 32767).astype(np.int16)
    return kept

"""Noises of a room and of a street, made from a seed."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from harness.recording import SAMPLE_RATE, Samples

Signal = NDArray[np.float64]

SPEECH = -21.0
"""Loudness that voices are brought to, in dBFS: the RMS of their speech without its pauses."""


def noise(kind: str, seed: int, level: float, voices: Sequence[Samples] = ()) -> Samples:
    """Make a burst of noise.

    Args:
        kind: ``keyboard``, ``door``, ``music`` or ``babble``.
        seed: Seed of everything that is random in it.
        level: Level of its loud parts, in dB relative to speech.
        voices: The sentences that babble is mixed from.

    Returns:
        Mono s16 at 24 kHz, 0.3 to 2.5 s.
    """
    rng = np.random.default_rng(seed)
    if kind == "babble":
        return at_level(_babble(rng, voices), SPEECH + level)
    makers: dict[str, Callable[[np.random.Generator], Signal]] = {
        "keyboard": _keyboard, "door": _door, "music": _music
    }  # fmt: skip
    return at_level(makers[kind](rng), SPEECH + level)


def street(seed: int, seconds: float) -> Samples:
    """Traffic that does not end: a rumble, and cars that come by. Mono s16 at 24 kHz, as speech.

    Args:
        seed: Seed of everything that is random in it.
        seconds: How long.
    """
    rng = np.random.default_rng(seed)
    t = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    out = _band(rng.standard_normal(len(t)), 30, 250)
    tyres = _band(rng.standard_normal(len(t)), 300, 2500)
    for passing in np.arange(rng.uniform(0.0, 2.0), seconds, 3.5):
        out += tyres * rng.uniform(0.4, 1.0) * np.exp(-(((t - passing) / 0.9) ** 2))
    return at_level(out, SPEECH)


def at_level(sound: NDArray[np.floating] | Samples, dbfs: float) -> Samples:
    """Bring a sound to a loudness: the RMS of its 20 ms windows within 25 dB of the loudest."""
    signal = sound.astype(np.float64)
    size = SAMPLE_RATE // 50
    whole = len(signal) // size * size or len(signal)
    power = (signal[:whole].reshape(-1, min(size, whole)) ** 2).mean(1)
    loud = power[power > power.max() * 10**-2.5]
    scaled = signal * (10 ** (dbfs / 20) * 32768 / np.sqrt(loud.mean()))
    clipped: Samples = np.clip(scaled, -32000, 32000).astype(np.int16)
    return clipped


def _decay(rng: np.random.Generator, seconds: float, half_life: float) -> Signal:
    """White noise that dies away."""
    t = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    return rng.standard_normal(len(t)) * 0.5 ** (t / half_life)


def _band(signal: Signal, low: float, high: float) -> Signal:
    spectrum = np.fft.rfft(signal)
    hertz = np.fft.rfftfreq(len(signal), 1 / SAMPLE_RATE)
    spectrum[(hertz < low) | (hertz > high)] = 0
    return np.fft.irfft(spectrum, len(signal))


def _keyboard(rng: np.random.Generator) -> Signal:
    """Keys: a click when a key lands, a weaker one when it comes up, 4 to 9 a second."""
    out = np.zeros(int(rng.uniform(1.0, 2.0) * SAMPLE_RATE))
    at = 0.01
    while at < len(out) / SAMPLE_RATE - 0.2:
        for delay, weight in ((0.0, 1.0), (rng.uniform(0.06, 0.11), 0.4)):
            click = _band(_decay(rng, 0.05, 0.004), 1200, 9000)
            thud = _band(_decay(rng, 0.05, 0.01), 100, 500)
            start = int((at + delay) * SAMPLE_RATE)
            out[start : start + len(click)] += weight * rng.uniform(0.6, 1.0) * (click + thud)
        at += rng.uniform(0.11, 0.25)
    return out


def _door(rng: np.random.Generator) -> Signal:
    """A door: the latch, then the leaf in its frame, then the room."""
    out = np.zeros(int(0.9 * SAMPLE_RATE))
    latch = _band(_decay(rng, 0.06, 0.006), 800, 5000)
    slam = _band(_decay(rng, 0.7, 0.06), 40, 900)
    room = _band(_decay(rng, 0.7, 0.12), 100, 3000)
    start = int(rng.uniform(0.02, 0.12) * SAMPLE_RATE)
    out[: len(latch)] += 0.5 * latch
    out[start : start + len(slam)] += 4 * slam + 0.5 * room
    return out


def _music(rng: np.random.Generator) -> Signal:
    """Chords of a plucked instrument over a bass, some bars of them."""
    beat = rng.uniform(0.22, 0.4)
    root = 110 * 2 ** (rng.integers(0, 12) / 12)
    out = np.zeros(int(2.5 * SAMPLE_RATE))
    for i in range(int(2.2 / beat)):
        degree = rng.choice([0, 5, 7, 9])
        for interval in (-12, 0, rng.choice([3, 4]), 7, 12):
            hertz = root * 2 ** ((degree + interval) / 12)
            t = np.arange(int(min(1.0, 2.5 - i * beat) * SAMPLE_RATE)) / SAMPLE_RATE
            note = sum(
                np.sin(2 * np.pi * hertz * k * t + rng.uniform(0, 6)) / k**1.5 for k in range(1, 7)
            )
            start = int(i * beat * SAMPLE_RATE)
            envelope = np.minimum(t / 0.01, 1) * 0.5 ** (t / 0.25)
            length = min(len(t), len(out) - start)
            out[start : start + length] += (note * envelope)[:length]
    return out


def _babble(rng: np.random.Generator, voices: Sequence[Samples]) -> Signal:
    """Six people who talk at once, far away enough for no word to be made out."""
    out = np.zeros(int(rng.uniform(1.2, 2.2) * SAMPLE_RATE))
    for i in rng.choice(len(voices), 6, replace=False):
        voice = voices[i].astype(np.float64)
        voice = np.roll(np.resize(voice, len(out)), rng.integers(0, len(out)))
        out += voice * rng.uniform(0.6, 1.0)
    fade = np.minimum(np.arange(len(out)) / (0.05 * SAMPLE_RATE), 1)
    return _band(out, 150, 4000) * fade * fade[::-1]

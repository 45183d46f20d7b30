"""Laughs, coughs and noises by formula, for what no package has recordings of."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from harness import sounds

RATE = 16_000

Signal = NDArray[np.float32]
Rng = np.random.Generator


def vocal(rng: Rng) -> Signal:
    """A laugh, a cough, a throat cleared, a sneeze, a breath, made from pulses and noise."""
    return (_laugh, _cough, _cough, _breath, _sneeze, _throat)[rng.integers(6)](rng)


def _tract(rng: Rng, source: Signal) -> Signal:
    """Resonances of a mouth that says no vowel in particular."""
    spectrum = np.fft.rfft(source)
    hertz = np.fft.rfftfreq(len(source), 1 / RATE)
    gain = np.full(len(hertz), 0.05)
    for low, high in ((350, 900), (1000, 1900), (2200, 3200), (3300, 4500)):
        centre, width = rng.uniform(low, high), rng.uniform(80, 300)
        gain += rng.uniform(0.3, 1) / (1 + ((hertz - centre) / width) ** 2)
    return np.fft.irfft(spectrum * gain, len(source)).astype(np.float32)


def _pulses(rng: Rng, pitch: NDArray[np.float64]) -> Signal:
    phase = np.cumsum(pitch * (1 + 0.02 * rng.standard_normal(len(pitch)))) / RATE
    return (np.diff(np.floor(phase), prepend=0) + 0.03 * rng.standard_normal(len(phase))).astype(
        np.float32
    )


def _laugh(rng: Rng) -> Signal:
    size = int(rng.uniform(0.6, 1.3) * RATE)
    t = np.arange(size) / RATE
    rate, pitch = rng.uniform(3.8, 6.5), rng.uniform(120, 420)
    voiced = _pulses(rng, pitch * (1 - 0.25 * t + 0.08 * np.sin(2 * np.pi * rate * t)))
    on = np.clip(np.sin(2 * np.pi * rate * t), 0, 1) ** 0.7
    puff = np.clip(np.sin(2 * np.pi * rate * t + np.pi), 0, 1) ** 0.7
    breath = rng.standard_normal(size) * rng.uniform(0.05, 0.3)
    share = rng.uniform(0, 1) if rng.random() < 0.7 else 0.05
    out = (
        _tract(rng, voiced) / 0.03 * on * share
        + _tract(rng, breath.astype(np.float32)) * (puff + 0.4 * on) * 3
    )
    return (out * (1 - 0.6 * t / t[-1])).astype(np.float32)


def _cough(rng: Rng) -> Signal:
    parts = []
    for _ in range(rng.integers(1, 4)):
        size = int(rng.uniform(0.18, 0.4) * RATE)
        t = np.arange(size) / RATE
        burst = _tract(rng, rng.standard_normal(size).astype(np.float32)) * np.exp(
            -t / rng.uniform(0.03, 0.09)
        )
        voiced = _tract(rng, _pulses(rng, rng.uniform(90, 280) * (1 - 0.5 * t)))
        voiced *= np.exp(-(((t - 0.2) / 0.06) ** 2)) * rng.uniform(0, 8)
        rise = np.minimum(t / 0.006, 1)
        parts += [(burst + voiced) * rise, np.zeros(int(rng.uniform(0.03, 0.25) * RATE))]
    return np.concatenate(parts).astype(np.float32)


def _breath(rng: Rng) -> Signal:
    size = int(rng.uniform(0.4, 1.2) * RATE)
    t = np.linspace(0, 1, size)
    shape = np.sin(np.pi * t ** rng.uniform(0.5, 1.5))
    return _tract(rng, _hiss(rng, size, rng.uniform(0, 1)) * shape.astype(np.float32))


def _sneeze(rng: Rng) -> Signal:
    breath = _breath(rng)[: int(rng.uniform(0.1, 0.5) * RATE)] * 0.3
    size = int(rng.uniform(0.2, 0.5) * RATE)
    t = np.arange(size) / RATE
    burst = _band(rng.standard_normal(size).astype(np.float32), rng.uniform(800, 2500), 8000)
    burst *= np.minimum(t / 0.01, 1) * np.exp(-t / rng.uniform(0.08, 0.2))
    return np.concatenate([breath, burst * 2]).astype(np.float32)


def _throat(rng: Rng) -> Signal:
    size = int(rng.uniform(0.25, 0.9) * RATE)
    t = np.arange(size) / RATE
    rough = _pulses(
        rng,
        rng.uniform(50, 130) * (1 + 0.3 * rng.standard_normal(size // 400 + 1).repeat(400)[:size]),
    )
    out = _tract(rng, rough + 0.1 * rng.standard_normal(size).astype(np.float32))
    shape = np.clip(np.sin(2 * np.pi * rng.uniform(1.5, 4) * t), 0.05, 1) * np.minimum(t / 0.02, 1)
    return (out * shape).astype(np.float32)


def noise(rng: Rng) -> Signal:
    """Something that no mouth makes."""
    kind = int(rng.integers(9))
    if kind >= 4:
        return (_bangs, _steady, _tones, _rustle, _bark)[kind - 4](rng)
    name = ("keyboard", "door", "music", "music")[kind]
    made = sounds.noise(name, int(rng.integers(2**31)), 0.0).astype(np.float32)
    if name == "music":
        made = made[rng.integers(len(made) // 2) :]
    size = round(len(made) / 1.5 / rng.uniform(0.8, 1.25))  # from 24 kHz, lower or higher
    return np.interp(np.linspace(0, len(made) - 1, size), np.arange(len(made)), made).astype(
        np.float32
    )


def clip(rng: Rng, kind: str) -> NDArray[np.int16]:
    """One ``vocal`` or ``noise`` from its first sample on, as loud as int16 goes."""
    sound = (vocal if kind == "vocal" else noise)(rng)
    loud = np.abs(sound) > 0.03 * np.abs(sound).max()
    sound = sound[int(loud.argmax()) :][: round(1.5 * RATE)]
    return (sound / np.abs(sound).max() * 28_000).astype(np.int16)


def _bangs(rng: Rng) -> Signal:
    """Steps, knocks, dishes: something hard that rings, once or again."""
    out = np.zeros(int(1.3 * RATE), np.float32)
    at = 0.0
    gap, rings = rng.uniform(0.12, 0.6), rng.integers(1, 6)
    modes = rng.uniform(80, rng.choice([600, 2000, 6000]), rings)
    while at < 1.2:
        t = np.arange(len(out) - int(at * RATE)) / RATE
        half = rng.uniform(0.005, 0.08)
        hit = rng.standard_normal(len(t)) * np.exp(-t / 0.004)
        for mode in modes:
            hit += (
                np.sin(2 * np.pi * mode * t + rng.uniform(0, 6))
                * np.exp(-t / half)
                * rng.uniform(0.3, 1)
            )
        out[int(at * RATE) :] += (hit * rng.uniform(0.5, 1)).astype(np.float32)
        at += gap * rng.uniform(0.8, 1.2)
    return out


def _steady(rng: Rng) -> Signal:
    """A fan, a car, water: noise that comes and stays."""
    size = int(1.3 * RATE)
    t = np.arange(size) / RATE
    swell = np.minimum(t / rng.uniform(0.005, 0.5), 1) * (
        1 + 0.4 * np.sin(2 * np.pi * rng.uniform(0.5, 12) * t)
    )
    low = rng.uniform(30, 800)
    return (
        _band(_hiss(rng, size, rng.uniform(0, 2)), low, rng.uniform(low * 3, 8000)) * swell
    ).astype(np.float32)


def _tones(rng: Rng) -> Signal:
    """Rings, beeps and horns."""
    t = np.arange(int(1.3 * RATE)) / RATE
    rate = rng.choice([0.0, rng.uniform(2, 25)])
    on = (np.sin(2 * np.pi * rate * t) >= -0.1) if rate else np.ones(len(t))
    sweep = rng.choice([0.0, rng.uniform(-600, 600)])
    base = rng.uniform(200, 2500)
    out = np.zeros(len(t))
    for k in range(1, rng.integers(2, 9)):
        out += np.sin(2 * np.pi * k * (base * t + sweep * t**2 / 2)) * rng.uniform(0.1, 1) / k
    return (out * on).astype(np.float32)


def _rustle(rng: Rng) -> Signal:
    """Paper, clothes, a hand on the microphone."""
    size = int(1.3 * RATE)
    grains = rng.standard_normal(size) * (rng.random(size) < rng.uniform(0.002, 0.2))
    slow = np.abs(
        np.interp(
            np.arange(size), np.arange(0, size + 800, 800), rng.standard_normal(size // 800 + 1)
        )
    )
    return _band((grains * slow).astype(np.float32), rng.uniform(20, 500), rng.uniform(1500, 8000))


def _bark(rng: Rng) -> Signal:
    """Dogs and birds: short glides of a harmonic tone."""
    out = np.zeros(int(1.3 * RATE), np.float32)
    at, pitch = 0.0, np.exp(rng.uniform(np.log(300), np.log(3500)))
    while at < 1.1:
        size = int(rng.uniform(0.06, 0.25) * RATE)
        t = np.linspace(0, 1, size)
        glide = pitch * (1 + rng.uniform(0.1, 0.6) * np.sin(np.pi * t * rng.uniform(0.5, 1.5)))
        phase = 2 * np.pi * np.cumsum(glide) / RATE
        call = sum(np.sin(k * phase) / k ** rng.uniform(0.5, 2) for k in range(1, 6))
        call = (call + rng.uniform(0, 1) * rng.standard_normal(size)) * np.sin(np.pi * t) ** 0.5
        start = int(at * RATE)
        out[start : start + size] += call[: len(out) - start].astype(np.float32)
        at += rng.uniform(0.12, 0.6)
    return out


def _hiss(rng: Rng, size: int, slope: float) -> Signal:
    """Noise of power falling with the frequency to some power, of level 1."""
    spectrum = np.fft.rfft(rng.standard_normal(size))
    hertz = np.maximum(np.fft.rfftfreq(size, 1 / RATE), 40)
    out = np.fft.irfft(spectrum * hertz ** (-slope / 2), size)
    return (out / out.std()).astype(np.float32)


def _band(signal: Signal, low: float, high: float) -> Signal:
    spectrum = np.fft.rfft(signal)
    hertz = np.fft.rfftfreq(len(signal), 1 / RATE)
    spectrum[(hertz < low) | (hertz > high)] = 0
    return np.fft.irfft(spectrum, len(signal)).astype(np.float32)

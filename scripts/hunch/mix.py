"""What a microphone hears over the agent's speech, thousands at a time on a GPU.

Every kind of sound goes through the same rooms, noises and lines and comes out equally loud, so
that nothing tells them apart but what they are.
"""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray

RATE = 16_000
SIZE = round(1.24 * RATE)
"""Samples of a mix."""
SOURCE = round(1.5 * RATE)
"""Samples of what is mixed."""
KINDS = ("floor", "backchannel", "vocal", "crowd", "noise")
_SHARES = (0.34, 0.32, 0.12, 0.10, 0.12)

Tensor: TypeAlias = Any
"""Of torch, which has no types here."""


class Bank:
    """Sounds of one half, by name: the kinds, of speech with its language, and ``room`` noise."""

    def __init__(self, device: str, seed: int) -> None:
        self.rng = torch.Generator(device)
        self.rng.manual_seed(seed)
        self.device = device
        self._sounds: dict[str, tuple[Tensor, Tensor]] = {}

    def add(self, name: str, waves: list[NDArray[np.int16]]) -> None:
        """Keep sounds under a name."""
        out = torch.zeros(len(waves), SOURCE, dtype=torch.int16)
        for i, wave in enumerate(waves):
            cut = wave[:SOURCE]
            out[i, : len(cut)] = torch.from_numpy(np.ascontiguousarray(cut))
        sizes = torch.tensor([min(len(wave), SOURCE) for wave in waves])
        self._sounds[name] = out.to(self.device), sizes.to(self.device)

    def draw(self, name: str, count: int) -> tuple[Tensor, Tensor]:
        """Some of them, and how long each is."""
        sounds, sizes = self._sounds[name]
        at = torch.randint(len(sounds), (count,), generator=self.rng, device=self.device)
        return sounds[at].float() / 32768, sizes[at]

    def uniform(self, low: float, high: float, *shape: int) -> Tensor:
        """Numbers between two."""
        made = torch.rand(*shape, generator=self.rng, device=self.device)
        return made * (high - low) + low

    def some(self, share: float, count: int) -> Tensor:
        """A share of the rows, as a column."""
        return self.uniform(0, 1, count, 1) < share

    def integers(self, low: int, high: int, *shape: int) -> Tensor:
        """Whole numbers from one to below the other."""
        return torch.randint(low, high, shape, generator=self.rng, device=self.device)

    def normal(self, *shape: int) -> Tensor:
        """White noise."""
        return torch.randn(*shape, generator=self.rng, device=self.device)


def batch(bank: Bank, count: int, lead: float, *, vary: bool) -> tuple[Tensor, Tensor, Tensor]:
    """Mixes [count, SIZE], their kinds, and 1 for those of Chinese.

    Args:
        bank: What is mixed.
        count: How many.
        lead: Seconds of what is heard before a sound.
        vary: Whether speech is also made faster and higher, or slower and lower.
    """
    shares = torch.tensor(_SHARES, device=bank.device)
    kinds = torch.multinomial(shares, count, True, generator=bank.rng)
    chinese = bank.integers(0, 2, count)
    source = torch.zeros(count, SOURCE, device=bank.device)
    for kind in (0, 1):
        for language, of in (("en", chinese == 0), ("zh", chinese == 1)):
            _put(bank, source, (kinds == kind) & of, f"{KINDS[kind]}.{language}")
    if vary:
        speech = (kinds <= 1)[:, None]
        source = torch.where(speech, _warped(source, bank.uniform(0.84, 1.2, count)), source)
    _put(bank, source, kinds == 2, "vocal")
    _put(bank, source, kinds == 4, "noise")
    far = torch.zeros(count, dtype=torch.bool, device=bank.device)
    crowds = (kinds == 3).nonzero()[:, 0]
    if len(crowds):
        source[crowds], far[crowds] = _crowds(bank, len(crowds))
    out = torch.zeros(count, SIZE, device=bank.device)
    start = round(lead * RATE)
    cut = min(SOURCE, SIZE - start)
    out[:, start : start + cut] = _in_rooms(bank, _level(source), far)[:, :cut]
    out = out + _background(bank, out)
    return torch.where(bank.some(0.35, count), _line(bank, out), out), kinds, chinese


def _put(bank: Bank, source: Tensor, where: Tensor, name: str) -> None:
    at = where.nonzero()[:, 0]
    if len(at):
        source[at] = bank.draw(name, len(at))[0]


def _level(sound: Tensor) -> Tensor:
    return sound / (sound.pow(2).mean(1, keepdim=True).sqrt() + 1e-9)


def _warped(sound: Tensor, factor: Tensor) -> Tensor:
    """Faster and higher by a factor for each."""
    size = sound.shape[1]
    place = torch.arange(size, device=sound.device)[None] * factor[:, None]
    whole = place.long()
    inside = whole < size - 1
    whole = whole.clamp(max=size - 2)
    part = place - whole
    out = sound.gather(1, whole) * (1 - part) + sound.gather(1, whole + 1) * part
    return torch.where(inside, out, torch.zeros_like(out))


def _turned(bank: Bank, size: int, count: int) -> Tensor:
    """Voices that begin anywhere in themselves, and go on for so many samples."""
    voices, sizes = bank.draw("any", count)
    place = torch.arange(size, device=bank.device)[None] + bank.integers(0, SOURCE, count, 1)
    return _level(voices).gather(1, place % sizes[:, None].clamp(min=1600))


def _crowds(bank: Bank, count: int) -> tuple[Tensor, Tensor]:
    """Several people at once, or one who is far away, and which are that one."""
    out = torch.zeros(count, SOURCE, device=bank.device)
    many = bank.integers(4, 9, count, 1)
    for i in range(8):
        out += _turned(bank, SOURCE, count) * bank.uniform(0.6, 1.0, count, 1) * (i < many)
    rise = torch.arange(SOURCE, device=bank.device)[None] / RATE / bank.uniform(0.01, 0.1, count, 1)
    far = bank.some(0.3, count)
    out = torch.where(far, _level(bank.draw("any", count)[0]), _level(out * rise.clamp(max=1)))
    return out, far[:, 0]


def _in_rooms(bank: Bank, sound: Tensor, far: Tensor) -> Tensor:
    count = len(sound)
    away = _room(bank, sound, bank.uniform(0.5, 0.78, count), bank.uniform(-14, -7, count))
    away = _tilted(away, bank.uniform(-9, -3, count))
    near = _room(bank, sound, bank.uniform(0.1, 0.6, count), bank.uniform(0, 15, count))
    near = torch.where(bank.some(0.7, count), near, sound)
    out = torch.where(far[:, None], away, near)
    return torch.where(bank.some(0.6, count), _tilted(out, bank.uniform(-5, 5, count)), out)


def _room(bank: Bank, sound: Tensor, rt60: Tensor, direct: Tensor) -> Tensor:
    """Direct sound, and a tail that dies away so many dB below it."""
    count, size = sound.shape
    length = round(0.8 * RATE)
    seconds = torch.arange(length, device=bank.device)[None] / RATE
    tail = bank.normal(count, length) * 10 ** (-3 * seconds / rt60[:, None])
    tail = tail * (seconds >= bank.uniform(0.002, 0.012, count, 1))
    tail = tail / (tail.pow(2).sum(1, keepdim=True).sqrt() + 1e-9) * 10 ** (-direct[:, None] / 20)
    tail[:, 0] = 1.0
    full = size + length
    return torch.fft.irfft(torch.fft.rfft(sound, full) * torch.fft.rfft(tail, full), full)[:, :size]


def _tilted(sound: Tensor, db: Tensor) -> Tensor:
    """Brighter or duller, by so many dB a decade around 1 kHz."""
    size = sound.shape[1]
    hertz = torch.fft.rfftfreq(size, 1 / RATE, device=sound.device).clamp(min=50)
    gain = 10 ** (db[:, None] * torch.log10(hertz / 1000) / 20)
    return torch.fft.irfft(torch.fft.rfft(sound) * gain, size)


def _background(bank: Bank, sound: Tensor) -> Tensor:
    """Hiss, at times another voice or the noise of a room, below what is heard."""
    count = len(sound)
    heard = (sound.abs() > 1e-4).sum(1, keepdim=True).clamp(min=1600)
    loud = (sound.pow(2).sum(1, keepdim=True) / heard).sqrt() + 1e-6
    hertz = torch.fft.rfftfreq(SIZE, 1 / RATE, device=bank.device).clamp(min=40)
    hiss = torch.fft.rfft(bank.normal(count, SIZE)) * hertz ** (-bank.uniform(0, 2, count, 1) / 2)
    out = _level(torch.fft.irfft(hiss, SIZE)) * 10 ** (-bank.uniform(12, 48, count, 1) / 20)
    voices = _turned(bank, SIZE, count) * 10 ** (-bank.uniform(12, 35, count, 1) / 20)
    out = out + voices * bank.some(0.35, count)
    rooms = _level(bank.draw("room", count)[0][:, :SIZE])
    out = out + rooms * 10 ** (-bank.uniform(10, 35, count, 1) / 20) * bank.some(0.25, count)
    return out * loud


def _line(bank: Bank, sound: Tensor) -> Tensor:
    """A telephone: 300 to 3400 Hz or so, mu-law, at times with lost packets."""
    count, size = sound.shape
    hertz = torch.fft.rfftfreq(size, 1 / RATE, device=sound.device)[None]
    band = (hertz >= bank.uniform(150, 320, count, 1)) & (
        hertz <= bank.uniform(3200, 3800, count, 1)
    )
    narrow = torch.fft.irfft((torch.fft.rfft(sound) * band)[:, : size // 4 + 1], size // 2) / 2
    narrow = narrow / (narrow.abs().amax(1, keepdim=True) + 1e-9)
    narrow = narrow * bank.uniform(0.06, 0.8, count, 1)
    coded = torch.sign(narrow) * torch.log1p(255 * narrow.abs()) / math.log(256)
    coded = torch.round(coded * 127) / 127
    out = torch.sign(coded) * torch.expm1(coded.abs() * math.log(256)) / 255
    packets = out.shape[1] // 160 + 1
    lost = (bank.uniform(0, 1, count, packets) < 0.03) & bank.some(0.3, count)
    out = out * ~lost.repeat_interleave(160, 1)[:, : out.shape[1]]
    wide = torch.zeros(count, size // 2 + 1, dtype=torch.complex64, device=sound.device)
    spectrum = torch.fft.rfft(out)
    wide[:, : spectrum.shape[1]] = spectrum
    return torch.fft.irfft(wide, size) * 2

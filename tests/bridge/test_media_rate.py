"""The two rates of a media stream, in frames as they come."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from agent.bridge.media_rate import Resampler
from harness.recording import Samples

SECONDS = 0.4


def tone(frequency: float, rate: int) -> Samples:
    at = np.arange(round(SECONDS * rate)) / rate
    return (10_000 * np.sin(2 * np.pi * frequency * at)).astype(np.int16)


def carried(push: Callable[[Samples], Samples], sound: Samples, size: int) -> Samples:
    return np.concatenate([push(part) for part in np.split(sound, sound.size // size)])


def level(sound: Samples, frequency: float, rate: int) -> float:
    """Amplitude at a frequency, without the filter's beginning."""
    kept = sound[rate // 10 :]
    turns = np.exp(-2j * np.pi * frequency * np.arange(kept.size) / rate)
    return 2 * abs(float(np.abs((kept * turns).mean())))


@pytest.mark.parametrize(
    ("frequency", "rate"),
    [(300, 8_000), (1000, 8_000), (3400, 8_000), (300, 16_000), (7000, 16_000), (7000, 24_000)],
)
def test_a_voice_comes_through_both_ways(frequency: float, rate: int) -> None:
    narrow = carried(Resampler(24_000, rate).push, tone(frequency, 24_000), 240)
    assert narrow.size == SECONDS * rate
    assert level(narrow, frequency, rate) == pytest.approx(10_000, rel=0.03)
    wide = carried(Resampler(rate, 24_000).push, tone(frequency, rate), rate // 50)
    assert wide.size == SECONDS * 24_000
    assert level(wide, frequency, 24_000) == pytest.approx(10_000, rel=0.03)


@pytest.mark.parametrize(("frequency", "mirrored"), [(5000, 3000), (7000, 1000), (9000, 1000)])
def test_what_the_line_cannot_carry_is_left_out(frequency: float, mirrored: float) -> None:
    narrow = carried(Resampler(24_000, 8_000).push, tone(frequency, 24_000), 240)
    assert level(narrow, mirrored, 8_000) < 10
    wide = carried(Resampler(8_000, 24_000).push, tone(mirrored, 8_000), 160)
    assert level(wide, frequency, 24_000) < 10


def test_it_is_one_and_a_half_milliseconds_late() -> None:
    click = np.zeros(2400, np.int16)
    click[240] = 20_000
    narrow = carried(Resampler(24_000, 8_000).push, click, 240)
    assert int(np.argmax(np.abs(narrow))) == (240 + 36) // 3
    click = np.zeros(800, np.int16)
    click[80] = 20_000
    wide = carried(Resampler(8_000, 24_000).push, click, 80)
    assert int(np.argmax(np.abs(wide))) == 240 + 36


def test_what_is_too_loud_is_clipped() -> None:
    square = np.where(np.arange(2400) // 120 % 2, 32767, -32768).astype(np.int16)
    narrow = carried(Resampler(24_000, 8_000).push, square, 240)
    assert narrow.max() == 32767
    assert narrow.min() == -32768


@pytest.mark.parametrize("rate", [8_000, 16_000, 24_000])
def test_pieces_of_any_length_make_the_same_sound(rate: int) -> None:
    sound = tone(700, rate)
    whole = Resampler(rate, 24_000).push(sound)
    pieces = Resampler(rate, 24_000)
    parts = [pieces.push(part) for part in np.split(sound, [1, 1, 8, 333, 334, 2000])]
    assert np.array_equal(np.concatenate(parts), whole)

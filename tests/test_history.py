"""The judge of the chat history: where a listener stopped to hear."""

from __future__ import annotations

import numpy as np
import pytest

from bench.history import cut, units
from harness.recording import SAMPLE_RATE, Samples


@pytest.fixture
def made() -> Samples:
    """Six seconds of noise whose loudness changes as speech does."""
    rng = np.random.default_rng(1)
    t = np.arange(6 * SAMPLE_RATE) / SAMPLE_RATE
    loudness = 2000 * (1.2 + np.sin(2 * np.pi * 3 * t))
    return (loudness * rng.standard_normal(t.size)).clip(-32768, 32767).astype(np.int16)


@pytest.mark.parametrize("seconds", [0.5, 2.0, 4.32])
def test_the_end_of_what_was_heard_is_found(made: Samples, seconds: float) -> None:
    rng = np.random.default_rng(2)
    heard = made[: int(seconds * SAMPLE_RATE)]
    # A codec's noise, another loudness, and 60 ms that the receiver made up.
    noise = 500 * rng.standard_normal(heard.size)
    invented = 2000 * rng.standard_normal(SAMPLE_RATE * 60 // 1000)
    received = np.concatenate([0.6 * heard + noise, invented]).astype(np.int16)
    assert cut(made, received) == pytest.approx(seconds, abs=0.02)


def test_a_hole_in_what_was_heard_does_not_matter(made: Samples) -> None:
    hole = np.zeros(SAMPLE_RATE // 2, np.int16)
    middle, end = 3 * SAMPLE_RATE, 7 * SAMPLE_RATE // 2
    heard = np.concatenate([made[:middle], hole, made[middle:end]])
    assert cut(made, heard) == pytest.approx(3.5, abs=0.02)


def test_something_else_is_refused(made: Samples) -> None:
    other = np.random.default_rng(3).integers(-3000, 3000, SAMPLE_RATE).astype(np.int16)
    with pytest.raises(ValueError, match="not part"):
        cut(made, other)


def test_words_and_characters_are_counted() -> None:
    assert units("It's a 你好, isn't it?") == 6

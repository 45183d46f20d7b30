"""The edges of a unit's sound are shaped, its inside is not, however the network cut it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from livekit.plugins.qwen3_tts.audio import UnitAudio, pause_after

from .conftest import RATE, quiet, tone

FADE = RATE * 5 // 1000


def shape(pcm: bytes, pause: float = 0.3, cuts: list[int] | None = None) -> tuple[Any, float]:
    audio = UnitAudio(pause)
    edges = [0, *sorted(2 * cut for cut in cuts or []), len(pcm)]
    parts = [audio.push(pcm[a:b]) for a, b in zip(edges, edges[1:], strict=False)]
    parts.append(audio.finish())
    return np.concatenate(parts), audio.rest


def test_the_inside_is_untouched() -> None:
    pcm = tone(1.0)
    shaped, _ = shape(pcm)
    source = np.frombuffer(pcm, dtype="<i2")
    assert shaped.size == source.size
    assert np.array_equal(shaped[FADE:-FADE], source[FADE:-FADE])
    assert abs(int(shaped[0])) == 0
    assert abs(int(shaped[-1])) == 0


def test_a_pause_inside_is_untouched() -> None:
    pcm = tone(0.5) + quiet(0.9) + tone(0.5)
    shaped, _ = shape(pcm)
    assert np.array_equal(shaped[FADE:-FADE], np.frombuffer(pcm, dtype="<i2")[FADE:-FADE])


@pytest.mark.parametrize("trailing", [0.0, 0.05, 0.2, 0.3, 0.8])
@pytest.mark.parametrize("pause", [0.0, 0.12, 0.3])
def test_trailing_silence_becomes_the_pause(trailing: float, pause: float) -> None:
    shaped, rest = shape(quiet(0.4) + tone(1.0) + quiet(trailing), pause)
    loud = np.flatnonzero(np.abs(shaped.astype(int)) > 200)
    assert loud[0] / RATE < 0.03
    after = (shaped.size - 1 - loud[-1]) / RATE
    # A cut without a pause still keeps 50 ms for the sound to die away in.
    assert after + rest == pytest.approx(max(pause, min(trailing, 0.05)), abs=0.005)


def test_silence_alone_is_dropped() -> None:
    shaped, _ = shape(quiet(1.0))
    assert shaped.size == 0


@settings(max_examples=100, deadline=None)
@given(
    parts=st.lists(st.tuples(st.booleans(), st.integers(1, 4000)), max_size=8),
    data=st.data(),
    pause=st.sampled_from([0.0, 0.12, 0.3]),
)
def test_the_sound_does_not_depend_on_the_chunks(
    parts: list[tuple[bool, int]], data: st.DataObject, pause: float
) -> None:
    pcm = b"".join(tone(n / RATE) if loud else quiet(n / RATE) for loud, n in parts)
    cuts = data.draw(st.lists(st.integers(0, len(pcm) // 2), max_size=12))
    one, rest_one = shape(pcm, pause)
    two, rest_two = shape(pcm, pause, cuts)
    assert np.array_equal(one, two)
    assert rest_one == rest_two


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("好。", 0.3), ("好。”", 0.3), ("Yes! ", 0.3), ("嗯……", 0.45), ("well...", 0.45),
        ("好，", 0.12), ("so,", 0.12), ("first;", 0.2), ("他说：", 0.2),
        ("no mark", 0.0), ("A line\n", 0.5),
    ],
)  # fmt: skip
def test_pauses(text: str, seconds: float) -> None:
    assert pause_after(text) == seconds

"""Words join to the text, follow the sound, and are exact at the edges of a unit."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from livekit.plugins.qwen3_tts.measure import pieces, syllables
from livekit.plugins.qwen3_tts.timing import SpokenWord, WordTimer

from .conftest import RATE, quiet, tone


def samples(pcm: bytes) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    return np.frombuffer(pcm, dtype="<i2")


@given(st.text(max_size=60))
def test_pieces_join_to_the_text(text: str) -> None:
    assert "".join(pieces(text)) == text


def test_pieces_are_words_or_chinese_characters() -> None:
    assert pieces("你好，world! I paid $3.50.") == [
        "你",
        "好，",
        "world! ",
        "I ",
        "paid ",
        "$3.50.",
    ]


@pytest.mark.parametrize(
    ("text", "count"),
    [("你好", 2), ("time", 1), ("hello there", 3), ("GPU", 3), ("2024", 4), ("…", 0)],
)
def test_syllables(text: str, count: int) -> None:
    assert syllables(text) == count


@given(st.text(min_size=1, max_size=40), st.integers(0, 3 * RATE), st.floats(0, 100))
def test_words_are_in_order_and_end_with_the_audio(text: str, size: int, start: float) -> None:
    timer = WordTimer(text, start, 0.22)
    timer.push(samples(tone(size / RATE)))
    words = [*timer.due(start + size / RATE / 2), *timer.finish()]
    assert "".join(words) == text
    times = [time for word in words for time in (word.start_time, word.end_time)]
    assert times == sorted(times)
    assert times[0] == start
    assert times[-1] == pytest.approx(start + size / RATE, abs=1e-9)


def test_a_word_ends_before_the_pause_behind_it() -> None:
    timer = WordTimer("一二三四，五六七八", 0.0, 0.22)
    timer.push(samples(tone(1.0) + quiet(1.0) + tone(1.0)))
    words = timer.finish()
    ends = {str(word): word.end_time for word in words}
    assert ends["四，"] == pytest.approx(1.0, abs=0.03)
    assert ends["五"] == pytest.approx(2.25, abs=0.03)


def test_words_streamed_at_the_measured_rate_are_within_two_characters() -> None:
    timer = WordTimer("一二三四五六七八九十", 0.0, 0.24)  # really 0.2
    words: list[SpokenWord] = []
    for _ in range(10):
        timer.push(samples(tone(0.2)))
        words += timer.due(99)
    words += timer.finish()
    for index, word in enumerate(words):
        assert abs(word.end_time - 0.2 * (index + 1)) <= 0.4


def test_nothing_is_handed_out_before_it_has_sounded() -> None:
    timer = WordTimer("一二三四", 0.0, 0.2)
    timer.push(samples(tone(0.5)))
    assert "".join(timer.due(99)) == "一二"
    assert timer.rest == "三四"
    for one, two in pairwise(timer.finish()):
        assert one.end_time <= two.start_time


def test_a_comma_is_where_the_voice_pauses_whatever_the_syllables_say() -> None:
    # Twice as slow before the comma as behind it: by syllables alone "四，" would end at 1.2 s.
    timer = WordTimer("一二三四，五六七八", 0.0, 0.22)
    timer.push(samples(tone(1.6) + quiet(0.3) + tone(0.8)))
    ends = {str(word): word.end_time for word in timer.finish()}
    assert ends["二"] == pytest.approx(0.8, abs=0.03)
    assert ends["四，"] == pytest.approx(1.6, abs=0.03)
    assert ends["六"] == pytest.approx(2.3, abs=0.03)


def test_a_pause_far_from_every_mark_is_no_mark() -> None:
    timer = WordTimer("一，二三四五六七八九十", 0.0, 0.22)
    timer.push(samples(tone(2.0) + quiet(0.3) + tone(0.5)))
    ends = {str(word): word.end_time for word in timer.finish()}
    assert ends["一，"] == pytest.approx(0.25, abs=0.03)

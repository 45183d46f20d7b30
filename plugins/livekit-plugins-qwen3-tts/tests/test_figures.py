"""What of a text is read as one."""

from __future__ import annotations

import time

import pytest
from livekit.plugins.qwen3_tts.figures import spans

from .test_cuts import CHINESE, DENSE, ENGLISH

# What its full stop makes one is no figure's.
ABBREVIATED = {"p. 55"}


@pytest.mark.parametrize("one", [one for one in CHINESE + ENGLISH if one not in ABBREVIATED])
def test_an_expression_is_one(one: str) -> None:
    for before, after in (("", ""), ("we saw ", " there"), ("我们看到", "在那里"), ("（", "）")):
        text = before + one + after
        first, last = len(before), len(before + one)
        inside = [(start, end) for start, end in spans(text) if start < last and end > first]
        # No place within the expression lies outside of what was found, but between letters.
        for place in range(first + 1, last):
            covered = any(start < place < end for start, end in inside)
            parts = text[place - 1].isspace() or text[place].isspace()
            assert covered or not parts, (text, text[:place])


@pytest.mark.parametrize(
    "text", ["Call +44 20 79", "On November 29, 20", "We saw [12, 1", 'A <break time="5']
)
def test_an_expression_that_breaks_off_goes_to_the_end(text: str) -> None:
    assert spans(text)[-1][1] == len(text)


def test_words_are_no_expressions() -> None:
    assert spans("We went home, and 我们回家了。 Dann ging er weg.") == []


@pytest.mark.parametrize("part", DENSE)
def test_the_time_is_linear(part: str) -> None:
    def seconds(size: int) -> float:
        text, begun = part * (size // len(part)), time.thread_time()
        spans(text)
        return time.thread_time() - begun

    few = min(seconds(5_000) for _ in range(3))
    many = min(seconds(40_000) for _ in range(3))
    # Eight times the text; were it quadratic, it would be 64 times.
    assert many < 24 * few + 0.02

"""What is sent for a unit of the written text."""

from __future__ import annotations

import logging

import pytest
from livekit.plugins.qwen3_tts.normalizer import Normalizer
from livekit.plugins.qwen3_tts.spoken import to_be_spoken


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("！ 今天很好。", "今天很好。"),
        ("” she said.", "she said."),
        (":-) Of course.", "Of course."),
        ("…", ""),
        (" \n", ""),
    ],
)
def test_marks_at_the_beginning_are_not_sent(written: str, spoken: str) -> None:
    assert to_be_spoken(written, Normalizer(None).unit) == spoken


def test_without_a_normaliser_the_text_is_sent_as_written() -> None:
    assert to_be_spoken(", it costs $5. ", None) == "it costs $5."


def test_a_normaliser_that_fails_leaves_the_text(caplog: pytest.LogCaptureFixture) -> None:
    def fail(_: str) -> str:
        raise RuntimeError

    with caplog.at_level(logging.ERROR):
        assert to_be_spoken("It costs $5.", fail) == "It costs $5."
    assert "normaliser failed" in caplog.text

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from agent.local.whisper import SIMPLIFIED, Utterance, without_echo


@pytest.mark.parametrize(
    ("heard", "said"),
    [
        ("为你好那位，请用简体中文和标点记录。", "为你好那位"),  # Whisper base, by phone
        ("为你好，请你好，请用简体中文和标点记", "为你好，请你好"),
        ("请用简体中文和标点记录。", ""),
        (SIMPLIFIED, ""),
        ("请用简体中文回答。", "请用简体中文回答。"),
    ],
)
def test_the_prompt_is_not_taken_for_something_said(heard: str, said: str) -> None:
    assert without_echo(heard) == said


@pytest.mark.parametrize(
    ("probabilities", "likely"), [([-0.16], True), ([-0.3, -1.03], False), ([], True)]
)
def test_a_text_with_an_improbable_part_is_unlikely(
    probabilities: list[float], likely: bool
) -> None:
    segments: Any = tuple(SimpleNamespace(avg_logprob=p) for p in probabilities)
    assert Utterance("en", 1.0, segments).likely is likely

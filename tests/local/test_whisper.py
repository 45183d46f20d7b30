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
    ("text", "probabilities", "likely"),
    [
        ("Wait a moment.", [-0.16], True),
        ("I'm not sure.", [-0.3, -1.03], False),
        ("", [], True),
        ("这段普通话对话对话对话对话对话", [-0.42], False),
        ("D D D D D", [-0.28], False),
        ("好了好了，停一下。", [-0.5], True),
        ("不是不是不是。", [-0.5], True),
    ],
)
def test_what_is_improbable_or_goes_round_in_a_loop_is_unlikely(
    text: str, probabilities: list[float], likely: bool
) -> None:
    segments: Any = tuple(SimpleNamespace(text=text, avg_logprob=p) for p in probabilities)
    assert Utterance("zh", 1.0, segments).likely is likely

from __future__ import annotations

import math
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
    ("text", "probabilities", "confidence"),
    [
        ("Wait a moment.", [-0.16], math.exp(-0.16)),
        ("I'm not sure.", [-0.3, -1.03], math.exp(-1.03)),
        ("", [], 1.0),
        ("这段普通话对话对话对话对话对话", [-0.42], 0.001),
        ("D D D D D", [-0.28], 0.001),
        ("好了好了，停一下。", [-0.5], math.exp(-0.5)),
        ("不是不是不是。", [-0.5], math.exp(-0.5)),
    ],
)
def test_a_text_is_as_probable_as_its_worst_piece_and_a_loop_is_not_at_all(
    text: str, probabilities: list[float], confidence: float
) -> None:
    segments: Any = tuple(SimpleNamespace(text=text, avg_logprob=p) for p in probabilities)
    assert Utterance("zh", 1.0, segments).confidence == pytest.approx(confidence)

from __future__ import annotations

import pytest

from agent.local.whisper import SIMPLIFIED, without_echo


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

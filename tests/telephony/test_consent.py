from __future__ import annotations

import pytest

from agent.telephony.consent import meant


@pytest.mark.parametrize(
    "words",
    [
        "Yes.",
        "yeah, go ahead",
        "Sure, please do.",
        "OK",
        "Please.",
        "是的",
        "好，转吧",
        "可以",
        "没问题，转吧",
    ],
)
def test_a_yes(words: str) -> None:
    assert meant(words) is True


@pytest.mark.parametrize(
    "words",
    [
        "No.",
        "no, wait, yes",
        "Please don't.",
        "Not right now",
        "Cancel that",
        "不用了",
        "不好",
        "别",
        "等一下",
    ],
)
def test_a_no(words: str) -> None:
    assert meant(words) is False


@pytest.mark.parametrize(
    "words",
    [
        "",
        "Who are you?",
        "How much is it?",
        "Yesterday.",
        "什么？",
        "你是谁？",
        "对方是哪家银行？",
        "No problem.",
        "没问题",
    ],
)
def test_neither(words: str) -> None:
    assert meant(words) is None

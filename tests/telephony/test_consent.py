from __future__ import annotations

import pytest

from agent.languages import Language
from agent.telephony.consent import Consent, meant


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


BOOK: dict[Language, str] = {
    "en": "Shall I book Wednesday at 11:00 for Anna Kowalski?",
    "zh": "要我订明天周三上午十一点，对吗？",
}


@pytest.mark.parametrize(
    ("language", "words", "means"),
    [
        ("en", "Yes, Wednesday at eleven.", True),
        ("en", "Yes, Wednesday at 11.", True),
        ("en", "Yes, Anna Kowalski, that is better.", True),
        ("en", "Yes, that works for me.", True),
        ("en", "Yes, Thursday at eleven.", None),
        ("en", "Yes, Wednesday at ten.", None),
        ("zh", "好的，那就周三十一点。", True),
        ("zh", "好的，那就周四吧。", None),
    ],
)
async def test_what_was_asked_may_be_said_again_with_a_yes(
    language: Language, words: str, means: bool | None
) -> None:
    consent = Consent(BOOK[language], language=language, keys=None, answer_timeout=5)
    assert consent.said(words) is means

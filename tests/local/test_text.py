"""Where text is cut, and which voice speaks what."""

from __future__ import annotations

import pytest

from agent.local.text import Language, stretches


def cut(text: str, default: Language = "en") -> list[tuple[str, str]]:
    return [(s.language, s.text.strip()) for s in stretches(text, default)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("好的。", [("zh", "好的。")]),
        ("好的，我来帮你查一下。", [("zh", "好的，"), ("zh", "我来帮你查一下。")]),
        ("OK，没问题。", [("zh", "OK，"), ("zh", "没问题。")]),
        (
            "好的。The quick brown fox jumps. 走吧！",
            [("zh", "好的。"), ("en", "The quick brown fox jumps."), ("zh", "走吧！")],
        ),
        ("请打开 Wi-Fi 设置。", [("zh", "请打开 Wi-Fi 设置。")]),
        ("It is 3.14, at 7:30. Right?", [("en", "It is 3.14, at 7:30. Right?")]),
        ("……", []),
        ("他说：“你好。”", [("zh", "他说："), ("zh", "“你好。”")]),
    ],
)
def test_cuts(text: str, expected: list[tuple[str, str]]) -> None:
    assert cut(text) == expected


@pytest.mark.parametrize("language", ["zh", "en"])
def test_digits_are_spoken_in_the_language_asked_for(language: Language) -> None:
    assert cut("42", language) == [(language, "42")]


def test_digits_among_chinese_are_chinese() -> None:
    assert {language for language, _ in cut("是这样的，42，对吧？")} == {"zh"}


def test_later_stretches_grow_and_none_is_lost() -> None:
    text = "好的，" + "我们一起去公园里走走吧，" * 12
    found = [s.text for s in stretches(text, "zh")]
    assert "".join(found) == text
    assert found[0] == "好的，"
    lengths = [len(t) for t in found]
    assert max(lengths) > 20
    assert max(lengths) <= 60


def test_pauses_follow_the_mark() -> None:
    full, comma = (stretches(t, "zh")[0].pause for t in ("好的。", "好的，"))
    assert full > comma > stretches("好的", "zh")[0].pause > 0

"""Words, and where some end within others."""

from __future__ import annotations

import pytest

from agent.local.words import COMPARED, following, words


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("And so, my fellow…", ["And", " so,", " my", " fellow…"]),
        ("你好，世界。", ["你", "好，", "世", "界。"]),
        ("♪ Stop it", ["♪ Stop", " it"]),
        ("停 ... 停", ["停 ...", " 停"]),
        ("3.5 - 4", ["3.5 -", " 4"]),
        ("用GPT-4吧", ["用", "GPT-4", "吧"]),
        ("...", []),
        (" ", []),
        ("", []),
    ],
)
def test_a_mark_belongs_to_the_word_beside_it(text: str, found: list[str]) -> None:
    assert words(text) == found


@pytest.mark.parametrize("shift", [0, 1, -1])
def test_in_a_long_text_too_the_rest_is_found_though_a_word_was_put_in_or_left_out(
    shift: int,
) -> None:
    given = [f"w{n}" for n in range(3 * COMPARED)]
    heard = {0: given, 1: ["oh", *given], -1: given[1:]}[shift]
    assert following([*heard, "and", "so"], given) == ["and", "so"]


def test_what_was_given_out_is_followed_by_nothing_if_there_is_no_more() -> None:
    assert following(["one"], ["one", "two"]) == []
    assert following([], ["one", "two"]) == []
    assert following(["one", "two"], []) == ["one", "two"]

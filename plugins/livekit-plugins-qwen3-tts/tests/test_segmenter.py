"""Where a text is cut: by table, and by property over every way to cut it into tokens."""

from __future__ import annotations

import re
from typing import Any

import pytest
import regex  # type: ignore[import-untyped]
from hypothesis import given, settings
from hypothesis import strategies as st
from livekit.plugins.qwen3_tts import Segmenter, segment


def units(
    text: str, cuts: list[int] | None = None, queued: float = 0.0, **options: Any
) -> list[str]:
    """Return the units of a text that comes in tokens ending at `cuts`."""
    segmenter, found = Segmenter(**options), []
    edges = [0, *sorted(cuts or []), len(text)]
    for start, end in zip(edges, edges[1:], strict=False):
        segmenter.push(text[start:end])
        while unit := segmenter.take(queued):
            found.append(unit)
    segmenter.end()
    while unit := segmenter.take(queued):
        found.append(unit)
    return found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("你好，我是小助手。很高兴认识你！", ["你好，", "我是小助手。", "很高兴认识你！"]),
        ("好。", ["好。"]),
        ("嗯，我想想。这个问题很难。", ["嗯，我想想。", "这个问题很难。"]),
        ("Sure, I can help. What do you need?", ["Sure,", " I can help.", " What do you need?"]),
        ("Well, I think so.", ["Well, I think so."]),
        ("他说：“你好。”然后走了。", ["他说：", "“你好。”", "然后走了。"]),
        ('She said "Stop." Then she left.', ['She said "Stop."', " Then she left."]),
        ("今日はいい天気。散歩に行きましょう！", ["今日はいい天気。", "散歩に行きましょう！"]),
        ("안녕하세요. 오늘 날씨가 좋네요!", ["안녕하세요.", " 오늘 날씨가 좋네요!"]),
    ],
)  # fmt: skip
def test_a_reply(text: str, expected: list[str]) -> None:
    assert list(segment(text)) == expected


@pytest.mark.parametrize(
    "whole",
    [
        "3.14159", "1,234,567.89", "2024-11-23", "10:30", "10：30", "v1.2.3", "192.168.0.1",
        "https://example.com/a.b?x=1&y=2", "www.example.com", "first.last@example.co.uk",
        "Dr. Smith", "Mr. Brown", "e.g. this", "i.e. that", "U.S. dollars", "J. R. R. Tolkien",
        "No. 5", "Jan. 5", "a.m. train", "Ph.D. student", "etc. and", "3/4", "f(x, y)", "👩‍👩‍👧‍👦",
        "🇨🇳🇯🇵", "é",
    ],
)  # fmt: skip
def test_is_never_cut(whole: str) -> None:
    for before in ("We spoke of", "他昨天对我们说的是"):
        text = f"{before} {whole} again and again"
        for cuts in ([], list(range(len(text)))):
            found = units(text, cuts, starter=False)
            assert any(whole in unit for unit in found), found


@pytest.mark.parametrize("mark", list("。！？；…｡．!?;"))
def test_the_end_of_a_sentence_ends_a_unit_at_once(mark: str) -> None:
    segmenter = Segmenter(starter=False)
    segmenter.push("今天的天气很好" + mark)
    assert segmenter.take() == "今天的天气很好" + mark


@pytest.mark.parametrize("mark", list("，、：,"))
def test_a_starter_ends_at_a_pause_at_once(mark: str) -> None:
    segmenter = Segmenter()
    segmenter.push("好的" + mark)
    assert segmenter.take() == "好的" + mark


def test_a_latin_full_stop_waits_for_what_follows() -> None:
    segmenter = Segmenter(starter=False)
    segmenter.push("It is 3.")
    assert segmenter.take() is None
    segmenter.push("14")
    assert segmenter.take() is None
    segmenter.push(" now.")
    segmenter.push(" ")
    assert segmenter.take() == "It is 3.14 now."


@pytest.mark.parametrize(
    "text",
    [
        "Never mind. Let us go there now.",
        "It is a real gem. Buy it for me.",
        "The options are: D and E for you.",
        "He wrote it for you ; P was first.",
    ],
)
def test_a_mark_that_looks_like_part_of_a_word_still_ends(text: str) -> None:
    assert any(re.search(r"[.:;]\s*$", unit) for unit in units(text)[:-1])


@pytest.mark.parametrize(
    "text",
    [
        "私はモーニング娘。の曲が好きです。",
        "昨日モーニング娘。を見ました。",
        "これはモーニング娘。に似ています。",
        "我喜欢モーニング娘。的歌。",
    ],
)
def test_a_name_that_holds_a_mark_is_not_cut(text: str) -> None:
    assert any("モーニング娘。" in unit for unit in units(text))
    assert not any(unit.endswith(("娘。", "モー")) for unit in units(text))


@pytest.mark.parametrize("text", ["\ud83d\ud83d", "你好\ud83d我们今天去公园里面走一走看看花"])
def test_half_a_character_is_text_like_any_other(text: str) -> None:
    assert "".join(units(text)) == text


def test_text_without_marks_is_cut_between_words() -> None:
    text = "because it is one of the things that I like to do most in the world " * 3
    first, second, *mains = list(segment(text))
    assert 1 <= len(first.split()) <= 3
    assert 4 <= len(second.split()) <= 6
    assert all(8 <= len(main.split()) <= 25 for main in mains[:-1])
    assert all(unit[-1].isspace() for unit in [first, second, *mains])


def test_chinese_without_marks_keeps_to_the_lengths() -> None:
    text = "人工智能技术正在快速发展并且深刻影响我们的生活方式和工作方式以及社会的方方面面" * 4
    first, second, *mains = list(segment(text))
    assert 2 <= len(first) <= 6
    assert 8 <= len(second) <= 12
    assert all(20 <= len(main) <= 60 for main in mains[:-1])


def test_no_tail_of_one_or_two_characters_is_left_behind_a_pause() -> None:
    text = "我们明天早上一起去那个新开的大公园里散步然后吃饭吧，好。然后回家。"
    assert (
        units(text, starter=False)[0] == "我们明天早上一起去那个新开的大公园里散步然后吃饭吧，好。"
    )


def test_more_queued_audio_gathers_more() -> None:
    text = (
        "今天天气很好。我们去公园。你觉得呢？我觉得不错。那就走吧。带上水和帽子。别忘了相机。" * 3
    )
    counts = [len(units(text, queued=queued, starter=False)) for queued in (0.0, 2.0, 9.0)]
    assert counts[0] > counts[1] > counts[2]
    assert all(len(unit) <= 66 for unit in units(text, queued=9.0, starter=False))


def test_the_longest_unit_can_be_set() -> None:
    text = "我们可以一起去公园散步然后再去喝一杯咖啡" * 10
    assert all(len(unit) <= 24 for unit in units(text, longest=24))
    with pytest.raises(ValueError, match="longest is 3"):
        Segmenter(longest=3)


def test_pushing_after_the_end_is_an_error() -> None:
    segmenter = Segmenter()
    segmenter.end()
    with pytest.raises(RuntimeError):
        segmenter.push("more")


def test_a_long_text_costs_no_more_by_the_unit_than_a_short_one() -> None:
    # Each look at the text is bounded, so the buffer is cut down as it is consumed.
    segmenter = Segmenter()
    segmenter.push("今天天气很好。" * 50_000)
    segmenter.end()
    assert sum(1 for _ in iter(segmenter.take, None)) == 50_000
    assert segmenter.pending == ""


# Text that is dense in everything the rules look at.
PLAIN = [
    "你", "好的", "我们一起去公园", "。", "，", "！", "？", "……", "；", "：", "“", "”",
    "（", "）", "「", "」", "Hello", "the", "I", "Dr.", "Mr.", "e.g.", "etc.", "U.S.",
    "a.m.", ".", "...", ",", "!", "?", ";", ":", '"', "'", "don't", " ", " ", " ", "\n",
    "3", "14", "1,000", "3.14", "10:30", "2024-01-02", "v1.2", "https://a.b/c?d=1",
    "x@y.zz", "😀", "👩‍👩‍👧", "🇨🇳", "é", "한국어", "カタカナ", "—", "(", ")",
    "incomprehensibilities", "嗯，", "Well,",
]  # fmt: skip
READ_AS_ONE = [
    "„", "»", "«", "《", "》", "[", "]", "`", "<b a=", ">",
    "November 29, 2026", "[12, 13]", "(415) 555-0132", " 5 p.m.", "10:30 ", "+44 20 ", "3～5元",
    "z. B.", "am 3. Oktober", "т. е.", "EE. UU.", "p. 55", "U.S. Army", "\n1. ", "\n2、", "下午3点",
    "三百二十五", "私は", "．", " !", "N°. 5", "ad es. ", "г. ", "iPhone 16 Pro Max",
    "，1", "\u00a0",
]  # fmt: skip
PARTS = st.sampled_from(PLAIN + READ_AS_ONE)
TEXTS = st.lists(PARTS, max_size=60).map("".join) | st.text(max_size=80)


@settings(max_examples=400, deadline=None)
@given(text=TEXTS, data=st.data(), queued=st.sampled_from([0.0, 2.0, 9.0]), starter=st.booleans())
def test_the_units_do_not_depend_on_the_tokens(
    text: str, data: st.DataObject, queued: float, starter: bool
) -> None:
    cuts = data.draw(st.lists(st.integers(0, len(text)), max_size=40))
    options = {"starter": starter, "longest": data.draw(st.sampled_from([12, 30, 60]))}
    whole = units(text, [], queued, **options)
    assert "".join(whole) == text
    assert units(text, cuts, queued, **options) == whole
    assert units(text, list(range(len(text))), queued, **options) == whole


def test_the_units_do_not_depend_on_how_words_are_counted() -> None:
    # Seventeen words, of 2.4 characters each, are 40.8, and one by one 40.79999….
    text = (
        "下午3点；am 3. Oktoberam 3. Oktober，你[3.14[12, 13]>a.m.2024-01-02)「，1，N°. 5 Mr. 好的"
    )
    for queued in (0.0, 2.0, 9.0):
        for starter in (True, False):
            whole = units(text, [], queued, starter=starter)
            assert units(text, list(range(len(text))), queued, starter=starter) == whole


GRAPHEMES = st.sampled_from(
    ["你好", "é", "👩‍👩‍👧‍👦", "🇨🇳", "🇯🇵", "각", "👍🏽", "❤️", "a", " ", "नि"]
)


@settings(max_examples=300, deadline=None)
@given(words=st.lists(GRAPHEMES, min_size=1, max_size=120))
def test_no_user_perceived_character_is_cut(words: list[str]) -> None:
    text = "".join(words)
    edges = {match.end() for match in regex.finditer(r"\X", text)}
    position = 0
    for unit in segment(text):
        position += len(unit)
        assert position in edges


@settings(max_examples=200, deadline=None)
@given(text=TEXTS, data=st.data())
def test_the_audio_queued_may_change_at_any_time(text: str, data: st.DataObject) -> None:
    segmenter, found = Segmenter(), ""
    for character in text:
        segmenter.push(character)
        while unit := segmenter.take(data.draw(st.sampled_from([0.0, 2.0, 9.0]))):
            found += unit
    segmenter.end()
    while unit := segmenter.take():
        found += unit
    assert found == text


# A figure that has no blank behind it may be one with the next, and none is cut in two.
APART = [part + " " if part.isascii() and re.search(r"\d", part) else part for part in PLAIN]


@given(text=st.lists(st.sampled_from(APART), min_size=30, max_size=80).map("".join))
@settings(max_examples=100, deadline=None)
def test_no_unit_is_longer_than_the_longest(text: str) -> None:
    for unit in segment(text):
        # A last sentence may run on a little, and the address in its way (six words, so counted)
        # is not cut; blanks and marks are not counted.
        words = len(re.findall(r"[A-Za-z0-9]{1,12}", unit))
        chars = len(re.findall(r"[㐀-鿿ぁ-ヿ가-힣]", unit))
        assert chars + 2.4 * words <= 60 + 6 + 12 + 6 * 2.4

from __future__ import annotations

import re
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from livekit.plugins.qwen3_tts.normalizer import Normalizer, normalize, prewarm

HINTED = [
    ("3.5", "zh", "三点五"),
    ("3.5", "en", "three point five"),
    ("3.5", None, "three point five"),
    ("3.5。", None, "三点五。"),
    ("50%", "zh", "百分之五十"),
    ("我有3个", "en", "我有三个"),
    ("I have 3 apples", "zh", "I have three apples"),
    ("12:30", "zh", "十二点半"),
    ("2024-03-05", "zh", "二零二四年三月五日"),
    ("20-25℃", "zh", "二十到二十五摄氏度"),
    ("3×4=12", "zh", "三乘四等于十二"),
    ("5 + 3 = 8", "zh", "五加三等于八"),
    ("10-3=7", "zh", "十减三等于七"),
    ("**J'ai** 7 chats.", "fr", "J'ai 7 chats."),
]

# The units of one reply, and what is said for each.
REPLIES = [
    (
        ["下面是代码：\n", "```python\nx = 1,\n", "y = 2。\n", "```\n好了。"],
        ["下面是代码：", "", "", "好了。"],
    ),
    (["*smiles warmly,", " then nods* Hello there."], ["", "Hello there."]),
    (["（笑着摇头，", "轻声说）你好。"], ["", "你好。"]),
    (["**重要：", "请注意**"], ["重要：", "请注意"]),
    (["见[这个，", "网页](https://a.com/b)。"], ["见这个，", "网页。"]),
    (["共有，", "3.5。"], ["共有，", "三点五。"]),
    (["It is,", " 3.5!"], ["It is,", "three point five!"]),
    (
        ["| 名称 | 数量，", "单位 |\n|---|---|\n", "| 苹果 | 2 |"],
        ["名称，数量，", "单位", "苹果，二"],
    ),
    # A bracket that never closes must not silence the rest of the reply.
    (["(laughs, ", "a" * 90 + ". ", "Hello."], ["", "a" * 90 + ".", "Hello."]),
]

HAN = st.characters(min_codepoint=0x4E00, max_codepoint=0x9FFF)
LATIN = st.text(st.characters(min_codepoint=ord("a"), max_codepoint=ord("z")), min_size=1)
# What a model writes, thick with marks and figures, cut anywhere.
SIGNS = st.sampled_from(list("0123456789.,:/-+*#`|~_<>[](){}\\^$%¥€&@=！。，（）年月个 \n"))
MESSY = st.text(st.one_of(SIGNS, HAN, st.characters()))
# Scripts of the languages whose figures are the engine's.
LETTERS = re.compile("[A-Za-z\u00c0-\u024f]")
OTHERS = re.compile("[\u0400-\u052f\u3040-\u30ff\uac00-\ud7a3円]")


@pytest.mark.parametrize(("written", "language", "spoken"), HINTED)
def test_hint_decides_only_without_letters(written: str, language: str | None, spoken: str) -> None:
    assert normalize(written, language) == spoken


@pytest.mark.parametrize(("units", "spoken"), REPLIES)
def test_state_spans_the_units_of_a_reply(units: list[str], spoken: list[str]) -> None:
    normalizer = Normalizer()
    assert [normalizer.unit(unit) for unit in units] == spoken


def test_replies_do_not_share_state() -> None:
    Normalizer().unit("```python")
    assert Normalizer().unit("hello") == "hello"


def test_prewarm_loads_the_libraries() -> None:
    prewarm()
    assert {"cn2an", "unicode_rbnf", "wetext"} <= set(sys.modules)


@settings(max_examples=200, deadline=None)
@given(st.lists(MESSY, max_size=4), st.sampled_from(["zh", "en", "fr", None]))
def test_any_text_is_spoken_or_silent_without_marks(units: list[str], language: str | None) -> None:
    normalizer = Normalizer(language)
    for unit in units:
        spoken = normalizer.unit(unit)
        # The engine reads "5 < 7" and "C#" itself where it reads the figures.
        ours = language == "en" or (language == "zh" and not LETTERS.search("".join(units)))
        signs = "<>^~#" if ours and not OTHERS.search("".join(units)) else ""
        assert not set(spoken) & set("*`|[]{}\\_" + signs)
        assert spoken == spoken.strip()
        assert spoken == "" or any(char.isalnum() for char in spoken)


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize(
    "text",
    [
        "9" * 5000,
        "1/" + "9" * 5000,
        "1/" + "9" * 18,
        "9" * 18 + "/7",
        "9" * 18 + "th",
        "9" * 20 + "th",
        ",".join(["999"] * 9) + "th",
        "v1." + "1" * 5000,
        "$" + ",".join(["999"] * 9) + "M",
        "-" + ".5" * 300,
        "(" * 500,
        "*smiles " * 100,
        "[" * 200 + "](" * 200,
        "1," * 1000,
        "a.b-" * 500,
        "٣ ２ ③ ½ ²",
    ],
    ids=range(16),
)
def test_strange_text_is_never_refused(text: str, language: str) -> None:
    assert not set(normalize(text, language)) & set("0123456789")


@settings(max_examples=150, deadline=None)
@given(st.text(st.one_of(SIGNS, HAN)), st.sampled_from(["zh", "en"]))
def test_no_ascii_figure_is_left(text: str, language: str) -> None:
    assert not set(normalize(text, language)) & set("0123456789")


@settings(max_examples=150, deadline=None)
@given(st.text(st.one_of(SIGNS, st.characters(max_codepoint=0x7E))))
def test_no_ascii_figure_is_left_in_english(text: str) -> None:
    assert not set(normalize(text, "en")) & set("0123456789")


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.one_of(LATIN, st.text(HAN, min_size=1)), min_size=1), st.sampled_from("，。！? ,")
)
def test_plain_words_are_unchanged(words: list[str], mark: str) -> None:
    text = (mark + " " if mark in "?," else mark).join(words)
    assert normalize(text) == text.strip()

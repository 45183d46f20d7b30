from __future__ import annotations

import pytest
from livekit.plugins.turn_taking.barge_in.words import (
    has_stop_word,
    is_among,
    is_backchannel,
    is_phrase,
    may_become_backchannel,
)
from livekit.plugins.turn_taking.languages.phrases import tokens


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Uh-huh.", ("uh", "huh")),
        ("That’s RIGHT!", ("that's", "right")),
        ("對，是嗎？", ("对", "是", "吗")),
        ("好的 okay", ("好", "的", "okay")),
        (" … ", ()),
    ],
)
def test_case_punctuation_and_script_make_no_difference(text: str, words: tuple[str, ...]) -> None:
    assert tokens(text) == words


@pytest.mark.parametrize(
    "text",
    [
        "嗯",
        "对",
        "好的",
        "是吗",
        "嗯，对，好的。",
        "对对对",
        "对阿",  # Whisper base, of 对啊
        "是呀",
        "知道了",
        "明白了",
        "Uh-huh.",
        "Right.",
        "Okay, okay.",
        "Mm-hmm",
        "Oh, I see.",
        "Yeah, that's right.",
        "哈哈哈",
        "Haha.",
        "All right.",
        "Interesting.",
        "有意思。",
    ],
)
def test_backchannels(text: str) -> None:
    assert is_backchannel(tokens(text))
    assert not has_stop_word(tokens(text))


@pytest.mark.parametrize(
    "text",
    [
        "Right, but what about the price?",
        "对，可是价格呢？",
        "好像不是",
        "是不是太贵了",
        "I see a problem",
        "What?",
        "No.",
        "不对。",
        "Okay so where is it",
        "",
    ],
)
def test_a_backchannel_with_content_is_none(text: str) -> None:
    assert not is_backchannel(tokens(text))


@pytest.mark.parametrize(
    "text", ["uh", "I", "oh I", "right", "that's", "嗯", "是", "知", "我知", "原来"]
)
def test_what_may_still_become_a_backchannel(text: str) -> None:
    assert may_become_backchannel(tokens(text))


@pytest.mark.parametrize("text", ["what", "right but", "I want", "我想", "不是", "可是", "the", ""])
def test_what_can_become_none(text: str) -> None:
    assert not may_become_backchannel(tokens(text))


@pytest.mark.parametrize(
    "text",
    [
        "停",
        "停！",
        "等一下",
        "等一下，我想问",
        "别说了。",
        "嗯，停一下",
        "先停一下",
        "Stop.",
        "stop please",
        "Wait, wait.",
        "Okay, stop.",
        "No, wait a second",
        "Hold on",
        "Please stop talking.",
        "Just a second.",
        "够了",
    ],
)
def test_stop_words(text: str) -> None:
    assert has_stop_word(tokens(text))


@pytest.mark.parametrize(
    "text", ["Where is the bus stop?", "I can't wait", "车停在哪里", "我等了你很久", "You know", ""]
)
def test_a_stop_word_inside_a_sentence_is_none(text: str) -> None:
    assert not has_stop_word(tokens(text))


def test_the_agents_own_words_are_known_by_the_newest_of_them() -> None:
    spoken = tokens("The museum by the river opens at nine in the morning, 博物馆九点开门。")
    assert is_among(tokens("museum by"), spoken)
    assert is_among(tokens("九点"), spoken)
    assert is_among(tokens("an hour ago the museum by the river opens at"), spoken)
    assert is_among(tokens("museum by the river opened at"), spoken)
    assert not is_among(tokens("river museum"), spoken)
    assert not is_among(tokens("by the river what is at nine"), spoken)
    assert not is_among((), spoken)


def test_a_phrase_is_more_than_an_answer_repeats() -> None:
    assert not is_phrase(tokens("on Thursday"))
    assert is_phrase(tokens("on Thursday morning"))
    assert not is_phrase(tokens("星期四吧"))
    assert is_phrase(tokens("星期四上午"))
    assert is_phrase(tokens("用 Whisper 识别"))

"""When a growing utterance is decoded, and which of its words are given out."""

from __future__ import annotations

import numpy as np
import pytest

from agent.local.hearing import (
    CONTEXT,
    EARLY,
    FIRST,
    PATIENCE,
    PAUSE,
    PROBABLE,
    REST,
    STEP,
    Hearing,
)

RATE = 16000


def sound(seconds: float, level: float = 0.3) -> bytes:
    t = np.arange(round(seconds * RATE)) / RATE
    return (np.sin(2 * np.pi * 200 * t) * level * 32767).astype("<i2").tobytes()


def heard(
    hearing: Hearing,
    text: str,
    *,
    confidence: float = PROBABLE,
    spoken: bool = False,
    over: bool = True,
    now: float = 0.0,
    seconds: float = 0.0,
) -> str:
    return hearing.decoded(
        text,
        hearing.samples,
        confidence=confidence,
        opening=text,
        spoken=spoken,
        over=over,
        seconds=seconds,
        now=now,
    )


def test_the_first_decode_waits_for_some_words() -> None:
    hearing = Hearing()
    hearing.push(bytes(RATE))  # what was kept from before the voice was noticed
    hearing.push(sound(FIRST - 0.1))
    assert not hearing.due(0.0)
    hearing.push(sound(0.1))
    assert hearing.due(0.0)


def test_until_a_word_is_sure_decodes_follow_close_upon_each_other() -> None:
    hearing = Hearing()
    hearing.push(sound(FIRST))
    assert heard(hearing, "St", now=1.0, seconds=0.1) == ""
    hearing.push(sound(EARLY))
    assert hearing.due(1.0)
    assert heard(hearing, "Stop", now=1.0, seconds=0.1) == ""
    hearing.push(sound(EARLY))
    assert heard(hearing, "Stop it", now=1.0, seconds=0.1) == "Stop"
    hearing.push(sound(STEP - 0.01))
    assert not hearing.due(100.0)
    hearing.push(sound(0.01))
    assert hearing.due(100.0)


def test_who_says_nothing_that_is_sure_is_not_decoded_early_for_ever() -> None:
    hearing = Hearing()
    hearing.push(sound(PATIENCE))
    heard(hearing, "mm")
    hearing.push(sound(EARLY))
    assert not hearing.due(100.0)
    hearing.push(sound(STEP))
    assert hearing.due(100.0)


def test_no_word_is_sure_by_a_decode_that_the_model_does_not_believe() -> None:
    hearing = Hearing()
    hearing.push(sound(FIRST))
    heard(hearing, "I'm not")
    hearing.push(sound(EARLY))
    assert heard(hearing, "I'm not sure", confidence=PROBABLE - 0.01) == ""
    hearing.push(sound(EARLY))
    assert heard(hearing, "I'm not a bad guy") == "I'm not"


@pytest.mark.parametrize("nothing", ["", "...", "♪"])
def test_a_word_with_nothing_between_it_and_the_same_is_not_heard_twice_in_a_row(
    nothing: str,
) -> None:
    hearing = Hearing()
    hearing.push(sound(FIRST))
    assert heard(hearing, "You see", confidence=PROBABLE - 0.2, over=False) == ""
    hearing.push(sound(EARLY))
    assert heard(hearing, nothing, over=False) == ""
    hearing.push(sound(EARLY))
    assert heard(hearing, "You see", over=False) == ""
    hearing.push(sound(EARLY))
    assert heard(hearing, "You see it", over=False) == "You see"


def test_a_sound_in_which_nothing_is_heard_yet_is_decoded_again_at_its_end() -> None:
    hearing = Hearing()
    hearing.push(sound(FIRST))
    heard(hearing, "", over=False)
    assert not hearing.complete
    hearing.push(bytes(2 * round(PAUSE * RATE)))
    assert hearing.due(0.0)
    assert heard(hearing, "Stop.", spoken=True) == "Stop."


def test_of_a_decode_in_which_somebody_speaks_the_first_words_are_given_out_at_once() -> None:
    hearing = Hearing()
    hearing.push(sound(FIRST))
    assert heard(hearing, "Waiter", confidence=0.1, spoken=True) == "Waiter"
    hearing.push(sound(STEP))
    assert heard(hearing, "Wait a mo", spoken=True) == ""  # only the first are
    hearing.push(sound(STEP))
    assert heard(hearing, "Wait a moment, please", spoken=True) == " a"
    assert hearing.begun == ""  # and no later decode begins with them


def test_what_a_decode_begins_with_is_given_out_though_the_rest_cannot_be_trusted() -> None:
    hearing = Hearing()
    hearing.push(sound(FIRST))
    said = hearing.decoded(
        None, hearing.samples, opening="我要的", spoken=True, over=False, seconds=0.1, now=0.0
    )
    assert said == "我要的"
    assert not hearing.complete  # and no text of it is
    hearing.push(sound(STEP))
    heard(hearing, "我要的是", over=False)
    hearing.push(sound(STEP))
    assert heard(hearing, "我要的是小", over=False) == "是"


def test_in_a_pause_the_last_word_is_sure_too() -> None:
    hearing = Hearing()
    hearing.push(sound(FIRST))
    heard(hearing, "Stop")
    hearing.push(bytes(2 * round(PAUSE * RATE)))
    assert heard(hearing, "Stop.") == "Stop."


def test_later_decodes_do_not_begin_with_what_was_given_out_early() -> None:
    hearing = Hearing()
    hearing.push(sound(FIRST))
    heard(hearing, "身家")
    hearing.push(sound(EARLY))
    assert heard(hearing, "身家五") == "身家"
    assert hearing.begun == ""
    hearing.push(sound(CONTEXT))
    heard(hearing, "三加五等")
    assert hearing.begun == ""
    hearing.push(sound(STEP))
    assert heard(hearing, "三加五等于多少") == "五等"
    assert hearing.begun == "三加五等"


def test_the_next_decode_waits_for_new_audio() -> None:
    hearing = Hearing()
    hearing.push(sound(2.0))
    heard(hearing, "one two three")
    assert not hearing.due(100.0)
    hearing.push(sound(STEP))
    assert hearing.due(100.0)


def test_the_longer_a_decode_took_the_longer_the_next_is_put_off() -> None:
    hearing = Hearing()
    hearing.push(sound(2.0))
    heard(hearing, "one two three", seconds=1.5, now=10.0)
    hearing.push(sound(5.0))
    assert not hearing.due(10.0 + REST * 1.5 - 0.01)
    assert hearing.due(10.0 + REST * 1.5)


def test_a_pause_is_decoded_at_once_and_once() -> None:
    hearing = Hearing()
    hearing.push(sound(2.0))
    heard(hearing, "one two", seconds=9.0)
    hearing.push(sound(0.2) + bytes(2 * round((PAUSE - 0.02) * RATE)))
    assert not hearing.due(0.0)  # it may still be a gap within a word
    hearing.push(bytes(2 * round(0.02 * RATE)))
    assert hearing.due(0.0)
    heard(hearing, "one two three")
    hearing.push(bytes(2 * RATE))
    assert not hearing.due(100.0)
    assert hearing.complete


def test_a_text_that_cannot_be_trusted_is_none() -> None:
    hearing = Hearing()
    hearing.push(sound(2.0))
    heard(hearing, "one two")
    hearing.push(sound(1.0))
    assert hearing.decoded(None, hearing.samples, seconds=1.0, now=5.0) == ""
    assert hearing.text == "one two"
    assert not hearing.complete
    assert not hearing.due(5.0)
    hearing.push(bytes(RATE))
    assert hearing.due(5.0)  # the pause asks for it all the same


def test_speech_after_a_pause_makes_its_text_incomplete() -> None:
    hearing = Hearing()
    hearing.push(sound(1.0) + bytes(RATE))
    heard(hearing, "one two")
    assert hearing.complete
    hearing.push(sound(0.1, level=0.02))  # a faint ending
    assert not hearing.complete


def test_what_is_too_faint_to_be_speech_is_not_decoded() -> None:
    hearing = Hearing()
    hearing.push(sound(3.0, level=0.002))
    assert not hearing.due(100.0)
    assert not hearing.complete  # but whoever asks for its text is answered by a decode


def test_a_word_is_sure_once_two_decodes_have_it_and_not_at_the_end() -> None:
    hearing = Hearing()
    assert heard(hearing, "And so my fellow America") == ""
    assert heard(hearing, "And so my fellow Americans ask") == "And so my fellow"
    assert heard(hearing, "And so my fellow Americans, ask not") == " Americans, ask"
    assert heard(hearing, "And so my fellow Americans, ask not what") == " not"
    assert hearing.sure == "And so my fellow Americans, ask not"


def test_capitals_and_marks_may_differ() -> None:
    hearing = Hearing()
    assert heard(hearing, "And so...") == ""
    assert heard(hearing, "and so my fellow") == "and so"
    assert heard(hearing, "and so, my fellow Americans") == " my fellow"


def test_chinese_words_are_characters() -> None:
    hearing = Hearing()
    heard(hearing, "中国的首都。")
    assert heard(hearing, "中国的首都是哪里？") == "中国的首都"


def test_a_decode_that_denies_what_was_sure_gives_nothing_out() -> None:
    hearing = Hearing()
    heard(hearing, "one two three four")
    assert heard(hearing, "one two three four") == "one two three"
    heard(hearing, "won two")
    assert heard(hearing, "won two three four") == ""
    assert hearing.sure == "one two three"
    assert hearing.text == "won two three four"


def given_out(decodes: list[str]) -> list[str]:
    """What is given out by decodes that follow each other while somebody speaks."""
    hearing = Hearing()
    hearing.push(sound(FIRST))
    out = []
    for text in decodes:
        hearing.push(sound(EARLY))
        out.append(heard(hearing, text, spoken=True))
    return out


@pytest.mark.parametrize("marks", ["...", "♪", "。", "", " ", "_", "- -"])
def test_a_text_without_words_is_no_first_word(marks: str) -> None:
    hearing = Hearing()
    hearing.push(sound(FIRST))
    assert heard(hearing, marks, spoken=True) == ""
    assert hearing.early
    decodes = [marks, "Stop it", "Stop it now", "Stop it now please"]
    assert given_out(decodes) == ["", "Stop it", "", " now"]


@pytest.mark.parametrize(
    ("decodes", "whole"),
    [
        (["嗯。", "嗯不要", "嗯不要再说"], "嗯。不要"),
        (["停。", "停一下吧", "停一下吧，好"], "停。一下吧，"),
        (["你好世", "你好，世界", "你好，世界人"], "你好世界"),
        (["あの。", "あの、すみま", "あの、すみません"], "あの。すみま"),
        (["「停", "停一下", "「停」一下吧"], "「停一下"),
        (["Well...", "Well, I think", "Well I think so"], "Well... I think"),
        (["♪ Stop", "Stop it now", "Stop it, now please"], "♪ Stop it, now"),
    ],
)
def test_marks_are_no_words(decodes: list[str], whole: str) -> None:
    assert "".join(given_out(decodes)) == whole


@pytest.mark.parametrize(
    ("decodes", "whole"),
    [
        # One word for another.
        (["Waiter", "Wait a mo", "Wait a moment"], "Waiter a"),
        (["听一下", "停一下吧", "停一下吧好"], "听一下吧"),
        # A word that was not heard at first.
        (["停", "那停一下", "那停一下吧"], "停一下"),
        (["one three", "one two three four", "one two three four five"], "one three four"),
        # A word that was none.
        (["啊停", "停一下", "停一下吧"], "啊停一下"),
        (["I I want", "I want to", "I want to know"], "I I want to"),
        # Nothing is as it was: the decode has gone on beyond as many words.
        (["身家", "三加五等", "三加五等于"], "身家五等"),
        # Fewer words than were given out.
        (["one two three", "won two", "won two three four"], "one two three"),
    ],
)
def test_of_a_decode_that_contradicts_what_was_given_out_the_rest_follows_it(
    decodes: list[str], whole: str
) -> None:
    assert "".join(given_out(decodes)) == whole


def test_a_decode_that_is_not_trusted_makes_no_early_text_known() -> None:
    hearing = Hearing()
    hearing.push(sound(0.45))
    heard(hearing, "身家五等")
    hearing.push(sound(CONTEXT))
    hearing.decoded(None, hearing.samples, seconds=0.0, now=0.0)
    hearing.push(sound(STEP))
    heard(hearing, "身家五等于")
    assert hearing.begun == ""
    hearing.push(sound(STEP))
    heard(hearing, "身家五等于多")
    assert hearing.begun == "身家五等于"

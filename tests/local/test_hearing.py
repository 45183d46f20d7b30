"""When a growing utterance is decoded, and which of its words are given out."""

from __future__ import annotations

import numpy as np

from agent.local.hearing import FIRST, PAUSE, REST, STEP, Hearing

RATE = 16000


def sound(seconds: float, level: float = 0.3) -> bytes:
    t = np.arange(round(seconds * RATE)) / RATE
    return (np.sin(2 * np.pi * 200 * t) * level * 32767).astype("<i2").tobytes()


def heard(hearing: Hearing, text: str, *, now: float = 0.0, seconds: float = 0.0) -> str:
    return hearing.decoded(text, hearing.samples, seconds=seconds, now=now)


def test_the_first_decode_waits_for_some_words() -> None:
    hearing = Hearing()
    hearing.push(sound(FIRST - 0.1))
    assert not hearing.due(0.0)
    hearing.push(sound(0.1))
    assert hearing.due(0.0)


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
    hearing.decoded("one two", hearing.samples, seconds=0.0, now=0.0)
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
    assert heard(hearing, "And so my fellow Americans, ask not") == " Americans,"
    assert heard(hearing, "And so my fellow Americans, ask not what") == " ask"
    assert hearing.sure == "And so my fellow Americans, ask"


def test_capitals_and_marks_may_differ() -> None:
    hearing = Hearing()
    assert heard(hearing, "And so...") == ""
    assert heard(hearing, "and so my fellow") == "and"
    assert heard(hearing, "and so, my fellow Americans") == " so, my"


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

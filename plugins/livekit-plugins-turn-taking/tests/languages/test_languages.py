"""Each language: its file has every key, in its own writing, and does what its cases say."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from dataclasses import astuple
from pathlib import Path
from typing import Any

import pytest
from livekit.plugins.turn_taking.barge_in.words import has_stop_word, is_backchannel
from livekit.plugins.turn_taking.conduct.long_answers import Plan
from livekit.plugins.turn_taking.conduct.remarks import (
    asks_to_go_on,
    asks_to_wait,
    shows_attention,
)
from livekit.plugins.turn_taking.end_of_turn.clause import Clause, read
from livekit.plugins.turn_taking.languages import LANGUAGES, tags, words
from livekit.plugins.turn_taking.languages.phrases import tokens

CASES: dict[str, dict[str, Any]] = {
    path.stem: tomllib.loads(path.read_text(encoding="utf-8"))
    for path in sorted((Path(__file__).parent / "cases").glob("*.toml"))
}
LEAST = {
    "backchannels": 8,
    "no_backchannels": 4,
    "stops": 6,
    "no_stops": 2,
    "unfinished": 8,
    "finished": 6,
    "open": 3,
    "whole": 15,
    "go_on": 3,
    "hold": 2,
}
SCRIPT = {"zh": "CJK", "ja": "HIRAGANA", "ko": "HANGUL", "ru": "CYRILLIC"}


def cases(key: str) -> list[Any]:
    return [
        pytest.param(language, text, id=f"{language}-{text}")
        for language, case in CASES.items()
        for text in case[key]
    ]


def test_every_language_has_cases_and_enough_of_each() -> None:
    assert set(CASES) == set(LANGUAGES)
    for language, case in CASES.items():
        for key, least in LEAST.items():
            assert len(set(case[key])) >= least, (language, key)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_language_has_every_word_in_its_own_writing(language: str) -> None:
    own = words(language)
    ends, overlap, phrases = own.ends, own.overlap, own.phrases
    assert len(overlap.backchannels) >= 40
    assert len(overlap.stops) >= 18
    assert len(ends.complete) >= 30
    assert len(ends.prefaces) >= 12
    assert len(ends.leads_on) + len(ends.endings) >= 40
    assert len(ends.finished_by) >= 6
    assert len(ends.digits) >= 10
    assert len(phrases.fillers) >= 3
    assert len(phrases.backchannels) >= 3
    for part in (overlap, ends, phrases):
        for texts in astuple(part):
            for text in [texts] if isinstance(texts, str) else texts:
                letters = [c for c in text if c.isalpha() and not c.isascii()]
                names = {unicodedata.name(c).split()[0] for c in letters} - {"IDEOGRAPHIC"}
                allowed = {SCRIPT.get(language, "LATIN")}
                allowed |= {"CJK", "KATAKANA", "KATAKANA-HIRAGANA"} if language == "ja" else set()
                assert names <= allowed, text
                # What is not in Latin letters has none, but for what the whole world writes.
                if language in SCRIPT and any(c.isascii() and c.isalpha() for c in text):
                    latin = r"ok|okay|m+|mhm|mmhm|e-?mail"
                    assert language == "zh" or re.fullmatch(latin, text), text


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_word_is_listened_for_as_two_things(language: str) -> None:
    overlap = words(language).overlap
    backchannels = {tokens(text) for text in overlap.backchannels}
    stops = {tokens(text) for text in overlap.stops}
    assert () not in backchannels | stops
    assert not backchannels & stops
    for text in overlap.stops:
        assert not is_backchannel(tokens(text), language), text
    for text in words(language).phrases.backchannels:
        assert is_backchannel(tokens(text), language), text


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_complete_is_finished(language: str) -> None:
    for text in words(language).ends.complete:
        assert read(text, language) is Clause.FINISHED, text


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_greets_thanks_or_excuses_is_a_preface(language: str) -> None:
    own = words(language).ends
    assert not set(own.prefaces) & set(own.complete)
    for text in own.prefaces:
        assert read(text, language) is Clause.PREFACE, text
        assert read(f"{text}?", language) is Clause.FINISHED, text
        assert read(f"{own.beside[0]} {text}", language) is Clause.PREFACE, text


@pytest.mark.parametrize(("language", "text"), cases("backchannels"))
def test_backchannels(language: str, text: str) -> None:
    assert is_backchannel(tokens(text), language)
    assert not has_stop_word(tokens(text), language)


@pytest.mark.parametrize(("language", "text"), cases("no_backchannels"))
def test_more_than_a_backchannel(language: str, text: str) -> None:
    assert not is_backchannel(tokens(text), language)


@pytest.mark.parametrize(("language", "text"), cases("stops"))
def test_stop_words(language: str, text: str) -> None:
    assert has_stop_word(tokens(text), language)


@pytest.mark.parametrize(("language", "text"), cases("no_stops"))
def test_a_stop_word_inside_a_sentence_is_none(language: str, text: str) -> None:
    assert not has_stop_word(tokens(text), language)


@pytest.mark.parametrize(("language", "text"), cases("unfinished"))
def test_something_has_to_follow(language: str, text: str) -> None:
    assert read(text, language) is Clause.UNFINISHED


@pytest.mark.parametrize(("language", "text"), cases("finished"))
def test_nothing_more_is_wanted(language: str, text: str) -> None:
    assert read(text, language) is Clause.FINISHED


@pytest.mark.parametrize(("language", "text"), cases("open"))
def test_it_may_be_all(language: str, text: str) -> None:
    assert read(text, language) is Clause.OPEN


@pytest.mark.parametrize(("language", "text"), cases("whole"))
def test_a_whole_sentence_is_not_unfinished(language: str, text: str) -> None:
    assert read(text, language) is not Clause.UNFINISHED
    assert not is_backchannel(tokens(text), language)
    assert not has_stop_word(tokens(text), language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_sentence_that_is_cut_is_seldom_finished(language: str) -> None:
    ends: list[Clause] = []
    for text in CASES[language]["whole"]:
        space = "" if language in ("zh", "ja") else " "
        said = text.split(" ") if space else list(text)
        ends += [read(space.join(said[:n]), language) for n in range(2, len(said) - 1)]
    assert ends.count(Clause.FINISHED) <= 0.08 * len(ends)
    # Chinese and Japanese are cut within words, too.
    assert ends.count(Clause.UNFINISHED) >= 0.15 * len(ends)


@pytest.mark.parametrize(("language", "text"), cases("go_on"))
def test_the_next_part_is_asked_for(language: str, text: str) -> None:
    assert asks_to_go_on(text)
    assert not asks_to_wait(text)


@pytest.mark.parametrize(("language", "text"), cases("hold"))
def test_a_moment_is_asked_for(language: str, text: str) -> None:
    assert asks_to_wait(text)
    assert not asks_to_go_on(text)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_question_concerns_a_long_answer_or_another_topic(language: str) -> None:
    case, plan = CASES[language], Plan()
    question, part = case["topic"]
    plan.write(0, part)
    assert plan.concerns(question)
    assert plan.concerns(case["any_topic"])
    assert not plan.concerns(case["other_topic"])


def test_yes_is_attention_in_every_language() -> None:
    for yes in ("Yes.", "对。", "はい。", "네.", "Ja.", "Oui.", "Да.", "Sim.", "Sí.", "Sì."):
        assert shows_attention(yes)


@pytest.mark.parametrize(
    ("tag", "text", "read_in"),
    [
        ("de-DE", "um", ("de",)),
        ("pt", "um", ("pt",)),
        ("en-GB", "um", ("en", "zh")),
        ("yue", "系", ("en", "zh")),
        ("zh_CN", "okay", ("en", "zh")),
        ("", "um", ("en", "zh")),
        ("", "Да", ("ru",)),
        ("", "はい", ("ja",)),
        ("", "네", ("ko",)),
        ("sv", "ja", ("en", "zh")),
    ],
)
def test_which_words_are_looked_for(tag: str, text: str, read_in: tuple[str, ...]) -> None:
    assert tags.read_together(tag, text) == read_in


def test_words_of_no_language_are_an_error() -> None:
    with pytest.raises(KeyError, match="no words of 'xx'"):
        words("xx")

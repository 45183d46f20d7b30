"""Each language: its folder has everything, in its own writing, and does what its cases say."""

from __future__ import annotations

import json
import re
import string
import tomllib
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from livekit.agents import llm
from livekit.plugins.qwen3_tts.models import LANGUAGE_NAMES
from livekit.plugins.turn_taking.languages import LANGUAGES as TURN_TAKING
from livekit.plugins.turn_taking.languages import words as turn_words
from pydantic import ValidationError

from agent import settings
from agent.assistant import instructions
from agent.definition.loading import load_agent
from agent.languages import (
    FOLDER,
    LANGUAGES,
    PHRASES,
    Language,
    Words,
    language_named,
    nearest,
    words,
)
from agent.languages.guess import language_of, language_of_user, switched
from agent.telephony.answering_machine import detection
from agent.telephony.consent import meant
from agent.telephony.digits import spoken_digits

CASES: dict[str, dict[str, Any]] = {
    path.stem: tomllib.loads(path.read_text(encoding="utf-8"))
    for path in sorted((Path(__file__).parent / "cases").glob("*.toml"))
}
SCRIPT = {"zh": "CJK", "ja": "HIRAGANA", "ko": "HANGUL", "ru": "CYRILLIC"}
# What is the same in every language: names, and what keys and units are called.
LATIN = re.compile(
    r"(?:Parley|Markdown|markdown|JavaScript|https|localhost|Esc)|\{\w+(?::\d+)?\}"
    r"|(?<![A-Za-z])[MT](?![A-Za-z])"
)
MACHINE = {
    "voicemail": detection._VOICEMAIL,
    "menu": detection._MENU,
    "unreachable": detection._UNREACHABLE,
    "absent": detection._ABSENT,
}


def cases(key: str) -> list[Any]:
    return [
        pytest.param(language, case, id=f"{language}-{case}")
        for language, all_cases in CASES.items()
        for case in all_cases[key]
    ]


def texts(value: object) -> Iterator[str]:
    """All texts of a nested structure."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from texts(each)


def page(language: str) -> Any:
    return json.loads((FOLDER / language / "page.json").read_text(encoding="utf-8"))


def shape(value: object) -> object:
    """The keys of a nested structure, in their order."""
    if isinstance(value, dict):
        return [(key, shape(each)) for key, each in value.items()]
    return type(value)


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_a_language_is_a_folder_in_each_package() -> None:
    folders = {path.parent.name for path in FOLDER.glob("*/words.toml")}
    assert folders == set(LANGUAGES) == set(TURN_TAKING) == set(LANGUAGE_NAMES) == set(CASES)
    assert {path.parent.name for path in FOLDER.glob("*/page.json")} == folders


def test_a_file_with_a_wrong_key_is_refused() -> None:
    table = tomllib.loads((FOLDER / "de" / "words.toml").read_text(encoding="utf-8"))
    Words.model_validate(table)
    with pytest.raises(ValidationError, match="greting"):
        Words.model_validate(table | {"assistant": table["assistant"] | {"greting": "Hallo"}})
    with pytest.raises(ValidationError, match="prompts"):
        Words.model_validate(table | {"prompts": {"wait": "Moment."}})
    with pytest.raises(ValidationError, match="regular expression"):
        Words.model_validate(table | {"answers": table["answers"] | {"yes": ["(ja"]}})


@pytest.mark.parametrize("language", LANGUAGES)
def test_its_sentences_have_the_fields_of_the_english_ones(language: Language) -> None:
    own, english = words(language), words("en")
    said = zip(texts(own.phone.model_dump()), texts(english.phone.model_dump()), strict=True)
    for mine, theirs in said:
        assert fields(mine) == fields(theirs), mine
    for name in ("clock", "now", "calculator", "model"):
        assert fields(getattr(own.facts, name)) == fields(getattr(english.facts, name)), name
    assert shape(page(language)) == shape(page("en"))
    for mine, theirs in zip(texts(page(language)), texts(page("en")), strict=True):
        assert mine.strip() == mine
        assert mine
        assert fields(mine) == fields(theirs), mine


@pytest.mark.parametrize("language", LANGUAGES)
def test_it_is_written_in_its_own_script(language: Language) -> None:
    own = words(language)
    patterns = {
        "answers": {"yes", "no", "passing", "doubt", "along", "digits", "larger_numbers"},
        "facts": {"around", "asks_time", "place", "asks_sum", "asks_model", "names_date"},
    }
    said = own.model_dump(exclude=patterns)
    said.pop("answering_machine")
    allowed = {SCRIPT.get(language, "LATIN")}
    allowed |= (
        {"CJK", "KATAKANA", "KATAKANA-HIRAGANA", "IDEOGRAPHIC"} if language == "ja" else set()
    )
    for text in (*texts(said), *texts(page(language))):
        foreign = LATIN.sub(" ", text) if language in SCRIPT else text
        names = {unicodedata.name(c).split()[0] for c in foreign if c.isalpha()}
        assert names <= allowed | {"MASCULINE"}, text


@pytest.mark.parametrize("language", LANGUAGES)
def test_its_texts_are_not_those_of_another_language(language: Language) -> None:
    for other in LANGUAGES:
        if other != language:
            mine = set(texts(words(language).model_dump(include={"assistant", "prompts"})))
            assert not mine & set(texts(words(other).model_dump(include={"assistant", "prompts"})))


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_the_assistant_says_and_is_told_is_short_and_in_its_language(
    language: Language,
) -> None:
    profile, parley = settings.load("gpu"), load_agent("parley")
    own = words(language)
    prompt = instructions(parley, profile, language)
    assert own.assistant.answers in prompt
    assert own.assistant.in_parts in prompt
    assert parley.settings.instructions[language] in prompt
    assert language_of(parley.settings.instructions[language]) == language
    greeting = parley.greeting(language)
    assert greeting == parley.settings.greeting.get(
        language, own.assistant.greeting.replace("{{name}}", "Parley")
    )
    assert "Parley" in greeting
    assert "  " not in prompt
    assert set(own.prompts) == set(PHRASES)
    for text in own.prompts.values():
        assert language_of(text) == language, text
        assert len(text) <= (60 if language in ("zh", "ja", "ko") else 120)


@pytest.mark.parametrize(("language", "said"), cases("yes"))
def test_a_yes(language: Language, said: str) -> None:
    assert meant(said, language) is True


@pytest.mark.parametrize(("language", "said"), cases("no"))
def test_a_no(language: Language, said: str) -> None:
    assert meant(said, language) is False


@pytest.mark.parametrize(("language", "said"), cases("neither"))
def test_neither_yes_nor_no(language: Language, said: str) -> None:
    assert meant(said, language) is None


def test_of_answers_that_no_word_was_chosen_by_none_is_wrongly_a_yes() -> None:
    path = Path(__file__).parent / "unseen.toml"
    unseen = tomllib.loads(path.read_text(encoding="utf-8"))
    assert unseen.keys() == set(LANGUAGES)
    meanings = {"yes": True, "no": False, "neither": None}
    read = [
        (meaning, meant(said, language))
        for language in LANGUAGES
        for name, meaning in meanings.items()
        for said in unseen[language][name]
    ]
    assert not [each for each in read if each[1] and not each[0]]
    assert sum(meaning is found for meaning, found in read) >= 136  # of 141
    assert len(read) == 141


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_asked_for_is_understood(language: Language) -> None:
    for digit, said in enumerate(words(language).answers.digits):
        for word in said.split():
            before = words(language).answers.digits[3].split()[0]
            assert spoken_digits(f"{before} {word}", language)[-1] == str(digit)


@pytest.mark.parametrize(("language", "case"), cases("digits"))
def test_digits(language: Language, case: list[str]) -> None:
    said, digits = case
    assert spoken_digits(said, language) == digits


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_a_machine_says(language: str) -> None:
    for kind, said in CASES[language]["answering"].items():
        assert MACHINE[kind].search(said), said
        others = {name for name, found in MACHINE.items() if found.search(said)} - {kind}
        assert not others & {"menu", "unreachable"}, said


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_greeting_is_no_machines(language: Language) -> None:
    for said in (words(language).assistant.greeting, *CASES[language]["guess"]):
        assert not any(found.search(said) for found in MACHINE.values()), said


@pytest.mark.parametrize(("language", "said"), cases("guess"))
def test_a_text_tells_its_language(language: Language, said: str) -> None:
    assert language_of(said) == language


def test_the_users_last_words_tell_the_language() -> None:
    said = llm.ChatContext()
    assert language_of_user(said.messages()) == "en"
    said.add_message(role="user", content="今天天气怎么样？")
    said.add_message(role="assistant", content="It is sunny.")
    assert language_of_user(said.messages()) == "zh"
    said.add_message(role="user", content="Was kostet das Zimmer?")
    assert language_of_user(said.messages()) == "de"
    assert language_of_user(said.messages(), ("en", "zh")) == "en"
    only_chinese: list[Language] = ["zh"]
    assert language_of_user(said.messages(), only_chinese) == "zh"


def test_who_speaks_no_language_of_the_voice_is_answered_in_english() -> None:
    assert nearest("de", ("en", "zh")) == "en"
    assert nearest("zh", ("en", "zh")) == "zh"
    assert nearest("de", ("zh", "ja")) == "zh"


def test_only_a_tag_that_there_is_names_a_language() -> None:
    assert [language_named(each) for each in LANGUAGES] == list(LANGUAGES)
    for name in (None, "", "DE", "de-DE", "nl", "../de"):
        assert language_named(name) is None


@pytest.mark.parametrize(
    ("chosen", "last", "spoken"),
    [
        ("en", "今天星期几？", "zh"),
        ("de", "Play 周杰伦 bitte", "de"),
        ("de", "Bitte bestelle das Buch von 周杰伦.", "de"),
        ("en", "Is Владимир there today?", "en"),
        ("en", "Is 東京タワー open today?", "en"),
        ("en", "用 Python 怎么写？", "zh"),
        ("en", "Где находится Big Ben?", "ru"),
        ("en", "지금 몇 시예요?", "ko"),
        ("en", "Wie spät ist es?", "en"),
        ("en", "OK", "en"),
        ("zh", "OK, thank you", "zh"),
        ("ja", "東京", "ja"),
    ],
)
def test_the_chosen_language_gives_way_to_letters_that_it_does_not_have(
    chosen: Language, last: str, spoken: Language
) -> None:
    said = llm.ChatContext()
    assert switched(chosen, said.messages()) == chosen
    said.add_message(role="user", content=last)
    assert switched(chosen, said.messages()) == spoken
    assert switched(chosen, said.messages(), [chosen]) == chosen


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_call_hears_no_bridge_in_the_words_of_the_one_before(language: Language) -> None:
    # While a tool runs, and while an engine keeps the caller waiting: both may be in one call.
    fillers = turn_words(language).phrases.fillers
    assert not {*fillers} & {*words(language).prompts.values()}
    assert len({*fillers}) == len(fillers)

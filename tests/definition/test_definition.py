from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from agent import settings
from agent.definition.definition import AgentDefinition
from agent.definition.loading import load_agent
from agent.phone_settings import PhoneSettings
from agent.settings import Language, Settings

from .conftest import Folder


def agent(folder: Folder, **says: Any) -> AgentDefinition:
    return load_agent(str(folder(**says)))


@pytest.fixture
def gpu() -> Settings:
    return settings.load("gpu")


@pytest.mark.parametrize(
    ("told", "language", "prompt"),
    [
        ("You sell tea.", "en", "You sell tea. Answer in English,"),
        ("你卖茶。", "zh", "你卖茶。用中文口语回答"),
        ("You sell tea.\nAnd cake.\n", "en", "You sell tea.\nAnd cake.\nAnswer in English,"),
        ({"en": "Tea.", "zh": "茶。"}, "zh", "茶。用中文"),
        ({"en": "Tea.", "zh": "茶。"}, None, "Tea. Answer in the language of the user"),
        ({"any": "Tea.", "de": "Tee."}, "de", "Tee. Antworten Sie auf Deutsch"),
        ({"any": "Tea.", "de": "Tee."}, "ja", "Tea. 日本語の話し言葉で"),
    ],
)
def test_how_one_speaks_is_added_to_what_it_is_told(
    folder: Folder, told: str | dict[str, str], language: Language | None, prompt: str
) -> None:
    given = {} if isinstance(told, str) or "any" in told else {"languages": list(told)}
    shop = agent(folder, instructions=told, **given)
    assert shop.instructions(language, in_parts=False).startswith(prompt)
    assert "empty line" in shop.instructions(None, in_parts=True)


def test_it_may_be_told_all_of_it_by_the_folder(folder: Folder) -> None:
    shop = agent(folder, manner=False)
    assert shop.instructions("en", in_parts=False) == "You sell tea."


@pytest.mark.parametrize(
    ("greeting", "language", "words"),
    [
        ({}, "en", "Hello! This is Shop."),
        ({}, "zh", "你好！这里是Shop。"),
        ("Tea?", "zh", "Tea?"),
        ({"en": "Tea?"}, "zh", "你好！"),
        ({"en": ""}, "en", ""),
        ({"zh": "茶？"}, None, "Hello!"),
        ({"zh": "茶？"}, "es", "¡Hola! Soy Shop."),
    ],
)
def test_it_greets_in_its_own_words_or_in_those_of_the_package(
    folder: Folder, greeting: object, language: Language | None, words: str
) -> None:
    said = agent(folder, greeting=greeting).greeting(language)
    assert said.startswith(words)
    assert words or not said


def test_variables_are_filled_in_with_what_the_call_says_or_the_default(folder: Folder) -> None:
    shop = agent(
        folder,
        instructions="{{name}} serves {{ who }}, a {{kind}}.",
        greeting="Hello {{who}}!",
        variables={"who": "somebody", "kind": "guest"},
        manner=False,
    )
    assert shop.instructions("en", in_parts=False) == "Shop serves somebody, a guest."
    known = replace(shop, variables={"who": "Ben {{kind}}"})
    assert known.greeting("en") == "Hello Ben {{kind}}!"  # a value is not read again


@pytest.mark.parametrize(
    ("languages", "asked", "spoken"),
    [
        ([], "zh", "zh"),
        ([], None, None),
        (["en"], "zh", "en"),
        (["en"], None, "en"),
        (["zh", "en"], None, None),
        (["zh", "en"], "en", "en"),
    ],
)
def test_it_speaks_its_languages(
    folder: Folder, languages: list[str], asked: Language | None, spoken: Language | None
) -> None:
    assert agent(folder, languages=languages).spoken(asked) == spoken


def test_what_it_has_for_itself_wins_over_the_profile(folder: Folder, gpu: Settings) -> None:
    own = agent(
        folder,
        languages=["en"],
        voice={"en": "Ada"},
        style="calm",
        conduct={"silence": {"ask_after": 5}},
        turns={"max_delay": 2.5},
        engines={"llm": {"temperature": 0.1, "tools": False}},
        limits={"minutes": 5},
    ).over(gpu)
    assert own.tts.voice == {"zh": "Vivian", "en": "Ada"}
    assert own.tts.instructions == "calm"
    assert own.tts.base_url == gpu.tts.base_url
    assert own.conduct.silence.ask_after == 5
    assert own.conduct.silence.leave_after == gpu.conduct.silence.leave_after
    assert own.turns.max_delay == own.phone.turns.max_delay == 2.5
    assert own.phone.turns.vad_threshold == gpu.phone.turns.vad_threshold
    assert (own.llm.temperature, own.llm.tools, own.language) == (0.1, False, "en")
    assert own.phone.max_minutes == own.max_minutes == 5


@pytest.mark.parametrize(
    ("limits", "minutes"), [({}, 20), ({"minutes": 5}, 5), ({"minutes": 60}, 20)]
)
def test_it_may_talk_for_less_time_than_the_profile_says_but_not_for_more(
    folder: Folder, gpu: Settings, limits: dict[str, float], minutes: float
) -> None:
    profile = gpu.model_copy(update={"max_minutes": 20.0})
    assert agent(folder, limits=limits).over(profile).max_minutes == minutes


def test_one_voice_is_for_every_language(folder: Folder, gpu: Settings) -> None:
    shop = agent(folder, voice="Ada", voices=["Bob"])
    for language in ("en", "zh", None):
        assert shop.over(gpu).tts.voice_of(language) == "Ada"
        assert replace(shop, voice="Bob").over(gpu).tts.voice_of(language) == "Bob"
    assert gpu.tts.voice_of(None) is None


@pytest.mark.parametrize("none", [[], {"any": []}, {"en": []}])
def test_an_empty_list_of_voices_is_none(folder: Folder, none: Any) -> None:
    assert not agent(folder, voices=none).settings.voices  # the profile's are offered
    assert [*agent(folder, voices={"en": ["Ada"], "zh": []}).settings.voices] == ["en"]


def test_a_voice_of_some_languages_is_asked_for_in_those_alone(folder: Folder) -> None:
    cpu = settings.load("cpu")
    usual = agent(folder)
    for chosen, at, spoken in (
        ("af_heart", usual, ["en"]),
        ("zm_yunxi", usual, ["zh"]),
        ("Ada", agent(folder, voices={"en": ["Ada", "Eve"], "zh": ["Ada"]}), ["en", "zh"]),
        ("Ada", agent(folder, voices={"zh": ["Bob"], "any": ["Ada"]}), ["en", "zh"]),
    ):
        asked = replace(at, voice=chosen).over(cpu).tts
        for language in cpu.tts.languages:
            expected = chosen if language in spoken else cpu.tts.voice_of(language)
            assert asked.voice_of(language) == expected


def test_another_server_gets_no_key_of_the_profiles(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PARLEY_LLM__API_KEY", "hush")
    monkeypatch.setenv("PARLEY_LLM__MODEL", "big")
    elsewhere = {"llm": {"base_url": "http://10.0.0.7/v1"}}
    own = agent(folder, engines=elsewhere).over(settings.load("gpu")).llm
    assert (own.url, own.key, own.model) == ("http://10.0.0.7/v1", None, None)


@pytest.mark.parametrize(
    ("given", "own"),
    [(None, ["hang_up", "hold"]), (["hang_up", "place_call"], ["hang_up"]), ([], [])],
)
def test_it_has_no_tool_of_the_phone_that_the_profile_does_not_give(
    folder: Folder, gpu: Settings, given: list[str] | None, own: list[str]
) -> None:
    profile = gpu.model_copy(update={"phone": PhoneSettings(tools=["hang_up", "hold"])})
    assert agent(folder, phone_tools=given).over(profile).phone.tools == own

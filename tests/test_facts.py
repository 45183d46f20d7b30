"""What a model without tools is told beside a question, and what is no question for that."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from livekit.agents import llm

from agent import settings
from agent.definition.loading import load_agent
from agent.definition.settings import BuiltinTool
from agent.facts import fact_for, told
from agent.known import Known
from agent.languages import LANGUAGES, Language, words
from agent.spoken_sums import sum_in

TOOLS: tuple[BuiltinTool, ...] = ("get_time", "calculate")

SUMS = [
    ("en", "What is 17 times 23?", "17 * 23"),
    ("en", "What is seventeen times twenty-three?", "17 * 23"),
    ("en", "How much is two hundred and five plus three", "205 + 3"),
    ("en", "One million divided by a thousand?", "1000000 / 1000"),
    ("en", "And 100 minus 42.", "100 - 42"),
    ("en", "12.5 x 4", "12.5 * 4"),
    ("en", "2 + 2 = ?", "2 + 2"),
    ("en", "1,200 + 300, please", "1,200 + 300"),
    ("en", "What is 15 percent of 80?", "15% of 80"),
    ("en", "(3×4÷2)", "3 * 4 / 2"),
    ("zh", "三加五等于多少？", "3 + 5"),
    ("zh", "十七乘以二十三是多少？", "17 * 23"),
    ("zh", "一万零五百减去两百", "10500 - 200"),
    ("zh", "17×23等于多少？", "17 * 23"),
    ("de", "Was ist 7 mal 8?", "7 * 8"),
    ("fr", "Combien font 7 fois 8 ?", "7 * 8"),
    ("es", "¿Cuánto es 7 por 8?", "7 * 8"),
    ("it", "Quanto fa 7 per 8?", "7 * 8"),
    ("pt", "Quanto é 7 vezes 8?", "7 * 8"),
    ("ru", "Сколько будет 7 умножить на 8?", "7 * 8"),
    ("ja", "7かける8は？", "7 * 8"),
    ("ko", "7 곱하기 8은?", "7 * 8"),
]
NO_SUMS = [
    ("en", "Are you open 24/7?"),
    ("en", "My number is 555-0143."),
    ("en", "That was on 2026-11-29."),
    ("en", "I have called three times."),
    ("en", "One or two of them, plus a cake."),
    ("zh", "今年有几个月？"),
    ("zh", "一加手机怎么样？"),
    ("de", "Ein mal ein Bier."),
]

TIMES = {
    "en": ["What time is it?", "What's the time now?", "What is today's date?", "What day is it?"],
    "zh": ["现在几点了？", "今天星期几？", "今天是几月几号？", "请问几点了？"],
    "ja": ["今何時ですか？", "今日は何曜日ですか？"],
    "ko": ["지금 몇 시예요?", "오늘은 며칠이에요?"],
    "de": ["Wie spät ist es?", "Wie viel Uhr ist es?", "Welcher Tag ist heute?"],
    "fr": ["Quelle heure est-il ?", "Quel jour sommes-nous ?"],
    "ru": ["Который час?", "Сколько сейчас времени?", "Какое сегодня число?"],
    "pt": ["Que horas são?", "Que dia é hoje?"],
    "es": ["¿Qué hora es?", "¿Qué día es hoy?"],
    "it": ["Che ore sono?", "Che giorno è oggi?"],
}
NO_TIMES = [
    "What time do you open?",
    "I have no time.",
    "Is it day or night on the moon?",
    "What is the best time to plant trees?",
    "你们几号开门？",
    "一天有几个小时？",
]


@pytest.mark.parametrize(("language", "text", "expression"), SUMS)
def test_a_sum_is_found(language: Language, text: str, expression: str) -> None:
    assert sum_in(text, language) == expression


@pytest.mark.parametrize(("language", "text"), NO_SUMS)
def test_figures_that_are_no_sum_are_left(language: Language, text: str) -> None:
    assert sum_in(text, language) is None


def test_every_language_has_a_question_for_the_time() -> None:
    assert set(TIMES) == set(LANGUAGES)


@pytest.mark.parametrize(
    ("language", "text"), [(language, text) for language, asked in TIMES.items() for text in asked]
)
async def test_who_asks_for_the_time_is_told_it_in_their_language(
    language: Language, text: str
) -> None:
    fact = await fact_for(text, TOOLS)
    assert fact is not None
    assert fact.startswith(words(language).facts.clock.split("{")[0])
    assert str(datetime.now().astimezone().year) in fact


@pytest.mark.parametrize("text", NO_TIMES)
async def test_what_is_no_question_for_the_time_is_left(text: str) -> None:
    assert await fact_for(text, TOOLS) is None


@pytest.mark.parametrize(
    ("text", "zone"),
    [
        ("What time is it in Tokyo right now?", "Asia/Tokyo"),
        ("What's the time in New York?", "America/New_York"),
        ("东京现在几点？", "Asia/Tokyo"),
        ("Quelle heure est-il à Paris ?", "Europe/Paris"),
    ],
)
async def test_the_time_of_a_place_is_that_of_its_zone(text: str, zone: str) -> None:
    hour = datetime.now(ZoneInfo(zone)).hour
    fact = await fact_for(text, TOOLS) or ""
    found = re.search(r"(\d\d?)(?::|点)\d", fact)
    assert found
    assert int(found[1]) in (hour, (hour + 1) % 24)  # it may strike in between


async def test_of_a_place_that_is_not_known_nothing_is_told() -> None:
    assert await fact_for("What time is it in Atlantis?", TOOLS) is None


async def test_a_sum_that_cannot_be_worked_out_is_not_told() -> None:
    assert await fact_for("What is 7 divided by 0?", TOOLS) is None


async def test_only_tools_that_the_agent_has_are_used() -> None:
    assert await fact_for("What time is it?", ()) is None
    assert await fact_for("What is 7 times 8?", TOOLS[:1]) is None


async def test_a_story_is_no_question() -> None:
    assert await fact_for("And then she asked: what time is it? " * 6, TOOLS) is None


async def asked_of(known: Known, *said: llm.ChatMessage) -> list[str]:
    """What the model is shown, message by message."""
    shown: list[llm.ChatContext] = []

    async def ask(chat_ctx: llm.ChatContext) -> AsyncGenerator[str, None]:
        shown.append(chat_ctx)
        yield "391."

    answer = known.answered(ask, llm.ChatContext([*said]), "en")
    assert [part async for part in answer] == ["391."]
    return [m.text_content or "" for m in shown[0].messages()]


def message(role: llm.ChatRole, text: str) -> llm.ChatMessage:
    return llm.ChatMessage(role=role, content=[text])


SAID = (message("system", "You are Parley."), message("user", "What is 17 times 23?"))


async def test_a_model_without_tools_reads_the_result_beside_the_question() -> None:
    known = Known(load_agent("parley"), settings.load("cpu"))
    assert await asked_of(known, *SAID) == [
        "You are Parley.",
        "From the calculator: 17 × 23 = 391.\n\nWhat is 17 times 23?",
    ]
    assert SAID[1].text_content == "What is 17 times 23?"  # the history stays as it was said


async def test_a_model_with_tools_calls_them_itself() -> None:
    known = Known(load_agent("parley"), settings.load("gpu"))
    assert await asked_of(known, *SAID) == ["You are Parley.", "What is 17 times 23?"]


async def test_nothing_is_told_where_nothing_was_asked() -> None:
    assert await told(llm.ChatContext([]), TOOLS) is None
    greeted = llm.ChatContext([SAID[1], message("assistant", "391.")])
    assert await told(greeted, TOOLS) is None

"""What a model without tools is told beside a question, and what is no question for that."""

from __future__ import annotations

import logging
import re
from collections.abc import AsyncGenerator
from datetime import datetime, timedelta
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
    ("en", "1,200 + 300, please", "1200 + 300"),
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
    ("en", "What's 17 times 23?", "17 * 23"),
    ("en", "Excuse me, can you tell me what 12 plus 30 is?", "12 + 30"),
    ("en", "Hello there. Work out 9 minus 4, please.", "9 - 4"),
    ("en", "What is 10 - 4?", "10 - 4"),
    ("en", "10 - 4 =", "10 - 4"),
    ("en", "What is -3 + 5?", "-3 + 5"),
    ("zh", "请帮我算一下十二加三十", "12 + 30"),
    ("zh", "请问，１２＋３０等于几？", "12 + 30"),
    ("zh", "100减42得多少", "100 - 42"),
    ("de", "Was ist 12 plus 30?", "12 + 30"),
    ("de", "Wie viel sind 20 minus 4?", "20 - 4"),
    ("de", "Können Sie mir bitte sagen, was 12 geteilt durch 4 ist?", "12 / 4"),
    ("de", "12 plus 30", "12 + 30"),
    ("fr", "Bonjour, combien font 12 plus 30 ?", "12 + 30"),
    ("fr", "Calculez 20 moins 4, s'il vous plaît.", "20 - 4"),
    ("fr", "12 divisé par 4 égale combien ?", "12 / 4"),
    ("es", "¿Cuánto es 12 más 30, por favor?", "12 + 30"),
    ("es", "Hola, ¿cuánto son 3 por 2?", "3 * 2"),
    ("es", "20 menos 4", "20 - 4"),
    ("it", "Quanto fa 12 più 30?", "12 + 30"),
    ("it", "Scusi, quanto fa 20 meno 4?", "20 - 4"),
    ("it", "12 diviso 4 quanto fa?", "12 / 4"),
    ("pt", "Quanto é 12 mais 30?", "12 + 30"),
    ("pt", "Por favor, quanto é 20 menos 4?", "20 - 4"),
    ("pt", "12 dividido por 4 é quanto?", "12 / 4"),
    ("ru", "Сколько будет 12 плюс 30?", "12 + 30"),
    ("ru", "Посчитайте, пожалуйста, 20 минус 4.", "20 - 4"),
    ("ru", "12 разделить на 4", "12 / 4"),
    ("ja", "12たす30はいくつですか？", "12 + 30"),
    ("ja", "20ひく4は何ですか？", "20 - 4"),
    ("ja", "すみません、12わる4は？", "12 / 4"),
    ("ko", "12 더하기 30은 얼마예요?", "12 + 30"),
    ("ko", "20 빼기 4 계산해 주세요", "20 - 4"),
    ("ko", "12 나누기 4는 뭐예요?", "12 / 4"),
]
WRITTEN = [
    ("en", "1,500 plus 2", "1500 + 2"),
    ("en", "1.500 plus 2", "1.500 + 2"),
    ("en", "1,234.5 plus 2", "1234.5 + 2"),
    ("zh", "1,500加2等于多少？", "1500 + 2"),
    ("ja", "1,500たす2は？", "1500 + 2"),
    ("ko", "1,500 더하기 2는?", "1500 + 2"),
    ("de", "1.500 plus 2", "1500 + 2"),
    ("de", "Was ist 1,500 plus 2?", "1.500 + 2"),
    ("de", "Was ist 1.234,5 mal 2?", "1234.5 * 2"),
    ("de", "Was ist 1.5 mal 2?", "1.5 * 2"),
    ("es", "1.500 plus 2", "1500 + 2"),
    ("es", "¿Cuánto es 1.500 más 2,5?", "1500 + 2.5"),
    ("pt", "Quanto é 1.500 vezes 2?", "1500 * 2"),
    ("it", "Quanto fa 1.500 per 2?", "1500 * 2"),
    ("fr", "Combien font 1 500 plus 2,25 ?", "1500 + 2.25"),
    ("ru", "Сколько будет 1 500 плюс 2,25?", "1500 + 2.25"),
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
    ("en", "My blood pressure is 120 over 80."),
    ("en", "120 over 80"),
    ("en", "Two adults plus 3 children, please, for Friday."),
    ("en", "I need a 5 x 4 board."),
    ("en", "We are open 9 - 17."),
    ("en", "9 - 17"),
    ("en", "1 / 2"),
    ("en", "How much are 3 plus 2 tickets for the 5 o'clock show?"),
    ("zh", "我要两份加三杯茶。"),
    ("zh", "三加五号房间都要。"),
    ("zh", "房间号是12-30。"),
    ("zh", "十减二促销还有吗？"),
    ("de", "Haben Sie zwischen 9 und 17 Uhr geöffnet?"),
    ("de", "Ich nehme die 3 und die 4."),
    ("de", "3 und 4"),
    ("de", "Haben Sie 2 mal 3 Karten?"),
    ("de", "Gilt 2 plus 1 gratis?"),
    ("es", "¿Tienen la oferta de 3 por 2?"),
    ("es", "3 por 2"),
    ("es", "¿Abren entre 9 y 17?"),
    ("es", "Una mesa de 2 por 4 metros."),
    ("fr", "L'offre 2 plus 1 est encore valable ?"),
    ("fr", "Je l'ai appelé 2 fois 3 jours de suite."),
    ("fr", "Une table de 3 moins 1 personne."),
    ("it", "Avete l'offerta 3 per 2?"),
    ("it", "3 per 2"),
    ("it", "Un tavolo da 2 più 1 bambino."),
    ("pt", "Tem a promoção 3 mais 1?"),
    ("pt", "Paguei em 3 vezes 20 reais."),
    ("pt", "Somos 4 menos 1 pessoa."),
    ("ru", "Столик 2 на 3 метра."),
    ("ru", "2 на 3"),
    ("ru", "Есть акция 2 плюс 1?"),
    ("ja", "大人2プラス3名で予約したいです。"),
    ("ja", "12-30号室です。"),
    ("ja", "2プラス1のセールはありますか？"),
    ("ko", "2 더하기 1 행사 하나요?"),
    ("ko", "성인 2 더하기 어린이 3명이요."),
    ("ko", "12-30호입니다."),
]

TIMES = {
    "en": [
        "What time is it?",
        "What's the time now?",
        "What is today's date?",
        "What day is it?",
        "Hi, excuse me, can you tell me what time it is, please?",
        "Thanks. And what’s the date today?",
        "Do you have the time?",
        "Hey Parley, what time is it?",
    ],
    "zh": [
        "现在几点了？",
        "今天星期几？",
        "今天是几月几号？",
        "请问几点了？",
        "你好，请问现在是什么时间？",
        "今天几月几号，星期几？",
        "麻烦告诉我现在几点。",
        "现在的时间是多少？",
    ],
    "ja": [
        "今何時ですか？",
        "今日は何曜日ですか？",
        "すみません、今は何時ですか？",
        "何時ですか？",
        "今日は何月何日ですか？",
    ],
    "ko": [
        "지금 몇 시예요?",
        "오늘은 며칠이에요?",
        "저기요, 지금 몇 시인가요?",
        "오늘 무슨 요일이에요?",
        "지금 몇 시인지 알려 주세요.",
    ],
    "de": [
        "Wie spät ist es?",
        "Wie viel Uhr ist es?",
        "Welcher Tag ist heute?",
        "Entschuldigung, wissen Sie, wie spät es ist?",
        "Hallo Parley, wie spät ist es?",
        "Der Wievielte ist heute?",
        "Welches Datum haben wir heute?",
    ],
    "fr": [
        "Quelle heure est-il ?",
        "Quel jour sommes-nous ?",
        "Bonjour, pouvez-vous me dire l'heure qu'il est ?",
        "Il est quelle heure, s'il vous plaît ?",
        "Quelle est la date d'aujourd'hui ?",
    ],
    "ru": [
        "Который час?",
        "Сколько сейчас времени?",
        "Какое сегодня число?",
        "Скажите, пожалуйста, который час?",
        "Какой сегодня день недели?",
    ],
    "pt": [
        "Que horas são?",
        "Que dia é hoje?",
        "Por favor, pode me dizer que horas são?",
        "Qual é a data de hoje?",
        "Que dia da semana é hoje?",
    ],
    "es": [
        "¿Qué hora es?",
        "¿Qué día es hoy?",
        "Hola, ¿me puede decir qué hora es?",
        "¿Cuál es la fecha de hoy?",
        "¿A qué día estamos?",
    ],
    "it": [
        "Che ore sono?",
        "Che giorno è oggi?",
        "Scusi, mi può dire che ore sono?",
        "Quanti ne abbiamo oggi?",
        "Qual è la data di oggi?",
    ],
}
NO_TIMES = [
    "What time do you open?",
    "I have no time.",
    "Is it day or night on the moon?",
    "What is the best time to plant trees?",
    "What is the time limit for returns?",
    "What's the date of my appointment?",
    "What's the time of the last bus?",
    "What day is it cheapest?",
    "Do you have the date of my booking?",
    "你们几号开门？",
    "一天有几个小时？",
    "你们几点关门？",
    "你们现在几点关门？",
    "今天几点开始营业？",
    "我的预约是几点？",
    "明天几点？",
    "现在是多少？",
    "今天几号房间有空？",
    "何時に開きますか？",
    "予約は何時ですか？",
    "今日は何時まで開いていますか？",
    "今何時まで注文できますか？",
    "몇 시에 문을 여나요?",
    "예약은 몇 시예요?",
    "오늘은 몇 시까지 해요?",
    "지금 몇 시까지 주문할 수 있어요?",
    "Um wie viel Uhr öffnen Sie?",
    "Wie spät kann ich kommen?",
    "Welcher Tag ist Ihr Ruhetag?",
    "Welches Datum ist auf meiner Rechnung?",
    "¿A qué hora abren?",
    "¿Qué día es mi cita?",
    "¿Cuál es la fecha de entrega?",
    "¿Hasta qué hora están abiertos hoy?",
    "À quelle heure ouvrez-vous ?",
    "Quel jour êtes-vous fermés ?",
    "Quelle est la date de mon rendez-vous ?",
    "A che ora aprite?",
    "Che giorno è la visita?",
    "Qual è la data di consegna?",
    "A que horas abrem?",
    "Que dia é a minha consulta?",
    "Qual é a data de entrega?",
    "В котором часу вы открываетесь?",
    "Сколько времени занимает доставка?",
    "Какой день у вас выходной?",
]


@pytest.mark.parametrize(("language", "text", "expression"), SUMS)
def test_a_sum_is_found(language: Language, text: str, expression: str) -> None:
    assert sum_in(text, language) == (language, expression)


@pytest.mark.parametrize(("language", "text", "expression"), WRITTEN)
def test_a_number_is_read_with_the_marks_of_its_language(
    language: Language, text: str, expression: str
) -> None:
    assert sum_in(text, language) == (language, expression)


def test_every_language_has_a_sum_and_what_is_none() -> None:
    assert {language for language, *_ in SUMS} == {language for language, _ in NO_SUMS}
    assert {language for language, *_ in WRITTEN} == set(LANGUAGES)


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
    own = words(language).facts
    day = datetime.now().astimezone()
    near = (day, day + timedelta(days=1), day - timedelta(days=1))  # it may strike in between
    assert any(own.weekdays[each.weekday()] in fact for each in near)
    assert any(own.months[each.month - 1] in fact for each in near)


@pytest.mark.parametrize("text", NO_TIMES)
async def test_what_is_no_question_for_the_time_is_left(text: str) -> None:
    assert await fact_for(text, TOOLS) is None


@pytest.mark.parametrize(
    ("text", "zone"),
    [
        ("What time is it in Tokyo right now?", "Asia/Tokyo"),
        ("What's the time in New York?", "America/New_York"),
        ("What time is it in Tokyo?", "Asia/Tokyo"),
        ("Please, what time is it now in St. Petersburg?", "Europe/Moscow"),
        ("东京现在几点？", "Asia/Tokyo"),
        ("请问现在东京几点了？", "Asia/Tokyo"),
        ("東京は今何時ですか？", "Asia/Tokyo"),
        ("서울은 지금 몇 시예요?", "Asia/Seoul"),
        ("Wie spät ist es in Berlin?", "Europe/Berlin"),
        ("¿Qué hora es en Madrid?", "Europe/Madrid"),
        ("Che ore sono a Roma adesso?", "Europe/Rome"),
        ("Que horas são em Lisboa?", "Europe/Lisbon"),
        ("Quelle heure est-il à Paris ?", "Europe/Paris"),
    ],
)
async def test_the_time_of_a_place_is_that_of_its_zone(text: str, zone: str) -> None:
    hour = datetime.now(ZoneInfo(zone)).hour
    fact = await fact_for(text, TOOLS) or ""
    found = re.search(r"(\d\d?)(?::|点|時|시 )\d", fact)
    assert found
    assert int(found[1]) in (hour, (hour + 1) % 24)  # it may strike in between


async def test_of_a_place_that_is_not_known_nothing_is_told() -> None:
    assert await fact_for("What time is it in Atlantis?", TOOLS) is None


async def test_what_was_said_is_logged_for_debugging_alone(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG, "parley")
    for asked in ("What time is it in Atlantis?", "What is 7 divided by 0?"):
        assert await fact_for(asked, TOOLS) is None
    assert len(caplog.records) == 2
    assert {record.levelno for record in caplog.records} == {logging.DEBUG}


async def test_the_result_is_written_as_its_language_writes_numbers() -> None:
    fact = await fact_for("Was ist 1.500 plus 2,25?", TOOLS)
    assert fact == "Vom Rechner: 1500 + 2,25 = 1502,25."
    assert await fact_for("1.500 plus 2", TOOLS, "de") == "Vom Rechner: 1500 + 2 = 1502."
    assert await fact_for("1.500 + 2", TOOLS, "es") == "De la calculadora: 1500 + 2 = 1502."
    assert await fact_for("1.500 + 2", TOOLS) == "From the calculator: 1.500 + 2 = 3.5."


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

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

TOOLS: tuple[BuiltinTool, ...] = ("get_time", "calculate", "get_model")

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
        "Can you tell me the time?",
        "Could you please tell me what time it is now?",
        "Tell me today's date, please.",
        "What weekday is it?",
        "Which weekday is today?",
        "Is it Monday today?",
        "Is today a weekday?",
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
        "今天是星期一吗？",
        "这个月是几月？",
        "今年是哪一年？",
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
    "The time, please.",
    "What time do you have on Friday?",
    "Is it Monday that you are closed?",
    "Is it May or June?",
    "Is it still open today?",
    "你们几号开门？",
    "一天有几个小时？",
    "你们几点关门？",
    "你们现在几点关门？",
    "今天几点开始营业？",
    "我的预约是几点？",
    "明天几点？",
    "现在是多少？",
    "今天几号房间有空？",
    "今天星期一开门吗？",
    "这个月几号发货？",
    "这个月几号？",
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


@pytest.mark.parametrize("text", ["今天几号？", "今天是几月几日？", "请问今天的日期是什么？"])
async def test_in_chinese_the_date_comes_first_where_it_is_asked_for(text: str) -> None:
    assert re.match(r"时钟：今天是\d+月\d+日，", await fact_for(text, TOOLS) or "")
    assert re.match(r"时钟：\d+点\d+分，", await fact_for("今天星期几？", TOOLS) or "")


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


async def test_words_without_end_around_a_question_are_read_at_once() -> None:
    # Once it was tried in each of the ways in which a "hello" may be a name.
    assert await fact_for("hello " * 33, TOOLS) is None


MODELS = {
    "en": ["Which model are you?", "What language model do you use?", "Hi, what AI model are you?"],
    "zh": ["你是什么模型？", "请问你用的是什么大模型？", "你是哪个模型？"],
    "ja": ["あなたは何のモデルですか？", "どの言語モデルを使っていますか？"],
    "ko": ["당신은 어떤 모델이에요?", "무슨 언어 모델을 써요?"],
    "de": ["Welches Modell bist du?", "Welches Sprachmodell nutzen Sie?"],
    "fr": ["Quel modèle êtes-vous ?", "Quel modèle de langage utilisez-vous ?"],
    "ru": ["Какую языковую модель вы используете?", "На какой модели вы работаете?"],
    "pt": ["Que modelo de linguagem você usa?", "Que modelo você é?"],
    "es": ["¿Qué modelo eres?"],
    "it": ["Quale modello linguistico usi?", "Che modello sei?"],
}


@pytest.mark.parametrize(
    ("language", "text"), [(language, text) for language, asked in MODELS.items() for text in asked]
)
async def test_who_asks_for_the_model_is_told_its_name(language: Language, text: str) -> None:
    fact = words(language).facts.model.format(model="Qwen-7B")
    assert await fact_for(text, TOOLS, model="Qwen-7B") == fact
    assert await fact_for(text, TOOLS) is None
    assert await fact_for(text, TOOLS[:2], model="Qwen-7B") is None


def test_every_language_has_a_question_for_the_model() -> None:
    assert set(MODELS) == set(LANGUAGES)


@pytest.mark.parametrize(
    "text",
    [
        "Which model of phone should I buy?",
        "What model is the car?",
        "Who are you?",
        "What is ChatGPT?",
        "Have you heard of OpenAI?",
        "这是什么模型的车？",
        "你知道ChatGPT吗？",
        "Welches Modell kostet weniger?",
        "What model is this?",
        "Which model is this?",
        "What model do you use?",
        "どのモデルですか？",
        "何のモデルですか？",
        "어떤 모델이에요?",
        "무슨 모델인가요?",
        "Quale modello è?",
        "Che modello è?",
        "¿Qué modelo usa?",
        "Welches Modell nutzen Sie?",
        "Quel modèle utilisez-vous ?",
        "Que modelo você usa?",
        "Какую модель вы используете?",
        "您用的是什么模型？",
    ],
)
async def test_what_is_no_question_for_the_model_is_left(text: str) -> None:
    assert await fact_for(text, TOOLS, model="Qwen-7B") is None


async def asked_of(known: Known, *said: llm.ChatMessage, model: str | None = None) -> list[str]:
    """What the model is shown, message by message."""
    shown: list[llm.ChatContext] = []

    async def ask(chat_ctx: llm.ChatContext) -> AsyncGenerator[str, None]:
        shown.append(chat_ctx)
        yield "391."

    answer = known.answered(ask, llm.ChatContext([*said]), "en", model)
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


async def test_a_model_reads_its_own_name_beside_the_question_for_it() -> None:
    known = Known(load_agent("parley"), settings.load("cpu"))
    question = message("user", "Which model are you?")
    assert await asked_of(known, question, model="Qwen-7B") == [
        "From the settings: the language model is Qwen-7B.\n\nWhich model are you?"
    ]
    assert await asked_of(known, question) == ["Which model are you?"]


async def test_a_model_with_tools_calls_them_itself() -> None:
    known = Known(load_agent("parley"), settings.load("gpu"))
    assert await asked_of(known, *SAID) == ["You are Parley.", "What is 17 times 23?"]


async def test_nothing_is_told_where_nothing_was_asked() -> None:
    assert await told(llm.ChatContext([]), TOOLS) is None
    greeted = llm.ChatContext([SAID[1], message("assistant", "391.")])
    assert await told(greeted, TOOLS) is None

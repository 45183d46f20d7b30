"""Calls in text with a model of a script: ``python -m pytest`` in this folder."""

import csv
from pathlib import Path
from typing import Literal

import pytest

from agent.rehearsal import Call, rehearse

HERE = Path(__file__).parent
pytestmark = pytest.mark.asyncio

ORDER = {"order": "1077", "phone": "4455"}
"""One that can be returned."""


ENGLISH = {
    "delivery to Hong Kong": "eight to twelve",
    "refund, money back": "three to five working days",
    "warranty of the LED": "its LED of two",
    "open on Saturday": "on Saturday from ten to four",
}
CHINESE = {
    "配送到香港要多久": "八到十二个工作日",
    "什么时候退款": "三到五个工作日",
    "保修多少年": "每盏灯保修五年",
    "周六几点关门": "周六上午十点到下午四点",
}


@pytest.mark.parametrize(
    ("language", "greeting", "answers"),
    [
        ("en", "Fernlight, hello! How can I help?", ENGLISH),
        ("zh", "您好，这里是 Fernlight 灯具店。有什么可以帮您？", CHINESE),
    ],
)
async def test_it_speaks_two_languages_and_knows_its_documents_in_both(
    language: Literal["en", "zh"], greeting: str, answers: dict[str, str]
) -> None:
    lines = [line for query in answers for line in (Call("look_up", query=query), "I see.")]
    async with rehearse(HERE, *lines, language=language) as talk:
        assert talk.said == [greeting]
        for answer in answers.values():
            await talk.say("Do you know?")
            assert answer in talk.results[-1]


async def test_an_order_is_looked_up() -> None:
    async with rehearse(HERE, Call("find_order", order="1042", phone="0018"), "Soon.") as talk:
        await talk.say("Where is my order? It is 1042, and my number ends in 0018.")
        assert talk.results[0].startswith("two Fern desk lamps: arrives on ")


@pytest.mark.parametrize(("order", "phone"), [("1042", "4455"), ("9999", "0018")])
async def test_nobody_hears_of_an_order_that_is_not_theirs(order: str, phone: str) -> None:
    async with rehearse(HERE, Call("find_order", order=order, phone=phone), "Again?") as talk:
        await talk.say("Where is my order?")
        assert "There is no such order with that phone number" in talk.results[0]
        assert "lamp" not in talk.results[0]


@pytest.mark.parametrize(
    ("answer", "result"),
    [
        ("Yes, please.", "The return is under way. A label for a Moon floor lamp comes by e-mail"),
        ("No, wait.", "The user does not want that."),
    ],
)
async def test_a_return_is_started_after_a_yes_and_not_before(answer: str, result: str) -> None:
    start = Call("start_return", **ORDER, reason="too large")
    lines = (start, "All right.", Call("find_order", **ORDER), "Done.")
    async with rehearse(HERE, *lines) as talk:
        await talk.say("It is too large.")
        assert talk.said[-1] == "Shall I start the return of order 1077?"
        assert not talk.results
        await talk.say(answer)
        await talk.say("And what is with it now?")
        assert talk.results[0].startswith(result)
        assert ("under way" in talk.results[1]) is (answer == "Yes, please.")


@pytest.mark.parametrize(
    ("order", "why"), [("1003", "The 30 days for a return are over"), ("1042", "not arrived yet")]
)
async def test_a_return_that_cannot_be_is_refused_in_a_sentence(order: str, why: str) -> None:
    start = Call("start_return", order=order, phone="0018", reason="I do not like it")
    async with rehearse(HERE, start, "I am sorry.") as talk:
        await talk.say("I want to send it back.")
        await talk.say("Yes.")
        assert why in talk.results[0]


async def test_a_colleague_calls_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_CALLBACKS", str(tmp_path / "shop" / "callbacks.csv"))
    call = Call("request_callback", number="020 7946 0018", about="Two lamps came broken.")
    async with rehearse(HERE, call, "They will.", language="zh") as talk:
        await talk.say("我要找真人！")
        assert talk.said[-1] == "要请同事拨打020 7946 0018给您回电吗？"
        await talk.say("好的。")
        assert talk.results == ["It is noted. A colleague calls back within two opening hours."]
    rows = [*csv.reader((tmp_path / "shop" / "callbacks.csv").open(encoding="utf-8"))]
    assert [row[1:] for row in rows] == [["020 7946 0018", "Two lamps came broken."]]


async def test_nobody_is_promised_a_call_to_something_else_than_a_number() -> None:
    call = Call("request_callback", number="my office", about="A lamp.")
    async with rehearse(HERE, call, "Which number is it?") as talk:
        await talk.say("Call me back at my office.")
        await talk.say("Yes.")
        assert talk.results == ["That is not a telephone number: ask for it again."]

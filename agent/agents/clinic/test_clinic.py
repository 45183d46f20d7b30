"""The clinic in text: ``python -m pytest`` in this folder, or of it."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from agent.rehearsal import Call, rehearse

HERE = Path(__file__).parent
ANNA = {"name": "Anna Kowalski", "phone": "020 7946 0018"}
TEN = Call("book", day="tuesday", time="10:00", **ANNA)
QUESTION = (
    "Shall I book Tuesday 1 December at 10:00 for Anna Kowalski, K-O-W-A-L-S-K-I, "
    "telephone 020 7946 0018?"
)
pytestmark = pytest.mark.asyncio


@pytest.fixture(autouse=True)
def diary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty one, on a Monday."""
    monkeypatch.setenv("CLINIC_DIARY", str(tmp_path / "diary"))
    monkeypatch.setenv("CLINIC_TODAY", "2026-11-30")
    return tmp_path / "diary"


def entries(diary: Path) -> list[tuple[str, str]]:
    with closing(sqlite3.connect(diary)) as file:
        return file.execute("SELECT at, owner FROM diary ORDER BY at").fetchall()


@pytest.mark.parametrize(
    ("day", "free"),
    [
        ("Tuesday", "Tuesday 01 December 2026: 09:00, 09:30, 10:00, 10:30, 11:00, 11:30, 13:00, "),
        ("monday", "Monday 07 December 2026: 09:00, "),
        ("tomorrow", "Tuesday 01 December 2026: 09:00, "),
        ("2026-12-05", "Saturday 05 December 2026: 09:00, 09:30, 10:00, 10:30, 11:00, 11:30"),
        ("sunday", "Sunday 06 December 2026: nothing is free"),
        ("2026-11-30", "2026-11-30 is not within the next 90 days: today is Monday 30 November"),
        ("2027-03-01", "2027-03-01 is not within the next 90 days"),
        ("2027-02-30", "find_slots cannot do that: day is out of range for month"),
        ("soon", "find_slots cannot do that: Invalid isoformat string: 'soon'"),
    ],
)
async def test_the_diary_is_open_when_the_clinic_is(day: str, free: str) -> None:
    async with rehearse(HERE, Call("find_slots", day=day), "Ten?") as talk:
        await talk.say("When can I come?")
        assert talk.results[0].startswith(free)


async def test_a_yes_books_what_was_read_back(diary: Path) -> None:
    async with rehearse(HERE, TEN, "Done.", Call("find_slots", day="tuesday"), "No.") as talk:
        await talk.say("Tuesday at ten, please.")
        assert talk.said[-1] == QUESTION
        assert entries(diary) == []
        await talk.say("Yes, please.")
        assert talk.results == ["Booked for Tuesday 1 December at 10:00."]
        await talk.say("Is ten still free?")
        assert "10:00" not in talk.results[-1]
    assert entries(diary) == [("2026-12-01 10:00:00", "anna kowalski 02079460018")]


async def test_a_no_books_nothing(diary: Path) -> None:
    async with rehearse(HERE, TEN, "What shall I change?") as talk:
        await talk.say("Tuesday at ten, please.")
        await talk.say("No, wait.")
        assert talk.results == ["The user does not want that."]
    assert entries(diary) == []


@pytest.mark.parametrize("time", ["12:30", "8:00", "10:15", "ten"])
async def test_nobody_is_asked_about_a_time_that_there_is_not(time: str) -> None:
    call = Call("book", day="tuesday", time=time, **ANNA)
    async with rehearse(HERE, call, "That is not free.") as talk:
        await talk.say("Tuesday, please.")
        assert talk.said[1:] == ["That is not free."]
        assert talk.results[0].startswith("That is not free. Tuesday 01 December 2026: 09:00")


async def test_it_is_moved_and_cancelled_by_those_who_made_it(diary: Path) -> None:
    lines = (
        *(TEN, "Booked."),
        *(Call("book", day="friday", time="9:00", **ANNA), "You have one."),
        *(Call("move", day="friday", time="9:00", **{**ANNA, "phone": "020 7946 0019"}), "Who?"),
        *(
            Call("move", day="friday", time="9:00", name="anna kowalski", phone="02079460018"),
            "Ok.",
        ),
        *(Call("cancel", **ANNA), "Gone."),
    )
    async with rehearse(HERE, *lines) as talk:
        for said in ("Tuesday at ten.", "Yes.", "And Friday.", "Then move it.", "It is mine."):
            await talk.say(said)
        assert talk.results[1:] == [
            "They have an appointment already, which can be moved.",
            "There is no appointment by that name and number: have them repeated.",
        ]
        assert talk.said[-1] == (
            "Shall I move your appointment from Tuesday 1 December at 10:00 to Friday 4 December "
            "at 09:00?"
        )
        await talk.say("Yes.")
        assert entries(diary) == [("2026-12-04 09:00:00", "anna kowalski 02079460018")]
        await talk.say("No, cancel it.")
        assert talk.said[-1] == "Shall I cancel the appointment of Anna Kowalski?"
        await talk.say("Yes.")
    assert entries(diary) == []


async def test_a_chinese_caller_is_asked_in_chinese() -> None:
    call = Call("book", day="tuesday", time="14:30", name="王芳", phone="13800138000")
    async with rehearse(HERE, call, "约好了。", language="zh") as talk:
        await talk.say("星期二下午两点半。")
        assert talk.said[-1] == "要预约12月1日星期二，14:30，姓名王芳，电话138 0013 8000，对吗？"
        await talk.say("对的。")
        assert talk.results[0].startswith("Booked")


@pytest.mark.parametrize(
    ("language", "words", "notice"),
    [
        ("en", "I've had chest pain since this morning.", "call 999 now"),
        ("en", "My husband can't breathe!", "call 999 now"),
        ("zh", "我胸口很痛。", "拨打120"),
        ("zh", "他呼吸困难。", "拨打120"),
    ],
)
async def test_an_emergency_is_not_left_to_a_model(language: str, words: str, notice: str) -> None:
    async with rehearse(HERE, language=language) as talk:  # type: ignore[arg-type]
        await talk.say(words)
        assert notice in talk.said[-1]
        assert talk.model.asked == []


@pytest.mark.parametrize("words", ["My chest of drawers arrived.", "I can breathe again."])
async def test_other_words_are_the_models(words: str) -> None:
    async with rehearse(HERE, "Good.") as talk:
        await talk.say(words)
        assert talk.said[-1] == "Good."

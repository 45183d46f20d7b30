"""The clinic's diary: free times, booking, moving, cancelling; and what is said in an emergency."""

import os
import re
import sqlite3
from collections.abc import AsyncGenerator
from contextlib import aclosing, closing
from datetime import date, datetime, timedelta
from tempfile import TemporaryDirectory
from typing import Any

from livekit.agents import FlushSentinel, ModelSettings, llm

from agent.authoring import Assistant, ToolError, confirm

UNNAMED = TemporaryDirectory()  # where the diary is without CLINIC_DIARY: it ends with the call
HOURS = [(9, 10, 11, 13, 14, 15, 16)] * 5 + [(9, 10, 11), ()]  # Monday to Sunday
URGENT = re.compile(
    r"chest (?:pain|hurts)|pains? in my chest|heart attack|can(?:'t|not) breathe|unconscious|stroke"
    r"|胸口?(?:很|好|有点)?[疼痛闷]|喘不[过上]|呼吸困难|昏迷|中风|大出血",
    re.IGNORECASE,
)
NOTICE = {
    "en": "That may be an emergency. Please hang up, and call 999 now.",
    "zh": "这可能是急症。请马上挂断，拨打120。",
}


class Clinic(Assistant):
    """Says by itself, whatever the model, what must not be left out."""

    async def llm_node(
        self, chat_ctx: llm.ChatContext, tools: list[llm.Tool], model_settings: ModelSettings
    ) -> AsyncGenerator[llm.ChatChunk | str | FlushSentinel, None]:
        """Answer an emergency with the number to call."""
        last = chat_ctx.items[-1]
        if (
            last.type == "message"
            and last.role == "user"
            and URGENT.search(last.text_content or "")
        ):
            yield NOTICE["zh" if self.session.userdata.spoken_language() == "zh" else "en"]
            return
        async with aclosing(super().llm_node(chat_ctx, tools, model_settings)) as answer:
            async for chunk in answer:
                yield chunk


def find_slots(day: str) -> str:
    """Tell when an appointment is free.

    Args:
        day: A weekday in English, tomorrow, or a date such as 2026-12-01.
    """
    on = _date(day)
    return f"{on:%A %d %B %Y}: {', '.join(_free(on)) or 'nothing is free'}"


def _may_book(day: str, time: str, name: str, phone: str) -> dict[str, str]:
    at, last, digits = _spoken(_slot(day, time)), name.split()[-1], re.sub(r"\D", "", phone)
    if _diary("SELECT at FROM diary WHERE owner = ?", _owner(name, phone)):
        raise ToolError("They have an appointment already, which can be moved.")
    who = f"{name}, {'-'.join(last.upper())}" if last.isascii() else name  # letter by letter
    number = f"{digits[:-8]} {digits[-8:-4]} {digits[-4:]}"  # in groups
    return {
        "en": f"Shall I book {at['en']} for {who}, telephone {number}?",
        "zh": f"要预约{at['zh']}，姓名{who}，电话{number}，对吗？",
    }


@confirm(_may_book)
def book(day: str, time: str, name: str, phone: str) -> str:
    """Book an appointment.

    Args:
        day: As for find_slots.
        time: When it begins, such as 14:30.
        name: The patient's first and last name.
        phone: Their telephone number.
    """
    at = _slot(day, time)
    _diary("INSERT INTO diary VALUES (?, ?)", f"{at}", _owner(name, phone))
    return f"Booked for {_spoken(at)['en']}."


def _may_move(name: str, phone: str, day: str, time: str) -> dict[str, str]:
    old, new = _spoken(_own(name, phone)), _spoken(_slot(day, time))
    return {
        "en": f"Shall I move your appointment from {old['en']} to {new['en']}?",
        "zh": f"要把您的预约从{old['zh']}改到{new['zh']}吗？",
    }


@confirm(_may_move)
def move(name: str, phone: str, day: str, time: str) -> str:
    """Move the patient's appointment to another day or time, which are given as for book."""
    at = _slot(day, time)
    _diary("UPDATE diary SET at = ? WHERE owner = ?", f"{at}", _owner(name, phone))
    return f"Moved to {_spoken(at)['en']}."


def _may_cancel(name: str, phone: str) -> dict[str, str]:
    at = _spoken(_own(name, phone))
    return {"en": f"Shall I cancel {at['en']}?", "zh": f"要取消{at['zh']}的预约吗？"}


@confirm(_may_cancel)
def cancel(name: str, phone: str) -> str:
    """Cancel the patient's appointment."""
    _diary("DELETE FROM diary WHERE owner = ?", _owner(name, phone))
    return "Cancelled."


def _diary(sql: str, *values: str) -> list[Any]:
    file = os.environ.get("CLINIC_DIARY") or f"{UNNAMED.name}/diary.sqlite3"
    with closing(sqlite3.connect(file)) as diary, diary:
        diary.execute("CREATE TABLE IF NOT EXISTS diary (at TEXT PRIMARY KEY, owner TEXT UNIQUE)")
        return diary.execute(sql, values).fetchall()


def _date(day: str) -> date:
    today = date.fromisoformat(os.environ.get("CLINIC_TODAY") or f"{date.today()}")
    week = [today + timedelta(n) for n in range(1, 8)]
    on = {f"{each:%A}".lower(): each for each in week} | {"tomorrow": week[0]}
    found = on.get(day.lower()) or date.fromisoformat(day)
    if not today < found < today + timedelta(90):
        raise ToolError(f"{found} is not within the next 90 days: today is {today:%A %d %B %Y}.")
    return found


def _free(on: date) -> list[str]:
    taken = [row[0] for row in _diary("SELECT at FROM diary")]
    slots = [f"{hour:02}:{minute}" for hour in HOURS[on.weekday()] for minute in ("00", "30")]
    return [slot for slot in slots if f"{on} {slot}:00" not in taken]


def _slot(day: str, time: str) -> datetime:
    if f"{time:0>5}" not in _free(_date(day)):
        raise ToolError(f"That is not free. {find_slots(day)}.")
    return datetime.fromisoformat(f"{_date(day)} {time:0>5}")


def _owner(name: str, phone: str) -> str:
    return f"{name.casefold()} {re.sub(r'[^0-9]', '', phone)}"


def _own(name: str, phone: str) -> datetime:
    found = _diary("SELECT at FROM diary WHERE owner = ?", _owner(name, phone))
    if not found:
        raise ToolError("There is no appointment by that name and number: have them repeated.")
    return datetime.fromisoformat(found[0][0])


def _spoken(at: datetime) -> dict[str, str]:
    zh = f"{at.month}月{at.day}日星期{'一二三四五六日'[at.weekday()]}，{at:%H:%M}"
    return {"en": f"{at:%A} {at.day} {at:%B} at {at:%H:%M}", "zh": zh}

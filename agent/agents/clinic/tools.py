"""The clinic's diary: free times, booking, moving, cancelling; and what is said in an emergency."""

import os
import re
import sqlite3
from collections.abc import AsyncGenerator
from contextlib import aclosing, closing
from datetime import date, datetime, timedelta
from tempfile import TemporaryDirectory

from livekit.agents import FlushSentinel, ModelSettings, llm

from agent.authoring import Assistant, ToolError, confirm

HOURS = [(9, 10, 11, 13, 14, 15, 16)] * 5 + [(9, 10, 11), ()]  # Monday to Sunday
UNNAMED = TemporaryDirectory()  # where the diary is without CLINIC_DIARY: it ends with the process
URGENT = "chest pain|chest hurts|heart attack|can't breathe|cannot breathe|unconscious|a stroke"
URGENT_ZH = "胸痛|胸口[很好]?[痛疼]|心脏病发|喘不过气|呼吸困难|昏迷|中风"
NOTICE, NOTICE_ZH = "It may be an emergency: please call 999 now.", "这可能是急症，请马上拨打120。"


class Clinic(Assistant):
    """Says by itself, whatever the model, what must not be left out."""

    async def llm_node(
        self, chat_ctx: llm.ChatContext, tools: list[llm.Tool], model_settings: ModelSettings
    ) -> AsyncGenerator[llm.ChatChunk | str | FlushSentinel, None]:
        """Answer an emergency with the number to call."""
        last = chat_ctx.items[-1]
        said = last.text_content or "" if last.type == "message" else ""
        if re.search(f"(?i){URGENT}|{URGENT_ZH}", said):
            yield NOTICE_ZH if self.session.userdata.spoken_language() == "zh" else NOTICE
            return
        async with aclosing(super().llm_node(chat_ctx, tools, model_settings)) as answer:
            async for chunk in answer:
                yield chunk


def find_slots(day: str) -> str:
    """Tell when a day has free times: a weekday in English, tomorrow, or such as 2026-12-01."""
    on, free = _free(day)
    return f"{on:%A %d %B %Y}: {', '.join(free) or 'nothing is free'}"


def _may_book(day: str, time: str, name: str, phone: str) -> dict[str, str]:
    (en, zh), last, digits = _spoken(_slot(day, time)), name.split()[-1], re.sub(r"\D", "", phone)
    if _diary("SELECT at FROM diary WHERE owner = ?", _owner(name, phone)):
        raise ToolError("They have an appointment already, which can be moved.")
    who = f"{name}, {'-'.join(last.upper())}" if last.isascii() else name  # letter by letter
    number = f"{digits[:-8]} {digits[-8:-4]} {digits[-4:]}"  # in groups
    return {
        "en": f"Shall I book {en} for {who}, telephone {number}?",
        "zh": f"要预约{zh}，姓名{who}，电话{number}，对吗？",
    }


@confirm(_may_book)
def book(day: str, time: str, name: str, phone: str) -> str:
    """Book an appointment for a day as for find_slots, and a time such as 14:30."""
    at = _slot(day, time)
    _diary("INSERT INTO diary VALUES (?, ?)", f"{at}", _owner(name, phone))
    return f"Booked for {_spoken(at)[0]}."


def _may_move(name: str, phone: str, day: str, time: str) -> dict[str, str]:
    (old, old_zh), (new, new_zh) = _spoken(_own(name, phone)), _spoken(_slot(day, time))
    zh = f"要把您的预约从{old_zh}改到{new_zh}吗？"
    return {"en": f"Shall I move your appointment from {old} to {new}?", "zh": zh}


@confirm(_may_move)
def move(name: str, phone: str, day: str, time: str) -> str:
    """Move the patient's appointment to another day and time, which are given as for book."""
    at = _slot(day, time)
    _diary("UPDATE diary SET at = ? WHERE owner = ?", f"{at}", _owner(name, phone))
    return f"Moved to {_spoken(at)[0]}."


@confirm("Shall I cancel the appointment of {name}?", zh="要取消{name}的预约吗？")
def cancel(name: str, phone: str) -> str:
    """Cancel the patient's appointment."""
    at = _own(name, phone)
    _diary("DELETE FROM diary WHERE owner = ?", _owner(name, phone))
    return f"Cancelled: {_spoken(at)[0]}."


def _diary(sql: str, *values: str) -> list[tuple[str]]:
    file = os.environ.get("CLINIC_DIARY") or f"{UNNAMED.name}/diary"
    with closing(sqlite3.connect(file)) as diary, diary:
        diary.execute("CREATE TABLE IF NOT EXISTS diary (at TEXT PRIMARY KEY, owner TEXT UNIQUE)")
        return diary.execute(sql, values).fetchall()


def _free(day: str) -> tuple[date, list[str]]:
    today = date.fromisoformat(os.environ.get("CLINIC_TODAY") or f"{date.today()}")
    week = [today + timedelta(n) for n in range(1, 8)]
    near = {f"{each:%A}".lower(): each for each in week} | {"tomorrow": week[0]}
    on = near.get(day.lower()) or date.fromisoformat(day)
    if not today < on < today + timedelta(90):
        raise ToolError(f"{on} is not within the next 90 days: today is {today:%A %d %B %Y}.")
    taken = [row[0] for row in _diary("SELECT at FROM diary")]
    slots = [f"{hour:02}:{minute}" for hour in HOURS[on.weekday()] for minute in ("00", "30")]
    return on, [slot for slot in slots if f"{on} {slot}:00" not in taken]


def _slot(day: str, time: str) -> datetime:
    on, free = _free(day)
    if f"{time:0>5}" not in free:
        raise ToolError(f"That is not free. {find_slots(day)}.")
    return datetime.fromisoformat(f"{on} {time:0>5}")


def _owner(name: str, phone: str) -> str:
    return f"{name.casefold()} {re.sub(r'[^0-9]', '', phone)}"


def _own(name: str, phone: str) -> datetime:
    if not (found := _diary("SELECT at FROM diary WHERE owner = ?", _owner(name, phone))):
        raise ToolError("There is no appointment by that name and number: have them repeated.")
    return datetime.fromisoformat(found[0][0])


def _spoken(at: datetime) -> tuple[str, str]:
    zh = f"{at.month}月{at.day}日星期{'一二三四五六日'[at.weekday()]}，{at:%H:%M}"
    return f"{at:%A} {at.day} {at:%B} at {at:%H:%M}", zh

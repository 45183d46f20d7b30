"""What callers meet outside business hours, without a model."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from agent.phone_settings import PhoneSettings
from agent.telephony.night import night_of
from harness.caller import Caller

from .conftest import Converse
from .fakes import SETTINGS

OFFICE = {"zone": "Europe/London", "open": {"mon": ["09:00-17:30"]}}
NEVER = {"zone": "Europe/London", "open": {}}
MONDAY = datetime(2026, 11, 30, 10, 0, tzinfo=UTC)
NIGHT = datetime(2026, 11, 30, 20, 0, tzinfo=UTC)
SAYS = {"en": "We are closed.", "zh": "我们已经下班了。"}


def phone(**night: Any) -> PhoneSettings:
    said = {"outside": "office", "says": SAYS} | night
    return PhoneSettings.model_validate({"hours": {"office": OFFICE}, "night": said})


@pytest.mark.parametrize(
    ("night", "number", "at", "closed"),
    [
        ({}, "+442079460018", NIGHT, True),
        ({}, "+442079460018", MONDAY, False),
        ({}, None, NIGHT, True),
        ({"numbers": ["+442079460018"]}, "+442079460018", NIGHT, True),
        ({"numbers": ["+442079460018"]}, "00442079460018", NIGHT, True),
        ({"numbers": ["+442079460018"]}, "+442079460019", NIGHT, False),
        ({"numbers": ["+442079460018"]}, None, NIGHT, False),
    ],
)
def test_the_hours_say_when_it_is_night(
    night: dict[str, Any], number: str | None, at: datetime, closed: bool
) -> None:
    assert bool(night_of(phone(**night), number, at)) is closed


def test_without_the_setting_it_is_never_night() -> None:
    assert night_of(PhoneSettings(), "100", NIGHT) is None


def test_who_speaks_another_language_hears_the_first() -> None:
    night = phone().night
    assert night
    assert (night.text("zh"), night.text("de")) == (SAYS["zh"], SAYS["en"])


@pytest.mark.parametrize(
    ("night", "part"),
    [
        ({"outside": "offices"}, r"night: there are no hours offices \(office\)"),
        ({"says": {}}, "at least 1 item"),
        ({"says": {"sv": "Hej"}}, "Input should be"),
        ({"numbers": ["sip:x"]}, "should match pattern"),
    ],
)
def test_a_wrong_night_is_refused(night: dict[str, Any], part: str) -> None:
    with pytest.raises(ValidationError, match=part):
        phone(**night)


def closed(**night: Any) -> PhoneSettings:
    said = {"outside": "office", "says": SAYS} | night
    own = {"hours": {"office": NEVER}, "night": said, "answer_timeout": 3.0}
    return PhoneSettings.model_validate(SETTINGS.model_dump() | own)


async def until(over: asyncio.Event, caller: Caller) -> None:
    async with asyncio.timeout(30):
        while not over.is_set():
            await caller.tick()


rooms = [pytest.mark.room, pytest.mark.asyncio(loop_scope="session")]


class TestInARoom:
    pytestmark = rooms

    async def test_the_message_is_said_and_the_call_ends_without_a_model(
        self, converse: Converse
    ) -> None:
        async with converse("never said", settings=closed()) as call:
            await until(call.closed, call.caller)
            assert call.tts.said == ["We are closed."]
            assert call.llm.asked == []

"""What callers meet outside business hours, without a model."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest
from pydantic import ValidationError

from agent.bridge.media_control import StreamKeys
from agent.goodbye import stop_after_a_word
from agent.phone_settings import PhoneSettings
from agent.post_call import Outbox
from agent.post_call_settings import PostCallSettings
from agent.telephony.call import Call
from agent.telephony.night import NightMessage, night_of
from harness.caller import Caller
from harness.stage import about, lasting, stage
from harness.virtual_time import in_virtual_time

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


class Line(Call):
    """A call over a media stream at night, of a session that is begun after it is made."""

    def __init__(self, says: str = SAYS["en"], callback: bool = True) -> None:
        super().__init__(SETTINGS, cast(Any, None), cast(Any, None), "en")
        self.noted = 0
        night = phone(says={"en": says}, callback=callback).night
        assert night
        self.agent = NightMessage(night, self, None, self.note)

    def begin(self, session: Any) -> None:
        self.session, self.keys = session, StreamKeys(session)

    def press(self, key: str) -> None:
        cast(StreamKeys, self.keys).press(key)

    async def note(self) -> None:
        self.noted += 1

    def music(self) -> Any:
        return contextlib.nullcontext()


LONG = "We are closed, " + "and so is the shop " * 20 + "until tomorrow."


@in_virtual_time
async def test_keys_over_the_message_are_no_answer() -> None:
    line = Line()
    async with stage("Never said.", agent=line.agent, before=line.begin) as talk:
        await talk.at(0.5)
        for key in "1#2":
            line.press(key)
        await talk.at(lasting(SAYS["en"]) + 1.0)
        assert talk.words == [SAYS["en"]]
        assert talk.when(SAYS["en"]) == about(lasting(SAYS["en"]))
        await talk.at(60.0)
        line.press("1")  # it was on its way
        line.press("#")
    assert line.noted == 0
    assert talk.llm.asked == []
    assert talk.closed


@pytest.mark.parametrize("callback", [True, False])
@in_virtual_time
async def test_a_server_that_stops_cuts_the_message_off_with_a_word(callback: bool) -> None:
    line = Line(LONG, callback)
    async with stage(agent=line.agent, before=line.begin) as talk:
        await talk.at(1.0)
        await stop_after_a_word(talk.session, lambda: "Sorry, we have to stop here.")
        await talk.at(30.0)
    cut, goodbye = talk.words
    assert LONG.startswith(cut)
    assert goodbye == "Sorry, we have to stop here."
    assert talk.closed


@in_virtual_time
async def test_a_caller_may_hang_up_while_it_is_noted(caplog: pytest.LogCaptureFixture) -> None:
    class Gone(Line):
        async def note(self) -> None:
            await super().note()
            self.hang_up()
            await asyncio.sleep(5.0)

    line = Gone()
    with caplog.at_level(logging.WARNING):
        async with stage(agent=line.agent, before=line.begin) as talk:
            await talk.at(10.0)
            line.press("1")
            await talk.at(40.0)
    assert line.noted == 1
    assert talk.closed
    assert [each.getMessage() for each in caplog.records] == []


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

    async def test_who_presses_1_is_called_back(
        self, converse: Converse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("PARLEY_STATE", str(tmp_path / "state"))
        kept = PostCallSettings(folder=tmp_path / "calls")
        async with converse("never said", settings=closed(callback=True), post_call=kept) as call:
            await call.says("call you back")
            await call.caller.press("1")
            await until(call.closed, call.caller)
            assert "we will call you back" in " ".join(call.tts.said)
            assert call.llm.asked == []
        outbox = Outbox()
        (parcel,) = await outbox.waiting()
        await outbox.aclose()
        assert parcel.record["type"] == "callback.requested"
        assert parcel.record["number"] == "+442079460018"

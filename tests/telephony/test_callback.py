"""Somebody wants to be called back: on which number, and who is told."""

from __future__ import annotations

import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from livekit.agents import ToolError

from agent.phone_settings import PhoneSettings
from agent.post_call import Outbox, OutboxError
from agent.post_call_settings import PostCallSettings
from agent.telephony import details as details_module
from agent.telephony import night
from agent.telephony.arrival import User
from agent.telephony.call_control import CallControl
from agent.telephony.details import Details
from agent.telephony.sip_call import SipCall
from agent.telephony.tools import PhoneTools

from .conftest import CALL
from .fakes import SETTINGS, Server, dialler


class Control:
    """A call whose caller answers what a test says."""

    language = "en"
    keys = None

    def __init__(self, post_call: PostCallSettings | None, number: str | None, digits: str) -> None:
        self.settings = SETTINGS.model_copy(update={"tools": ["hang_up", "request_callback"]})
        self.dialler = SimpleNamespace(details=Details(post_call, "call_1", "AJ_1", "clinic"))
        self.sip_call = SipCall("sip_caller", "SCL_1", number, "+442079460018")
        self._digits = digits
        self.asked = 0

    async def ask(self, _: Any) -> str:
        self.asked += 1
        return self._digits


def tools(control: Control) -> Any:
    return PhoneTools(cast(Any, control))


@pytest.fixture
def post_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PostCallSettings:
    monkeypatch.setenv("PARLEY_STATE", str(tmp_path / "state"))
    return PostCallSettings(folder=tmp_path / "calls")


async def noted() -> list[dict[str, Any]]:
    outbox = Outbox()
    try:
        return [parcel.record for parcel in await outbox.waiting()]
    finally:
        await outbox.aclose()


WISH = {"reason": "A kettle that leaks.", "when": "tomorrow at nine"}


@pytest.mark.parametrize(
    ("number", "digits", "called", "asked"),
    [
        ("+12025550143", "", "+12025550143", 0),
        (None, "02079460999", "+442079460999", 1),
        (None, "00442079460999", "+442079460999", 1),
        (None, "123456", "123456", 1),
    ],
)
async def test_a_request_goes_where_the_records_go(
    number: str | None,
    digits: str,
    called: str,
    asked: int,
    post_call: PostCallSettings,
    caplog: pytest.LogCaptureFixture,
) -> None:
    control = Control(post_call, number, digits)
    with caplog.at_level(logging.INFO):
        answer = await tools(control).request_callback(**WISH)
    (record,) = await noted()
    assert (record["type"], record["number"]) == ("callback.requested", called)
    assert (record["reason"], record["when"]) == (WISH["reason"], WISH["when"])
    assert (record["agent"], record["record"]) == ("clinic", "call_AJ_1")
    assert control.asked == asked
    assert answer.endswith(f"ending in {called[-2:]}.")
    assert "kettle" not in caplog.text


@pytest.mark.parametrize("wrong", [{"reason": " "}, {"reason": "x" * 501}, {"when": ""}])
async def test_a_request_without_words_is_none(
    wrong: dict[str, str], post_call: PostCallSettings
) -> None:
    with pytest.raises(ToolError, match="must have from 1 to"):
        await tools(Control(post_call, None, "")).request_callback(**{**WISH, **wrong})
    assert await noted() == []


async def test_the_model_is_told_that_it_was_not_noted(
    post_call: PostCallSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: Any) -> None:
        raise OutboxError("the disk is full")

    monkeypatch.setattr(details_module, "hand_over_detail", broken)
    with pytest.raises(ToolError, match="could not be noted"):
        await tools(Control(post_call, "+12025550143", "")).request_callback(**WISH)


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ({"folder": "calls"}, True),
        ({"summary": False, "database": "sqlite:///calls.sqlite3"}, True),
        (None, False),
        ({"summary": False}, False),
        ({"summary": True, "numbers": True}, False),
    ],
)
def test_the_tool_is_offered_only_where_somebody_gets_the_request(
    sent: dict[str, Any] | None, kept: bool
) -> None:
    post_call = None if sent is None else PostCallSettings.model_validate(sent)
    names = [tool.id for tool in tools(Control(post_call, None, "")).offered()]
    assert names == ["hang_up", *(["request_callback"] if kept else [])]


@pytest.mark.parametrize("kept", [True, False])
async def test_at_night_it_is_offered_only_where_somebody_gets_the_request(
    kept: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    offered: list[bool] = []

    def message(_night: object, _call: object, _wait: object, note: object) -> None:
        offered.append(note is not None)

    monkeypatch.setattr(night, "NightMessage", message)
    never = {"hours": {"office": {"zone": "Europe/London", "open": {}}}}
    closed = {"night": {"outside": "office", "says": {"en": "We are closed."}, "callback": True}}
    phone = PhoneSettings.model_validate(never | closed)
    sent = PostCallSettings(summary=False, folder=tmp_path if kept else None)
    room: Any = SimpleNamespace(on=lambda *_: None, off=lambda *_: None)
    user = User("sip_caller", "en", SipCall.from_attributes("sip_caller", CALL))
    dials = dialler(tmp_path, Server().api, phone, "call_1", sent)
    nobody, now = cast(Any, None), night.night_for(phone, user)
    assert now
    control = CallControl(phone, room, nobody, nobody, user, dials)
    night.message_in_room(now, control)
    await control.aclose()
    assert offered == [kept]

from __future__ import annotations

import logging

import pytest
from livekit import api

from agent.settings import PhoneSettings
from agent.telephony.budget import CallBudget
from agent.telephony.dial import Dialler, NoAnswer
from agent.telephony.numbers import NotAllowed

from .fakes import SETTINGS, Server


def dialler(server: Server, settings: PhoneSettings = SETTINGS) -> Dialler:
    return Dialler(settings, server.api, CallBudget(settings))


async def test_a_call_is_placed_through_the_named_trunk_and_bounded_by_the_service() -> None:
    server = Server()
    await dialler(server).dial("+1 (202) 555-0143", room="r", identity="callee")
    (request,) = server.sip.asked
    assert request == api.CreateSIPParticipantRequest(
        sip_trunk_id="ST_1",
        sip_call_to="+12025550143",
        room_name="r",
        participant_identity="callee",
        wait_until_answered=True,
        ringing_timeout=request.ringing_timeout,
        max_call_duration=request.max_call_duration,
    )
    assert request.ringing_timeout.ToTimedelta().total_seconds() == 30
    assert request.max_call_duration.ToTimedelta().total_seconds() == 30 * 60


@pytest.mark.parametrize("number", ["+882512345678", "100", "sip:a@b.example"])
async def test_no_request_leaves_for_a_number_that_may_not_be_called(number: str) -> None:
    server = Server()
    with pytest.raises(NotAllowed):
        await dialler(server).dial(number, room="r", identity="callee")
    assert server.sip.asked == []


async def test_a_destination_of_the_profile_needs_no_prefix() -> None:
    server = Server()
    settings = SETTINGS.model_copy(update={"prefixes": []})
    await dialler(server, settings).dial("+442079460018", room="r", identity="c")
    assert server.sip.asked[0].sip_call_to == "+442079460018"


@pytest.mark.parametrize("trunk", [None, "gone"])
async def test_without_its_trunk_no_call_is_placed(trunk: str | None) -> None:
    server = Server()
    settings = SETTINGS.model_copy(update={"trunk": trunk})
    with pytest.raises(NotAllowed, match="trunk"):
        await dialler(server, settings).dial("+12025550143", room="r", identity="c")
    assert server.sip.asked == []


async def test_calls_and_transfers_share_the_calls_of_a_minute() -> None:
    server = Server()
    phone = dialler(server)
    await phone.dial("+12025550143", room="r", identity="a")
    await phone.transfer("+442079460018", room="r", identity="b")
    with pytest.raises(NotAllowed, match="within a minute"):
        await phone.dial("+12025550143", room="r", identity="c")
    with pytest.raises(NotAllowed, match="within a minute"):
        await phone.transfer("+442079460018", room="r", identity="d")
    assert len(server.sip.asked) == 2


@pytest.mark.parametrize(
    ("failure", "why"),
    [
        (
            api.SipCallError(
                "unavailable",
                "sip status 486",
                status=503,
                metadata={"sip_status_code": "486", "sip_status": "Busy Here"},
            ),
            "Busy Here",
        ),
        (TimeoutError(), "no answer"),
        (api.TwirpError("not_found", "no response from servers", status=404), "no answer"),
    ],
)
async def test_a_call_that_is_not_taken_says_why_and_no_log_tells_the_number(
    failure: Exception, why: str, caplog: pytest.LogCaptureFixture
) -> None:
    server = Server()
    server.sip.failure = failure
    with caplog.at_level(logging.DEBUG), pytest.raises(NoAnswer, match=why):
        await dialler(server).dial("+12025550143", room="r", identity="c")
    told = " ".join(str(vars(record)) for record in caplog.records)
    assert "***43" in told
    assert "2025550143" not in told


@pytest.mark.parametrize(
    ("address", "uri"),
    [
        ("+442079460018", "tel:+442079460018"),
        ("sip:workshop@pbx.example.org", "sip:workshop@pbx.example.org"),
    ],
)
async def test_a_transfer_refers_the_caller_elsewhere(address: str, uri: str) -> None:
    server = Server()
    await dialler(server).transfer(address, room="r", identity="sip_caller")
    (request,) = server.sip.asked
    assert (request.room_name, request.participant_identity) == ("r", "sip_caller")
    assert request.transfer_to == uri


async def test_a_transfer_that_failed_without_an_error_is_no_success() -> None:
    server = Server()
    server.sip.transfer.status = api.SIPTransferStatus.STS_TRANSFER_FAILED
    with pytest.raises(NoAnswer):
        await dialler(server).transfer("+442079460018", room="r", identity="sip_caller")

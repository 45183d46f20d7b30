from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import aiohttp
import pytest
from livekit import api

from agent.phone_settings import PhoneSettings
from agent.telephony.dial import Dialler
from agent.telephony.ledger import Attempt, Ledger
from agent.telephony.ledger.sqlite_store import SqliteStore
from agent.telephony.no_answer import NoAnswer
from agent.telephony.numbers import NotAllowed

from . import fakes
from .fakes import SETTINGS, Server

Dials = Callable[..., Dialler]


@pytest.fixture
async def dials(tmp_path: Path) -> AsyncIterator[Dials]:
    """Makes the dialler of a job; all have one ledger."""
    made: list[Dialler] = []

    def dials(server: Server, settings: PhoneSettings = SETTINGS) -> Dialler:
        made.append(fakes.dialler(tmp_path, server.api, settings, "conversation"))
        return made[-1]

    yield dials
    for dialler in made:
        await dialler.aclose()
        await dialler.aclose()


async def kept(folder: Path) -> list[Attempt]:
    ledger = Ledger(SqliteStore(folder / "attempts.sqlite3"), SETTINGS)
    try:
        return await ledger.since(60.0)
    finally:
        await ledger.aclose()


async def test_a_call_is_placed_through_the_named_trunk_and_bounded_by_the_service(
    dials: Dials,
) -> None:
    server = Server()
    await dials(server).dial("+1 (202) 555-0143", order="program", room="r", identity="callee")
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
    # Three minutes a day, of which nothing was called yet.
    assert request.max_call_duration.ToTimedelta().total_seconds() == 3 * 60


@pytest.mark.parametrize("number", ["+882512345678", "100", "sip:a@b.example"])
async def test_no_request_leaves_for_a_number_that_may_not_be_called(
    number: str, dials: Dials
) -> None:
    server = Server()
    with pytest.raises(NotAllowed):
        await dials(server).dial(number, order="program", room="r", identity="callee")
    assert server.sip.asked == []


async def test_a_destination_of_the_profile_needs_no_prefix(dials: Dials) -> None:
    server = Server()
    settings = SETTINGS.model_copy(update={"prefixes": []})
    await dials(server, settings).dial("+442079460018", order="program", room="r", identity="c")
    assert server.sip.asked[0].sip_call_to == "+442079460018"


@pytest.mark.parametrize("trunk", [None, "gone"])
async def test_without_its_trunk_no_call_is_placed(trunk: str | None, dials: Dials) -> None:
    server = Server()
    settings = SETTINGS.model_copy(update={"trunk": trunk})
    with pytest.raises(NotAllowed, match="trunk"):
        await dials(server, settings).dial("+12025550143", order="program", room="r", identity="c")
    assert server.sip.asked == []


async def test_calls_and_transfers_share_the_calls_of_a_minute(dials: Dials) -> None:
    server = Server()
    phone = dials(server)
    await phone.dial("+12025550143", order="program", room="r", identity="a")
    await phone.transfer("+442079460018", room="r", identity="b")
    with pytest.raises(NotAllowed, match="within a minute"):
        await phone.dial("+12025550143", order="program", room="r", identity="c")
    with pytest.raises(NotAllowed, match="within a minute"):
        await phone.transfer("+442079460018", room="r", identity="d")
    assert len(server.sip.asked) == 2


@pytest.mark.parametrize(
    ("failure", "why", "reason"),
    [
        (
            api.SipCallError(
                "unavailable",
                "sip status 486",
                status=503,
                metadata={"sip_status_code": "486", "sip_status": "Busy Here"},
            ),
            "Busy Here",
            "busy",
        ),
        (TimeoutError(), "no answer", "unanswered"),
        (
            api.TwirpError("canceled", "sip request timed out", status=408),
            "no answer",
            "unanswered",
        ),
        (
            api.TwirpError("deadline_exceeded", "request timed out", status=408),
            "no answer",
            "unanswered",
        ),
        (
            api.TwirpError("not_found", "no response from servers", status=404),
            "no answer",
            "unreachable",
        ),
        (
            api.TwirpError("failed_precondition", "conn 127.0.0.1:5061 write err", status=412),
            "no answer",
            "unreachable",
        ),
        (aiohttp.ServerDisconnectedError(), "no answer", "unreachable"),
    ],
)
async def test_a_call_that_is_not_taken_says_why_and_no_log_tells_the_number(
    failure: Exception, why: str, reason: str, caplog: pytest.LogCaptureFixture, dials: Dials
) -> None:
    server = Server()
    server.sip.failure = failure
    with caplog.at_level(logging.DEBUG), pytest.raises(NoAnswer, match=why) as missed:
        await dials(server).dial("+12025550143", order="program", room="r", identity="c")
    assert missed.value.reason == reason
    told = " ".join(str(vars(record)) for record in caplog.records)
    assert "***43" in told
    assert "2025550143" not in told


def no_tel(status: str) -> api.SipCallError:
    metadata = {"sip_status_code": status}
    return api.SipCallError("invalid_argument", "", status=400, metadata=metadata)


@pytest.mark.parametrize(
    ("status", "allowed", "outbound", "asked"),
    [
        ("400", ["192.0.2.20/32"], "", ["tel:200", "sip:200@192.0.2.20"]),
        ("416", ["192.0.2.20/32"], "sip.example.org", ["tel:200", "sip:200@192.0.2.20"]),
        ("416", ["2001:db8::7/128"], "", ["tel:200", "sip:200@[2001:db8::7]"]),
        ("400", ["192.0.2.0/24"], "pbx.example:5080", ["tel:200", "sip:200@pbx.example:5080"]),
        (
            "400",
            ["192.0.2.20/32", "192.0.2.21/32"],
            "sip.example.org",
            ["tel:200", "sip:200@sip.example.org"],
        ),
        ("400", [], "", ["tel:200"]),
        ("400", ["192.0.2.0/24"], "", ["tel:200"]),
        ("400", ["pbx.example.org"], "", ["tel:200"]),
        ("603", ["192.0.2.20/32"], "", ["tel:200"]),
    ],
)
@pytest.mark.parametrize("theirs", ["anonymous.invalid", "evil.example", "192.0.2.99"])
async def test_an_exchange_that_knows_no_tel_is_given_a_number_of_its_own(
    status: str,
    allowed: list[str],
    outbound: str,
    asked: list[str],
    theirs: str,
    dials: Dials,
    tmp_path: Path,
) -> None:
    # Never at the host in the caller's From: whoever withholds theirs has none, others choose it.
    server = Server()
    server.sip.knows_no_tel = no_tel(status)
    server.sip.allowed, server.sip.address = allowed, outbound
    server.room.here.add(("r", "sip_caller"))
    server.room.attributes = {"sip.hostname": theirs, "sip.trunkID": "ST_3"}
    transfer = dials(server).transfer("200", room="r", identity="sip_caller")
    if len(asked) == 2:
        await transfer
    else:
        with pytest.raises(NoAnswer):
            await transfer
    assert [each.transfer_to for each in server.sip.asked] == asked
    (attempt,) = await kept(tmp_path)
    assert attempt.state == ("over" if len(asked) == 2 else "failed")


async def test_an_exchange_is_asked_a_second_time_and_no_third(dials: Dials) -> None:
    server = Server()
    server.sip.knows_no_tel, server.sip.knows_no_sip = no_tel("416"), no_tel("400")
    server.sip.address = "sip.example.org"
    server.room.here.add(("r", "sip_caller"))
    with pytest.raises(NoAnswer) as missed:
        await dials(server).transfer("200", room="r", identity="sip_caller")
    assert missed.value.__cause__ is server.sip.knows_no_sip
    assert len(server.sip.asked) == 2


@pytest.mark.parametrize("failure", [None, aiohttp.ServerDisconnectedError(), TimeoutError()])
async def test_a_caller_who_has_gone_meanwhile_hides_no_refusal(
    failure: Exception | None, dials: Dials
) -> None:
    server = Server()
    server.sip.knows_no_tel, server.sip.address = no_tel("416"), "sip.example.org"
    server.room.failure = failure  # or there is nobody of that name
    with pytest.raises(NoAnswer) as missed:
        await dials(server).transfer("200", room="r", identity="sip_caller")
    assert missed.value.__cause__ is server.sip.knows_no_tel
    assert len(server.sip.asked) == 1


@pytest.mark.parametrize(
    ("address", "uri"),
    [
        ("+442079460018", "tel:+442079460018"),
        ("sip:workshop@pbx.example.org", "sip:workshop@pbx.example.org"),
    ],
)
async def test_a_transfer_refers_the_caller_elsewhere(address: str, uri: str, dials: Dials) -> None:
    server = Server()
    await dials(server).transfer(address, room="r", identity="sip_caller")
    (request,) = server.sip.asked
    assert (request.room_name, request.participant_identity) == ("r", "sip_caller")
    assert request.transfer_to == uri


async def test_a_transfer_that_failed_without_an_error_is_no_success(dials: Dials) -> None:
    server = Server()
    server.sip.transfer.status = api.SIPTransferStatus.STS_TRANSFER_FAILED
    with pytest.raises(NoAnswer):
        await dials(server).transfer("+442079460018", room="r", identity="sip_caller")


async def test_a_call_lasts_no_longer_than_the_profile_says(dials: Dials) -> None:
    server = Server()
    settings = SETTINGS.model_copy(update={"minutes_per_day": 60, "max_minutes": 2.5})
    longest = await dials(server, settings).dial(
        "+12025550143", order="program", room="r", identity="c"
    )
    assert longest == 150.0
    assert server.sip.asked[0].max_call_duration.ToTimedelta().total_seconds() == 150


async def test_the_minutes_of_a_call_hold_for_every_job(dials: Dials) -> None:
    server = Server()
    first = dials(server)
    await first.dial("+12025550143", order="program", room="r", identity="c")
    with pytest.raises(NotAllowed, match="minutes of today"):
        await dials(server).dial("+12025550143", order="program", room="s", identity="c")
    await first.ended("c")  # after less than a minute, of three
    await dials(server).dial("+12025550143", order="program", room="s", identity="c")
    assert len(server.sip.asked) == 2


async def test_an_agent_that_goes_on_for_another_knows_the_call(
    dials: Dials, tmp_path: Path
) -> None:
    server = Server()
    await dials(server).dial("+12025550143", order="program", room="r", identity="callee")
    second = dials(server)
    assert await second.find("r", "callee") == 180.0
    assert await second.find("another", "callee") is None
    await second.aclose()
    assert [(each.state, each.minutes) for each in await kept(tmp_path)] == [("over", 1)]


@pytest.mark.parametrize("failure", [None, api.TwirpError("unavailable", "", status=503)])
async def test_a_call_that_may_go_on_without_us_keeps_its_minutes(
    failure: Exception | None, dials: Dials, tmp_path: Path
) -> None:
    server = Server()
    server.sip.failure = TimeoutError()
    server.room.here.add(("r", "callee"))
    server.room.failure = failure
    phone = dials(server)
    with pytest.raises(NoAnswer):
        await phone.dial("+12025550143", order="program", room="r", identity="callee")
    await phone.aclose()
    assert [(each.state, each.minutes) for each in await kept(tmp_path)] == [("calling", 3)]


@pytest.mark.parametrize(
    ("failure", "left"),
    [
        (api.TwirpError("unavailable", "", status=503), ("calling", 3)),
        (api.TwirpError("deadline_exceeded", "", status=408), ("calling", 3)),
        (aiohttp.ServerDisconnectedError(), ("calling", 3)),
        (api.TwirpError("invalid_argument", "", status=400), ("failed", 0)),
        (api.TwirpError("canceled", "sip request timed out", status=408), ("failed", 0)),
    ],
)
async def test_a_call_that_may_still_be_dialled_keeps_its_minutes(
    failure: Exception, left: tuple[str, int], dials: Dials, tmp_path: Path
) -> None:
    server = Server()
    server.sip.failure = failure  # and whoever is called is not in the room, or not yet
    phone = dials(server)
    with pytest.raises(NoAnswer):
        await phone.dial("+12025550143", order="program", room="r", identity="callee")
    assert [(each.state, each.minutes) for each in await kept(tmp_path)] == [left]
    await phone.aclose()
    assert [(each.state, each.minutes) for each in await kept(tmp_path)] == [left]


async def test_an_agent_that_goes_on_after_a_transfer_was_begun_knows_the_call(
    dials: Dials, tmp_path: Path
) -> None:
    server = Server()
    settings = SETTINGS.model_copy(update={"calls_per_minute": 9, "minutes_per_day": 99})
    first = dials(server, settings)
    longest = await first.dial("+12025550143", order="program", room="r", identity="callee")
    server.sip.rings = asyncio.Event()
    transfer = asyncio.create_task(first.transfer("+442079460018", room="r", identity="callee"))
    while len(server.sip.asked) < 2:
        await asyncio.sleep(0.01)
    assert await dials(server, settings).find("r", "callee") == longest
    transfer.cancel()
    await asyncio.gather(transfer, return_exceptions=True)


async def test_a_job_that_ends_before_its_call_leaves_the_minutes_to_who_goes_on(
    dials: Dials, tmp_path: Path
) -> None:
    server = Server()
    first, second = dials(server), dials(server)
    await first.dial("+12025550143", order="program", room="r", identity="callee")
    server.room.here.add(("r", "callee"))
    await first.aclose()
    assert [(each.state, each.minutes) for each in await kept(tmp_path)] == [("answered", 3)]
    assert await second.find("r", "callee") == 180.0
    await second.ended("callee")
    assert [(each.state, each.minutes) for each in await kept(tmp_path)] == [("over", 1)]


async def test_every_attempt_is_kept_with_what_became_of_it(dials: Dials, tmp_path: Path) -> None:
    server = Server()
    settings = SETTINGS.model_copy(update={"calls_per_minute": 9, "minutes_per_day": 99})
    phone = dials(server, settings)
    for number in ("+449098790123", "112", "12 34"):
        with pytest.raises(NotAllowed):
            await phone.dial(number, order="place_call", room="r", identity="c")
    server.sip.failure = TimeoutError()
    with pytest.raises(NoAnswer):
        await phone.dial("+442079460018", order="warm_transfer", room="r", identity="c")
    with pytest.raises(NoAnswer):
        await phone.transfer("+442079460018", room="r", identity="sip_caller")
    server.sip.failure = None
    await phone.transfer("sip:workshop@pbx.example.org", room="r", identity="sip_caller")
    await phone.dial("+12025550143", order="program", room="r", identity="c")
    attempts = await kept(tmp_path)
    assert [(a.order, a.number, a.state, a.reason, a.minutes, a.call) for a in attempts] == [
        ("place_call", "+44…23", "refused", "range", 0, ""),
        ("place_call", "no number", "refused", "emergency", 0, ""),
        ("place_call", "no number", "refused", "number", 0, ""),
        ("warm_transfer", "Sales", "failed", "unanswered", 0, ""),
        ("transfer_call", "Sales", "failed", "unanswered", 0, ""),
        ("transfer_call", "the workshop", "over", "", 0, ""),
        ("program", "+1…43", "answered", "", 30, "SCL_4"),
    ]
    assert {each.ordered_in for each in attempts} == {"conversation"}
    assert "2025550143" not in repr(attempts)

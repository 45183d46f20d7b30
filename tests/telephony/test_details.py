"""A record of each attempt to call, in and out, whatever became of it."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from livekit import api, rtc
from prometheus_client import REGISTRY

from agent.post_call import Deliverer, Outbox
from agent.post_call_settings import PostCallSettings
from agent.telephony.details import TRUNK, Detail, Details, turned_away
from agent.telephony.dial import Dialler
from agent.telephony.ledger import Ledger
from agent.telephony.ledger.sqlite_store import SqliteStore
from agent.telephony.no_answer import NoAnswer
from agent.telephony.numbers import NotAllowed
from agent.telephony.sip_call import SipCall
from tests.post_call.receiver import SECRET, receiving

from .conftest import CALL
from .fakes import SETTINGS, Server

NUMBER = "+12025550143"
Records = Callable[[], Awaitable[list[dict[str, Any]]]]


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PostCallSettings:
    monkeypatch.setenv("PARLEY_STATE", str(tmp_path / "state"))
    return PostCallSettings(folder=tmp_path / "calls", numbers=True)


@pytest.fixture
def records() -> Records:
    """What is on its way, in order."""

    async def read() -> list[dict[str, Any]]:
        outbox = Outbox()
        try:
            return [parcel.record for parcel in await outbox.waiting()]
        finally:
            await outbox.aclose()

    return read


Dials = Callable[..., Dialler]


@pytest.fixture
async def dials(tmp_path: Path, settings: PostCallSettings) -> AsyncIterator[Dials]:
    made: list[Dialler] = []

    def dials(server: Server, **changed: Any) -> Dialler:
        phone = SETTINGS.model_copy(update=changed)
        ledger = Ledger(SqliteStore(tmp_path / "attempts.sqlite3"), phone)
        details = Details(settings, "conversation", "AJ_1", "clinic")
        made.append(Dialler(phone, server.api, ledger, "conversation", details))
        return made[-1]

    yield dials
    for each in made:
        await each.aclose()


def moment(written: str) -> float:
    return datetime.fromisoformat(written).timestamp()


async def test_a_call_out_that_was_answered(dials: Dials, records: Records) -> None:
    server, before = Server(), time.time()
    dialler = dials(server)
    await dialler.dial(NUMBER, order="program", room="r", identity="callee")
    assert await records() == []  # it goes on
    dialler.gone("somebody else", "caller")
    dialler.gone("callee", "caller")
    await dialler.aclose()
    (record,) = await records()
    kept = ("type", "direction", "trunk", "from", "to", "agent", "room", "outcome", "cause")
    assert [record[key] for key in kept] == [
        *("call.detail", "outbound", "provider", None, NUMBER, "clinic", "conversation"),
        *("answered", "caller"),
    ]
    assert record["id"] == f"detail_{record['attempt']}"
    assert (record["order"], record["call"]) == ("program", "SCL_1")
    assert record["record"] == "call_AJ_1"
    times = [moment(record[key]) for key in ("started_at", "answered_at", "ended_at")]
    assert before - 0.01 < times[0] <= times[1] <= times[2]
    assert record["seconds"] == pytest.approx(times[2] - times[1], abs=0.002)


@pytest.mark.parametrize(
    ("failure", "outcome", "cause"),
    [
        (("486", "Busy Here"), "busy", "Busy Here"),
        (("480", "Temporarily Unavailable"), "unanswered", "Temporarily Unavailable"),
        (("404", "Not Found"), "unreachable", "Not Found"),
        (("", ""), "unanswered", "no answer"),
    ],
)
async def test_a_call_out_that_nobody_took(
    failure: tuple[str, str], outcome: str, cause: str, dials: Dials, records: Records
) -> None:
    server, (code, status) = Server(), failure
    told = {"sip_status_code": code, "sip_status": status} if code else {}
    silent = "aborted" if code else "canceled"
    server.sip.failure = api.TwirpError(silent, "x", status=409, metadata=told)
    with pytest.raises(NoAnswer):
        await dials(server).dial(NUMBER, order="warm_transfer", room="r", identity="c")
    (record,) = await records()
    assert (record["outcome"], record["cause"]) == (outcome, cause)
    assert (record["answered_at"], record["seconds"], record["record"]) == (None, 0.0, None)
    assert record["order"] == "warm_transfer"


async def test_calls_out_that_were_not_to_be(dials: Dials, records: Records) -> None:
    server = Server()
    dialler = dials(server, calls_per_minute=1)
    with pytest.raises(NotAllowed):
        await dialler.dial("+8613800138000", order="program", room="r", identity="c")
    await dialler.order(NUMBER)
    for order in (lambda: dialler.order(NUMBER), lambda: dialler.transfer(NUMBER, **IN_ROOM)):
        with pytest.raises(NotAllowed):
            await cast(Any, order)()
    found = await records()
    assert [record["cause"] for record in found] == ["place", "calls", "calls"]
    assert {record["outcome"] for record in found} == {"refused"}
    assert [record["order"] for record in found] == ["program", "place_call", "transfer_call"]
    assert len({record["id"] for record in found}) == 3


IN_ROOM = {"room": "r", "identity": "sip_caller"}


async def test_a_call_that_was_sent_on(dials: Dials, records: Records) -> None:
    server = Server()
    await dials(server).transfer("+442079460018", **IN_ROOM)
    server.sip.transfer.status = api.SIPTransferStatus.STS_TRANSFER_FAILED
    with pytest.raises(NoAnswer):
        await dials(server).transfer("+442079460018", **IN_ROOM)
    sent, failed = await records()
    assert (sent["outcome"], sent["to"]) == ("transferred", "+442079460018")
    assert failed["outcome"] == "unreachable"


async def test_an_agent_that_goes_on_for_another_keeps_the_record_of_the_call(
    dials: Dials, records: Records
) -> None:
    server = Server()
    server.room.here.add(("r", "callee"))
    first, second = dials(server), dials(server)
    await first.dial(NUMBER, order="program", room="r", identity="callee")
    await first.aclose()
    assert await records() == []
    await second.find("r", "callee")
    await second.ended("callee", "lost")
    (record,) = await records()
    assert (record["outcome"], record["cause"], record["call"]) == ("answered", "lost", "SCL_1")
    assert record["answered_at"]


class Room:
    """A room with a caller by phone, of which a test says what happens."""

    name = "call_1"

    def __init__(self, joined: float | None = None, **attributes: str) -> None:
        self.takes: dict[str, Any] = {}
        self.joined = joined
        self.caller = SimpleNamespace(
            identity="sip_caller",
            kind=rtc.ParticipantKind.PARTICIPANT_KIND_SIP,
            attributes={**CALL, "sip.callStatus": "ringing", TRUNK: "office", **attributes},
            disconnect_reason=None,
        )
        self.room = self

    def on(self, event: str, take: Any) -> None:
        self.takes[event] = take

    def off(self, event: str, take: Any) -> None:
        assert self.takes.pop(event) == take

    async def get_participant(self, _: api.RoomParticipantIdentity) -> api.ParticipantInfo:
        if self.joined is None:
            raise api.TwirpError("not_found", "", status=404)
        return api.ParticipantInfo(joined_at_ms=int(self.joined * 1000))

    def status(self, status: str) -> None:
        self.caller.attributes["sip.callStatus"] = status
        self.takes["participant_attributes_changed"]({"sip.callStatus": status}, self.caller)

    def leave(self, reason: rtc.DisconnectReason.ValueType | None) -> None:
        self.caller.disconnect_reason = reason
        self.takes["participant_disconnected"](self.caller)

    async def came(self, details: Details) -> None:
        caller, there = cast(rtc.Participant, self.caller), cast(rtc.Room, self)
        call = SipCall.from_participant(caller)
        assert call
        details.came(there, caller, call, cast(api.LiveKitAPI, self))
        await asyncio.sleep(0)


async def test_a_call_in_from_the_ringing_to_the_end(
    settings: PostCallSettings, records: Records
) -> None:
    began = time.time() - 30.0  # it rang for a place
    room, details = Room(began), Details(settings, "call_1", "AJ_1", "clinic")
    await room.came(details)
    room.status("active")
    room.leave(rtc.DisconnectReason.CLIENT_INITIATED)
    await details.left()
    await details.left()  # once is enough
    (record,) = await records()
    kept = ("direction", "trunk", "from", "to", "outcome", "cause", "call", "record", "order")
    assert [record[key] for key in kept] == [
        *("inbound", "office", CALL["sip.phoneNumber"], CALL["sip.trunkPhoneNumber"]),
        *("answered", "caller", "SCL_1", "call_AJ_1", None),
    ]
    assert moment(record["started_at"]) == pytest.approx(began, abs=0.002)
    assert moment(record["answered_at"]) > began + 29
    assert room.takes == {}


GONE = rtc.DisconnectReason


@pytest.mark.parametrize(
    ("statuses", "reason", "refused", "outcome", "cause"),
    [
        ([], GONE.CLIENT_INITIATED, None, "abandoned", "caller"),
        (["hangup"], GONE.ROOM_DELETED, None, "abandoned", "caller"),
        (["active"], GONE.CONNECTION_TIMEOUT, None, "answered", "lost"),
        (["active"], None, None, "answered", "agent"),
        (["active"], GONE.ROOM_DELETED, None, "answered", "agent"),
        (["active", "hangup"], None, None, "answered", "caller"),
        ([], None, None, "unanswered", "agent"),
        (["active"], None, "spoofed", "refused", "spoofed"),
    ],
)
async def test_the_end_of_a_call_in(
    statuses: list[str],
    reason: Any,
    refused: str | None,
    outcome: str,
    cause: str,
    settings: PostCallSettings,
    records: Records,
) -> None:
    room, details = Room(), Details(settings, "call_1")
    await room.came(details)
    for status in statuses:
        room.status(status)
    if reason is not None:
        room.leave(reason)
    await details.left(refused)
    (record,) = await records()
    assert (record["outcome"], record["cause"]) == (outcome, cause)
    assert (record["answered_at"] is not None) is (outcome == "answered")


@pytest.mark.parametrize(("ago", "least", "most"), [(30.0, 30.0, 60.0), (None, 0.0, 30.0)])
async def test_how_long_a_caller_has_waited(
    ago: float | None, least: float, most: float, settings: PostCallSettings
) -> None:
    room, details = Room(ago and time.time() - ago), Details(settings, "call_1")
    assert await details.waited() == 0.0
    await room.came(details)
    assert least <= await details.waited() < most
    await details.left()


async def test_who_gives_up_waiting_to_be_told_leaves_it_to_others(
    settings: PostCallSettings,
) -> None:
    told = asyncio.Event()

    class Slow(Room):
        async def get_participant(self, who: api.RoomParticipantIdentity) -> api.ParticipantInfo:
            await told.wait()
            return await super().get_participant(who)

    room, details = Slow(time.time() - 30.0), Details(settings, "call_1")
    await room.came(details)
    one, another = (asyncio.create_task(details.waited()) for _ in range(2))
    await asyncio.sleep(0)
    one.cancel()
    await asyncio.gather(one, return_exceptions=True)
    told.set()
    assert await another >= 30.0
    await details.left()


async def test_a_call_that_another_agent_goes_on_with_has_one_record(
    settings: PostCallSettings, records: Records
) -> None:
    room, details = Room(), Details(settings, "call_1")
    await room.came(details)
    details.drop()
    await details.left()
    assert await records() == []


async def test_a_number_is_written_in_full_only_where_that_is_asked_for(
    settings: PostCallSettings, records: Records, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        for numbers in (False, True):
            changed = settings.model_copy(update={"numbers": numbers})
            caller = api.ParticipantInfo(
                identity="sip_1",
                attributes={**CALL, "sip.callID": f"SCL_{numbers}"},
                joined_at_ms=1000,
            )
            await Details(changed, "r").keep(turned_away(caller, "busy", "no place", 9.0))
    masked, full = await records()
    assert (masked["from"], masked["to"]) == ("+44…18", "+1…00")
    assert (full["from"], full["to"]) == ("+442079460018", "+12025550100")
    assert masked["started_at"] == "1970-01-01T00:00:01.000Z"
    assert "442079460018" not in caplog.text


async def test_a_withheld_number_is_none(settings: PostCallSettings, records: Records) -> None:
    attributes = {**CALL, "sip.phoneNumber": "anonymous"}
    caller = api.ParticipantInfo(identity="sip_1", attributes=attributes)
    await Details(settings, "r").keep(turned_away(caller, "abandoned", "caller", 9.0))
    assert [record["from"] for record in await records()] == [None]


DETAIL = Detail("inbound", "answered", "caller", 10.0, 75.0, 15.0, trunk="office", call="SCL_2")


async def test_what_is_not_to_be_kept_is_counted_all_the_same(
    settings: PostCallSettings, records: Records
) -> None:
    labels = {"trunk": "office", "direction": "inbound"}

    def counted() -> tuple[float, float]:
        calls = {**labels, "outcome": "answered"}
        return (
            REGISTRY.get_sample_value("parley_calls_total", calls) or 0.0,
            REGISTRY.get_sample_value("parley_call_seconds_sum", labels) or 0.0,
        )

    before = counted()
    await Details(None, "r").keep(DETAIL)
    await Details(settings.model_copy(update={"details": False}), "r").keep(DETAIL)
    assert await records() == []
    assert [now - then for now, then in zip(counted(), before, strict=True)] == [2, 120]


async def test_a_detail_arrives_as_the_records_of_calls_do(
    settings: PostCallSettings, records: Records
) -> None:
    async with receiving(500, 204) as receiver:
        webhook = {"webhook": {"url": receiver.url, "secret": SECRET}}
        to_both = PostCallSettings.model_validate({**settings.model_dump(), **webhook})
        await Details(to_both, "r").keep(DETAIL)
        outbox = Outbox()
        running = asyncio.create_task(
            Deliverer(to_both, outbox, None, delays=[0.01] * 3, poll=0.01).run()
        )
        try:
            async with asyncio.timeout(20):
                while await outbox.waiting():
                    await asyncio.sleep(0.02)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            await outbox.aclose()
    failed, taken = receiver.posts
    assert failed == taken
    assert (taken["type"], taken["data"]["call"]) == ("call.detail", "SCL_2")


async def test_a_detail_stays_in_the_folder_for_as_long_as_a_record(
    settings: PostCallSettings,
) -> None:
    assert settings.folder
    old = settings.folder / "2020-01-01" / "detail_SCL_0.json"
    old.parent.mkdir(parents=True)
    old.write_text("{}")
    now = time.time()
    await Details(settings, "r").keep(Detail("inbound", "busy", "no place", now, now, call="SCL_3"))
    outbox = Outbox()
    deliverer = Deliverer(settings, outbox, None)
    deliverer.finish()
    await deliverer.run()
    await outbox.aclose()
    (written,) = settings.folder.glob("*/detail_*.json")
    assert json.loads(written.read_text())["outcome"] == "busy"
    assert not old.parent.exists()

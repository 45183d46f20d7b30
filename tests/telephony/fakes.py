"""What unit tests of calls stand on: a SIP API that records, settings, a clock that jumps."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar, cast

from livekit import api

from agent.phone_settings import PhoneSettings
from agent.post_call_settings import PostCallSettings
from agent.routing_settings import Destination
from agent.telephony.details import Details
from agent.telephony.dial import Dialler
from agent.telephony.ledger import Ledger
from agent.telephony.ledger.sqlite_store import SqliteStore

T = TypeVar("T")

SETTINGS = PhoneSettings(
    trunk="provider",
    prefixes=["+1202555", "+44"],
    destinations={
        "Sales": Destination(address="+442079460018", about="orders"),
        "the workshop": Destination(address="sip:workshop@pbx.example.org"),
    },
    calls_per_minute=2,
    minutes_per_day=3,
)


class SipApi:
    """Records what is asked of LiveKit's SIP service; fails as it would, when told to."""

    def __init__(self) -> None:
        self.asked: list[Any] = []
        self.failure: Exception | None = None
        self.rings: asyncio.Event | None = None
        """Set when the ringing ends; None: at once."""
        self.transfer = api.TransferSIPParticipantResponse()
        self.knows_no_tel: Exception | None = None
        """What an exchange answers that transfers to ``sip:`` addresses alone."""
        self.knows_no_sip: Exception | None = None
        """What it answers to those."""
        self.allowed: list[str] = []
        """The addresses of the inbound trunk."""
        self.address = ""
        """That of the outbound one."""

    async def list_inbound_trunk(self, request: api.ListSIPInboundTrunkRequest) -> Any:
        items = [
            api.SIPInboundTrunkInfo(sip_trunk_id="ST_2", allowed_addresses=["198.51.100.9/32"]),
            api.SIPInboundTrunkInfo(sip_trunk_id="ST_3", allowed_addresses=self.allowed),
        ]
        return api.ListSIPInboundTrunkResponse(items=items)

    async def list_outbound_trunk(self, request: api.ListSIPOutboundTrunkRequest) -> Any:
        items = [
            api.SIPOutboundTrunkInfo(
                sip_trunk_id="ST_other", name="other", address="other.example"
            ),
            api.SIPOutboundTrunkInfo(sip_trunk_id="ST_1", name="provider", address=self.address),
        ]
        return api.ListSIPOutboundTrunkResponse(items=items)

    async def create_sip_participant(self, request: api.CreateSIPParticipantRequest) -> Any:
        self.asked.append(request)
        if self.rings:
            await self.rings.wait()
        if self.failure:
            raise self.failure
        return api.SIPParticipantInfo(sip_call_id=f"SCL_{len(self.asked)}")

    async def transfer_sip_participant(self, request: api.TransferSIPParticipantRequest) -> Any:
        asked = api.TransferSIPParticipantRequest()
        asked.CopyFrom(request)
        self.asked.append(asked)
        if self.rings:
            await self.rings.wait()
        if self.failure:
            raise self.failure
        if self.knows_no_tel and request.transfer_to.startswith("tel:"):
            raise self.knows_no_tel
        if self.knows_no_sip and request.transfer_to.startswith("sip:"):
            raise self.knows_no_sip
        return self.transfer


class Participants:
    """Who is in LiveKit's rooms."""

    def __init__(self) -> None:
        self.here: set[tuple[str, str]] = set()
        self.failure: Exception | None = None
        self.attributes: dict[str, str] = {}
        """Of each of them."""

    async def get_participant(self, who: api.RoomParticipantIdentity) -> Any:
        if self.failure:
            raise self.failure
        if (who.room, who.identity) not in self.here:
            raise api.TwirpError("not_found", "participant does not exist", status=404)
        return api.ParticipantInfo(identity=who.identity, attributes=self.attributes)


class Server:
    """LiveKit's API, of which only this is used."""

    def __init__(self) -> None:
        self.sip, self.room = SipApi(), Participants()

    @property
    def api(self) -> api.LiveKitAPI:
        return cast(api.LiveKitAPI, self)


def dialler(
    folder: Path,
    server: api.LiveKitAPI,
    settings: PhoneSettings = SETTINGS,
    room: str = "",
    post_call: PostCallSettings | None = None,
) -> Dialler:
    """A dialler whose ledger is in a folder, as each job has one."""
    store = SqliteStore(folder / "attempts.sqlite3")
    return Dialler(settings, server, Ledger(store, settings), room, Details(post_call, room))


class _Jumping(selectors.DefaultSelector):
    """Waits for nothing: the clock goes on by what would have been waited."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> Any:
        ready = super().select(0)
        if not ready and timeout:
            self.now += timeout
        return ready


def in_virtual_time(work: Coroutine[Any, Any, T]) -> T:
    """Run something whose waits take no time."""
    selector = _Jumping()
    loop = asyncio.SelectorEventLoop(selector)
    loop.time = lambda: selector.now  # type: ignore[method-assign]
    try:
        return loop.run_until_complete(work)
    finally:
        left = asyncio.all_tasks(loop)  # the storage of the counts sweeps itself
        for task in left:
            task.cancel()
        if left:
            loop.run_until_complete(asyncio.wait(left))
        loop.close()

"""Placing a call. Every call that costs money goes through :meth:`Dialler.dial`."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass, field

import aiohttp
from google.protobuf.duration_pb2 import Duration
from livekit import api

from ..languages import MISSED
from ..phone_settings import PhoneSettings
from .details import Detail, Details, Outcome
from .ledger import Attempt, Ledger, Order
from .masking import mask
from .no_answer import FAILURES, NoAnswer, is_refused, no_answer
from .numbers import NotAllowed, dialable, shown
from .refer import refer

logger = logging.getLogger("parley")

_TAKEN = 10.0
"""Seconds in which an agent has to take a call that was ordered: a process starts in two."""


_KNOWN = 10.0
"""Seconds after the ringing within which its end is in the ledger."""


@dataclass(eq=False)
class _Placed:
    """A call that was dialled."""

    attempt: str
    room: str
    identity: str
    order: Order
    number: str
    started: float = field(default_factory=time.time)
    """When it was dialled, in seconds since 1970."""
    answered: float | None = None
    """When it was taken, in monotonic seconds."""
    call: str = ""
    """LiveKit's identifier of the call."""

    @property
    def lasted(self) -> float | None:
        """Seconds since it was taken."""
        return None if self.answered is None else time.monotonic() - self.answered


class Dialler:
    """Places calls through the profile's trunk, within its limits.

    Args:
        settings: Which numbers may be called, and how often.
        server: LiveKit's API.
        ledger: Remembers the calls and their minutes; closed with the dialler.
        room: Room of the conversation.
        details: Keeps what became of each call; none are kept if None.
    """

    def __init__(
        self,
        settings: PhoneSettings,
        server: api.LiveKitAPI,
        ledger: Ledger,
        room: str = "",
        details: Details | None = None,
    ) -> None:
        self._settings = settings
        self._server = server
        self._ledger = ledger
        self._room = room
        self.details = details or Details(None, room)
        self._placed: list[_Placed] = []
        self._endings: list[asyncio.Task[None]] = []

    def allowed(self, written: str) -> str:
        """The address to dial: a destination of the profile as it stands, anything else in E.164.

        Raises:
            NotAllowed: It is not a phone number, or not one that may be called.
        """
        settings = self._settings
        if any(written == known.address for known in settings.destinations.values()):
            return written
        return dialable(written, settings.prefixes, settings.countries, settings.ranges)

    async def refuse(self, order: Order, written: str, why: NotAllowed) -> None:
        """Enter into the ledger that a number was refused.

        Args:
            order: Who wanted it called.
            written: The number as it was written or said.
            why: Why it was refused.
        """
        await self._ledger.refuse(order, self._shown(written), why, self._room)
        await self._keep(order, written, "refused", why.reason)

    async def order(self, number: str) -> Attempt:
        """Order a call that another agent is to place.

        Args:
            number: The number, which is allowed.

        Raises:
            NotAllowed: The limits are used up.
        """
        return await self._ordered("place_call", number)

    async def taken(self, attempt: Attempt) -> None:
        """Wait until an agent places a call that was ordered; call it off if none does.

        Raises:
            NotAllowed: It was refused, or no agent was free.
            NoAnswer: Nobody took it, which is known already.
        """
        _unless_failed(await self._ledger.taken(attempt.id, _TAKEN))

    async def answered(self, attempt: Attempt) -> None:
        """Wait until somebody has picked up where another agent is calling.

        Raises:
            NotAllowed: The call could not be placed.
            NoAnswer: Nobody took it.
        """
        within = self._settings.ring + _KNOWN
        _unless_failed(await self._ledger.settled(attempt.id, within))

    async def call_off(self, attempt: Attempt) -> None:
        """Have a call not placed that was ordered.

        Raises:
            NotAllowed: Unless somebody is placing it by now.
        """
        await self._ledger.call_off(attempt.id, "Calls cannot be placed now.")

    async def dial(
        self, number: str, *, order: Order, room: str, identity: str, attempt: str | None = None
    ) -> float:
        """Call a number, and wait until somebody has picked up.

        Args:
            number: The number as it was written or said.
            order: Who wants it called.
            room: Name of the room that the call joins.
            identity: Identity of the call's participant in that room.
            attempt: What the ledger knows the order by; it is entered now if None.

        Returns:
            How long the call may last, in seconds.

        Raises:
            NotAllowed: It may not be called, or not now.
            NoAnswer: Nobody picked up.
        """
        try:
            allowed = self.allowed(number)
        except NotAllowed as e:
            await self.refuse(order, number, e)
            raise
        if attempt is None:
            attempt = (await self._ordered(order, allowed)).id
        try:
            entered = await self._ledger.claim(attempt, room, identity)
        except NotAllowed as e:
            await self._keep(order, allowed, "refused", e.reason, attempt)
            raise
        placed = _Placed(attempt, room, identity, order, allowed)
        self._placed.append(placed)
        longest = min(self._settings.max_minutes, entered.minutes) * 60
        logger.info("placing a call", extra={"number": mask(allowed), "attempt": attempt})
        try:
            call = await self._server.sip.create_sip_participant(
                api.CreateSIPParticipantRequest(
                    sip_trunk_id=await self._trunk(),
                    sip_call_to=allowed,
                    room_name=room,
                    participant_identity=identity,
                    wait_until_answered=True,
                    ringing_timeout=_seconds(self._settings.ring),
                    # The service ends the call itself, should the agent be gone by then.
                    max_call_duration=_seconds(longest),
                )
            )
        except NotAllowed as e:
            self._placed.remove(placed)
            await self._ledger.failed(attempt, str(e), e.reason)
            await self._keep(order, allowed, "refused", str(e), attempt)
            raise
        except FAILURES as e:
            why = no_answer(e)
            self._placed.remove(placed)
            # Where LiveKit's answer was lost the call may go on, or be dialled yet: its minutes
            # then stay set aside, also when this job ends.
            if why.told or (is_refused(e) and await self._is_gone(room, identity)):
                await self._ledger.failed(attempt, str(why), why.reason)
            await self._keep(order, allowed, why.reason, str(why), attempt, placed.started)
            raise why from e
        placed.answered, placed.call = time.monotonic(), call.sip_call_id
        await self._ledger.answered(attempt, call.sip_call_id)
        return longest

    async def find(self, room: str, identity: str) -> float | None:
        """Go on with a call that an agent before this one has placed.

        Returns:
            How long it may last, in seconds; None if the ledger does not know it.
        """
        held = await self._ledger.held(room, identity)
        if held is None:
            return None
        since = None
        if held.answered_at is not None:
            since = time.monotonic() - max(0.0, time.time() - held.answered_at)
        # The ledger has its number in part alone.
        placed = _Placed(held.id, room, identity, held.order, "", held.at, since, held.call)
        self._placed.append(placed)
        return min(self._settings.max_minutes, held.minutes) * 60

    def gone(self, identity: str, cause: str) -> None:
        """Note that somebody who may have been called has gone; closing waits for that.

        Args:
            identity: Who.
            cause: Who or what ended the call.
        """
        self._endings.append(asyncio.create_task(self.ended(identity, cause)))

    async def ended(self, identity: str, cause: str = "agent") -> None:
        """The same at once."""
        for placed in [each for each in self._placed if each.identity == identity]:
            self._placed.remove(placed)
            lasted = placed.lasted
            await self._ledger.over(placed.attempt, lasted)
            now = time.time()
            await self.details.keep(
                Detail(
                    "outbound",
                    "answered" if lasted is not None else "unanswered",
                    cause,
                    placed.started,
                    now,
                    None if lasted is None else now - lasted,
                    called=placed.number or None,
                    trunk=self._settings.trunk or "",
                    call=placed.call,
                    order=placed.order,
                    attempt=placed.attempt,
                )
            )

    async def aclose(self) -> None:
        """Note which calls are over, and close the ledger; may be called twice.

        One that goes on, with another agent, keeps the minutes that it may take.
        """
        await asyncio.gather(*self._endings, return_exceptions=True)
        for placed in list(self._placed):
            if await self._is_gone(placed.room, placed.identity):
                await self.ended(placed.identity)
        self._placed.clear()
        await self._ledger.aclose()

    async def _is_gone(self, room: str, identity: str) -> bool:
        """Whether LiveKit says that somebody is not in a room."""
        who = api.RoomParticipantIdentity(room=room, identity=identity)
        try:
            await self._server.room.get_participant(who)
        except api.TwirpError as e:
            return e.code == api.TwirpErrorCode.NOT_FOUND
        except (aiohttp.ClientError, TimeoutError):
            pass
        return False

    async def transfer(self, address: str, *, room: str, identity: str) -> None:
        """Hand a caller's call over to somebody else (SIP REFER), and leave it.

        Args:
            address: A number in E.164, or a ``sip:`` address.
            room: Name of the room that the caller is in.
            identity: Identity of the caller in that room.

        Raises:
            NotAllowed: The limits are used up.
            NoAnswer: The caller's network refused, or the destination did.
        """
        entered = await self._ordered("transfer_call", address)
        began = time.time()
        await self._ledger.claim(entered.id, room, identity)
        ring = _seconds(self._settings.ring)
        try:
            done = await refer(
                self._server,
                address,
                room=room,
                identity=identity,
                ring=ring,
                trunk=self._settings.trunk,
            )
        except FAILURES as e:
            why = no_answer(e)
            await self._ledger.failed(entered.id, str(why), why.reason)
            await self._keep("transfer_call", address, why.reason, str(why), entered.id, began)
            raise why from e
        # livekit-server 1.9 answers with nothing when it went well; later ones say how it went.
        if done.status == api.SIPTransferStatus.STS_TRANSFER_FAILED:
            await self._ledger.failed(entered.id, "refused", "unreachable")
            await self._keep("transfer_call", address, "unreachable", "refused", entered.id, began)
            raise NoAnswer("refused", "unreachable")
        await self._ledger.over(entered.id)
        await self._keep("transfer_call", address, "transferred", "agent", entered.id, began)

    async def _ordered(self, order: Order, number: str) -> Attempt:
        """Enter an order.

        Raises:
            NotAllowed: The limits are used up.
        """
        try:
            return await self._ledger.order(order, self._shown(number), self._room)
        except NotAllowed as e:
            await self._keep(order, number, "refused", e.reason)
            raise

    async def _keep(
        self,
        order: Order,
        number: str,
        outcome: Outcome,
        cause: str,
        attempt: str | None = None,
        started: float | None = None,
    ) -> None:
        """Keep what became of a call that nobody has taken."""
        now = time.time()
        detail = Detail("outbound", outcome, cause, started or now, now, called=number or None)
        detail.trunk = self._settings.trunk or ""
        detail.order, detail.attempt = order, attempt
        await self.details.keep(detail)

    def _shown(self, written: str) -> str:
        """Whom a number or an address is, without telling the number."""
        for name, known in self._settings.destinations.items():
            if written == known.address:
                return name
        return shown(written)

    async def _trunk(self) -> str:
        name = self._settings.trunk
        if name is None:
            raise NotAllowed("No trunk is set up to call through (phone.trunk).")
        try:
            found = await self._server.sip.list_outbound_trunk(api.ListSIPOutboundTrunkRequest())
        except FAILURES as e:
            logger.error("the trunks cannot be listed", extra={"reason": str(e)})
            raise NotAllowed("Calls cannot be placed now.") from e
        for trunk in found.items:
            if trunk.name == name:
                return str(trunk.sip_trunk_id)
        raise NotAllowed(f"There is no trunk {name!r} (python -m agent.telephony show lists them).")


def _unless_failed(attempt: Attempt | None) -> None:
    if attempt is None or attempt.state != "failed":
        return
    for reason in MISSED:
        if attempt.reason == reason:
            raise NoAnswer(attempt.why, reason)
    raise NotAllowed(f"The call was not taken: {attempt.why}")


def _seconds(value: float) -> Duration:
    return Duration(nanos=round(value * 1e9) % 1_000_000_000, seconds=int(value))

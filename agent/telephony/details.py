"""A call detail record of each attempt: who called whom, when, through which trunk, and its end.

An attempt in is a caller's, who may have hung up while it rang or found the line busy; an attempt
out is one that the ledger knows, which may have been refused. The records go the way of those of
the calls themselves (:mod:`agent.post_call`), and are counted (:mod:`agent.telemetry`).
"""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import aiohttp
from livekit import api, rtc

from ..post_call import OutboxError, Record, hand_over_detail, iso, places
from ..post_call_settings import PostCallSettings
from ..telemetry import prometheus
from .ledger import Order
from .numbers import shown
from .sip_call import CALL_ID, STATUS, SipCall

logger = logging.getLogger("parley")

TRUNK = "parley.trunk"
"""Attribute of a caller, and of a dispatch rule: the name of the trunk in the file of trunks."""

_ASKED = 3.0
"""Seconds that LiveKit has to say since when a caller has been there."""

Outcome = Literal[
    "answered", "abandoned", "busy", "unanswered", "unreachable", "refused", "transferred"
]
"""``abandoned``: the caller hung up before anybody had answered, or while they held. ``busy``: they
found every place taken, or who was called was on the phone. ``refused``: the call was not to be.
``transferred``: it was sent to another number."""


@dataclass
class Detail:
    """One attempt."""

    direction: Literal["inbound", "outbound"]
    outcome: Outcome
    cause: str
    """Who or what ended it: ``caller``, ``agent``, ``lost``, or what the network or we said."""
    started: float
    """When the line began to ring, or the number was to be dialled, in seconds since 1970."""
    ended: float
    answered: float | None = None
    caller: str | None = None
    """Number of whoever called; None if it is withheld."""
    called: str | None = None
    trunk: str = ""
    """Its name; empty if it is not known."""
    call: str = ""
    """LiveKit's identifier of the call."""
    order: Order | None = None
    """Who wanted a call out."""
    attempt: str | None = None
    """Its identifier in the ledger."""

    def record(self, *, room: str, agent: str, numbers: bool, told: str | None) -> Record:
        """The same as JSON.

        Args:
            room: The room of the conversation.
            agent: Name of the agent.
            numbers: Whether numbers are written in full.
            told: Identifier of the record of what was said.
        """

        def number(known: str | None) -> str | None:
            return known if numbers or not known else shown(known)

        answered = self.answered
        return {
            "id": f"detail_{self.attempt or self.call or uuid.uuid4().hex}",
            "type": "call.detail",
            "direction": self.direction,
            "trunk": self.trunk or None,
            "from": number(self.caller),
            "to": number(self.called),
            "agent": agent or None,
            "room": room,
            "started_at": iso(self.started),
            "answered_at": None if answered is None else iso(answered),
            "ended_at": iso(self.ended),
            "seconds": 0.0 if answered is None else round(self.ended - answered, 3),
            "outcome": self.outcome,
            "cause": self.cause,
            "order": self.order,
            "attempt": self.attempt,
            "call": self.call or None,
            "record": told,
        }


@dataclass(frozen=True)
class Callback:
    """Somebody wants to be called back."""

    reason: str
    when: str
    language: str
    number: str

    def record(self, *, room: str, agent: str, told: str | None) -> Record:
        """The same as JSON; for the arguments see :meth:`Detail.record`."""
        now = iso(time.time())
        return {
            "id": f"callback_{uuid.uuid4().hex}",
            "type": "callback.requested",
            "number": self.number,
            "reason": self.reason,
            "when": self.when,
            "language": self.language,
            "agent": agent or None,
            "room": room,
            "record": told,
            "asked_at": now,
            # As all that is delivered.
            "started_at": now,
            "ended_at": now,
        }


_CAUSES: Mapping[int, str] = {
    rtc.DisconnectReason.CLIENT_INITIATED: "caller",
    rtc.DisconnectReason.USER_UNAVAILABLE: "caller",
    rtc.DisconnectReason.USER_REJECTED: "caller",
    rtc.DisconnectReason.ROOM_DELETED: "agent",
    rtc.DisconnectReason.ROOM_CLOSED: "agent",
    rtc.DisconnectReason.PARTICIPANT_REMOVED: "agent",
}
"""Who ended a call, by why LiveKit says that its participant has gone; any other reason: lost."""


def cause_of(participant: rtc.RemoteParticipant) -> str:
    """Who ended the call of somebody who has gone; ``caller`` is whoever is at the other end."""
    reason = participant.disconnect_reason or rtc.DisconnectReason.UNKNOWN_REASON
    return _CAUSES.get(reason, "lost")


class Arrival:
    """Follows the call of somebody who calls in, from their coming to their going.

    Args:
        room: The room, connected.
        caller: Their participant.
        call: Their call.
        server: LiveKit's API.
    """

    def __init__(
        self, room: rtc.Room, caller: rtc.Participant, call: SipCall, server: api.LiveKitAPI
    ) -> None:
        self._room, self._call = room, call
        self._trunk = caller.attributes.get(TRUNK, "")
        now = time.time()
        self._started = now
        self._answered = now if caller.attributes.get(STATUS) == "active" else None
        self._cause: str | None = None
        self._ended: float | None = None
        self._asking = asyncio.create_task(self._ask(server))
        room.on("participant_attributes_changed", self._on_attributes)
        room.on("participant_disconnected", self._on_left)

    async def waited(self) -> float:
        """How long the caller has been there, in seconds, an agent or not."""
        await asyncio.wait({self._asking})  # who is cancelled here does not cancel it for others
        return time.time() - self._started

    async def end(self, refused: str | None) -> Detail:
        """What became of it, once nobody speaks with them any more.

        Args:
            refused: Why the call was not to be; None if it was.
        """
        self._room.off("participant_attributes_changed", self._on_attributes)
        self._room.off("participant_disconnected", self._on_left)
        await asyncio.wait({self._asking})
        cause = self._cause or "agent"  # our own hanging up takes us out of the room first
        outcome: Outcome = "answered"
        if refused is not None:
            outcome, cause = "refused", refused
        elif self._answered is None:
            outcome = "abandoned" if cause == "caller" else "unanswered"
        return Detail(
            "inbound",
            outcome,
            cause,
            self._started,
            self._ended or time.time(),
            None if refused is not None else self._answered,
            self._call.number,
            self._call.trunk_number,
            self._trunk,
            self._call.id,
        )

    async def _ask(self, server: api.LiveKitAPI) -> None:
        """Find out since when they have been there: they may have waited for an agent."""
        who = api.RoomParticipantIdentity(room=self._room.name, identity=self._call.identity)
        try:
            async with asyncio.timeout(_ASKED):
                since = (await server.room.get_participant(who)).joined_at_ms / 1000
        except (api.TwirpError, aiohttp.ClientError, TimeoutError):
            return  # the call has been there since a moment ago, as far as is known
        self._started = min(self._started, since or self._started)

    def _on_attributes(self, changed: dict[str, str], participant: rtc.Participant) -> None:
        if participant.identity != self._call.identity:
            return
        if changed.get(STATUS) == "active" and self._answered is None:
            self._answered = time.time()
        elif changed.get(STATUS) == "hangup" and self._cause is None:
            self._cause, self._ended = "caller", time.time()

    def _on_left(self, participant: rtc.RemoteParticipant) -> None:
        if participant.identity == self._call.identity and self._cause is None:
            self._cause, self._ended = cause_of(participant), time.time()


@dataclass
class Details:
    """The records of one room's attempts.

    What fails is logged: no call depends on it.
    """

    settings: PostCallSettings | None
    """The ``post_call`` section of the profile, or of the agent; without one they are counted, and
    not kept."""
    room: str = ""
    """The room of the conversation."""
    job: str | None = None
    """The job, after which the record of what was said is called."""
    agent: str = ""
    """Name of the agent, once it is known."""
    _arrival: Arrival | None = field(default=None, init=False)

    @property
    def arrive(self) -> bool:
        """Whether what is sent on arrives: ``post_call`` may have a summary, and no place."""
        return self.settings is not None and bool(places(self.settings))

    def came(
        self, room: rtc.Room, caller: rtc.Participant, call: SipCall, server: api.LiveKitAPI
    ) -> None:
        """Follow the call of somebody who calls in."""
        self._arrival = Arrival(room, caller, call, server)

    async def waited(self) -> float:
        """How long somebody who calls in has been there, in seconds; 0 if nobody does."""
        return await self._arrival.waited() if self._arrival else 0.0

    async def left(self, refused: str | None = None) -> None:
        """Keep what became of that call, if there was one.

        Args:
            refused: Why it was not to be; None if it was.
        """
        if arrival := self._arrival:
            self._arrival = None
            await self.keep(await arrival.end(refused))

    def drop(self) -> None:
        """Keep nothing of it: another agent goes on with the call."""
        self._arrival = None

    async def ask_back(self, request: Callback) -> None:
        """Send on that somebody wants to be called back.

        Raises:
            OutboxError: It is not.
        """
        assert self.settings  # the model is not given the tool otherwise
        told = f"call_{self.job}" if self.job else None
        record = request.record(room=self.room, agent=self.agent, told=told)
        await hand_over_detail(record, self.settings)

    async def keep(self, detail: Detail) -> None:
        """Count an attempt, and keep its record."""
        talked = None if detail.answered is None else detail.ended - detail.answered
        prometheus.count_call(detail.trunk, detail.direction, detail.outcome, talked)
        settings = self.settings
        if settings is None or not settings.details:
            return
        spoken = self.job and (detail.answered is not None and detail.order in (None, "program"))
        record = detail.record(
            room=self.room,
            agent=self.agent,
            numbers=settings.numbers,
            told=f"call_{self.job}" if spoken else None,
        )
        try:
            await hand_over_detail(record, settings)
        except OutboxError as e:
            logger.error("a call detail record is lost", extra={"reason": str(e)})


def turned_away(caller: api.ParticipantInfo, outcome: Outcome, cause: str, ended: float) -> Detail:
    """What became of somebody who called in and for whom there was no agent.

    Args:
        caller: Their participant, as LiveKit's API tells it.
        outcome: What became of them.
        cause: Who or what ended it.
        ended: When, in seconds since 1970.
    """
    call = SipCall.from_attributes(caller.identity, caller.attributes)
    return Detail(
        "inbound",
        outcome,
        cause,
        caller.joined_at_ms / 1000 or ended,
        ended,
        None,
        call.number,
        call.trunk_number,
        caller.attributes.get(TRUNK, ""),
        caller.attributes.get(CALL_ID, ""),
    )

"""One call, as LiveKit's SIP service describes it in the attributes of its participant."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from livekit import rtc

from ..languages import Language, words
from ..routing_settings import CallerId
from .caller_id import caller_of
from .numbers import country_of, told

# The names are those of livekit/protocol, livekit/attrs.go.
STATUS = "sip.callStatus"
"""``dialing``, ``ringing``, ``automation`` (keys are being sent), ``active`` or ``hangup``."""
CALL_ID = "sip.callID"
LONGEST = "parley.max_minutes"
"""Attribute of a caller, and of a dispatch rule: how many minutes a call of the trunk may last."""
_NUMBER = "sip.phoneNumber"
_CALLED = "sip.trunkPhoneNumber"


class HungUp(Exception):
    """The call ended before it was answered."""


@dataclass(frozen=True)
class SipCall:
    """A participant on the phone."""

    identity: str
    """Identity of the participant in the room."""
    id: str
    """LiveKit's own identifier of the call, which may be logged."""
    number: str | None
    """Number of the other end: who calls, or who is called; in E.164 if it has a country. None if
    it is withheld, or is words."""
    trunk_number: str | None
    """Number of our end, likewise."""
    caller_id: CallerId = "shown"
    """What is known of the number of the other end."""
    longest: float | None = None
    """How long the call may last by its trunk, from its first ring on, in seconds."""

    @classmethod
    def from_participant(
        cls, participant: rtc.Participant, country: str | None = None
    ) -> SipCall | None:
        """The call of a participant; None if it is not on the phone.

        Args:
            participant: Whoever has come into the room.
            country: Whose numbers have no country code; our own number's if None.
        """
        if participant.kind != rtc.ParticipantKind.PARTICIPANT_KIND_SIP:
            return None
        return cls.from_attributes(participant.identity, participant.attributes, country)

    @classmethod
    def from_attributes(
        cls, identity: str, attributes: Mapping[str, str], country: str | None = None
    ) -> SipCall:
        """The call of a participant who is on the phone.

        Args:
            identity: Identity of the participant.
            attributes: What the SIP service says of the call.
            country: Whose numbers have no country code; our own number's if None.
        """
        ours = told(attributes.get(_CALLED), country)
        country = country or country_of(ours)
        # A provider puts its own remarks behind a number: +12025550143;npdi=yes (RFC 4694).
        shown = told(attributes.get(_NUMBER, "").partition(";")[0], country)
        number, caller_id = caller_of(attributes, shown, country)
        minutes = attributes.get(LONGEST, "")
        longest = 60.0 * int(minutes) if minutes.isdecimal() else None
        return cls(identity, attributes.get(CALL_ID, ""), number, ours, caller_id, longest)

    async def wait_until_answered(self, room: rtc.Room) -> bool:
        """Wait until the call is answered; False if it ends before that."""
        try:
            await wait_until_answered(room, room.remote_participants[self.identity])
        except (HungUp, KeyError):
            return False
        return True

    def describe(self, language: Language | None) -> str:
        """What the model is told of the call. It is never logged."""
        say = words(language or "en").phone
        return say.call.format(
            number=self.number or say.withheld, ours=self.trunk_number or say.unknown
        )


async def wait_until_answered(room: rtc.Room, participant: rtc.RemoteParticipant) -> None:
    """Wait until the call is answered.

    Raises:
        HungUp: The call ended before it was answered.
    """
    changed = asyncio.Event()

    def on_change(*_: object) -> None:
        changed.set()

    room.on("participant_attributes_changed", on_change)
    room.on("participant_disconnected", on_change)
    try:
        while True:
            changed.clear()
            status = participant.attributes.get(STATUS)
            if status == "active":
                return
            if status == "hangup" or participant.identity not in room.remote_participants:
                raise HungUp
            await changed.wait()
    finally:
        room.off("participant_attributes_changed", on_change)
        room.off("participant_disconnected", on_change)

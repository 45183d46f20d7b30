"""Placing a call. Every call that costs money goes through :meth:`Dialler.dial`."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

import aiohttp
from google.protobuf.duration_pb2 import Duration
from livekit import api

from ..settings import PhoneSettings
from .budget import CallBudget
from .masking import mask
from .numbers import NotAllowed, dialable

logger = logging.getLogger("parley")


class NoAnswer(Exception):
    """The call was not taken; the text is what the other side's network said, if anything."""


class Dialler:
    """Places calls through the profile's trunk, within its limits.

    Args:
        settings: Which numbers may be called, and how often.
        server: LiveKit's API.
        budget: Counts the calls and their minutes.
    """

    def __init__(self, settings: PhoneSettings, server: api.LiveKitAPI, budget: CallBudget) -> None:
        self._settings = settings
        self._server = server
        self._budget = budget

    def allowed(self, written: str) -> str:
        """The address to dial: a destination of the profile as it stands, anything else in E.164.

        Raises:
            NotAllowed: It is not a phone number, or not one that may be called.
        """
        if any(written == known.address for known in self._settings.destinations.values()):
            return written
        settings = self._settings
        return dialable(written, settings.prefixes, settings.countries, settings.ranges)

    async def dial(self, number: str, *, room: str, identity: str) -> None:
        """Call a number, and wait until somebody has picked up.

        Args:
            number: The number as it was written or said.
            room: Name of the room that the call joins.
            identity: Identity of the call's participant in that room.

        Raises:
            NotAllowed: It may not be called, or not now.
            NoAnswer: Nobody picked up.
        """
        number = self.allowed(number)
        await self._budget.count_call()
        request = api.CreateSIPParticipantRequest(
            sip_trunk_id=await self._trunk(),
            sip_call_to=number,
            room_name=room,
            participant_identity=identity,
            wait_until_answered=True,
            ringing_timeout=_seconds(self._settings.ring),
            # The service ends the call itself, should the agent be gone by then.
            max_call_duration=_seconds(self._settings.max_minutes * 60),
        )
        logger.info("placing a call", extra={"number": mask(number)})
        try:
            await self._server.sip.create_sip_participant(request)
        except _FAILURES as e:
            raise _no_answer(e) from e

    async def transfer(self, address: str, *, room: str, identity: str) -> None:
        """Hand a caller's call over to somebody else (SIP REFER), and leave it.

        Args:
            address: A number in E.164, or a ``sip:`` address.
            room: Name of the room that the caller is in.
            identity: Identity of the caller in that room.

        Raises:
            NotAllowed: The budget is used up.
            NoAnswer: The caller's network refused, or the destination did.
        """
        await self._budget.count_call()
        request = api.TransferSIPParticipantRequest(
            room_name=room,
            participant_identity=identity,
            transfer_to=address if address.startswith("sip:") else f"tel:{address}",
            play_dialtone=True,
            ringing_timeout=_seconds(self._settings.ring),
        )
        try:
            done = await self._server.sip.transfer_sip_participant(request)
        except _FAILURES as e:
            raise _no_answer(e) from e
        # livekit-server 1.9 answers with nothing when it went well; later ones say how it went.
        if done.status == api.SIPTransferStatus.STS_TRANSFER_FAILED:
            raise NoAnswer("refused")

    async def meter(self, end: Callable[[], Awaitable[object]]) -> None:
        """Count the minutes of a call while it lasts; end it when there are none left."""
        while await self._budget.count_minute():  # noqa: ASYNC110 - it counts, it waits for nothing
            await asyncio.sleep(60)
        logger.warning("the minutes of today's calls are used up")
        await end()

    async def _trunk(self) -> str:
        name = self._settings.trunk
        if name is None:
            raise NotAllowed("No trunk is set up to call through (phone.trunk).")
        try:
            found = await self._server.sip.list_outbound_trunk(api.ListSIPOutboundTrunkRequest())
        except _FAILURES as e:
            logger.error("the trunks cannot be listed", extra={"reason": str(e)})
            raise NotAllowed("Calls cannot be placed now.") from e
        for trunk in found.items:
            if trunk.name == name:
                return str(trunk.sip_trunk_id)
        raise NotAllowed(f"There is no trunk {name!r} (python -m agent.telephony show lists them).")


_FAILURES = (api.TwirpError, aiohttp.ClientError, TimeoutError)


def _no_answer(error: Exception) -> NoAnswer:
    """Turn an error of LiveKit's API into one for the caller; the rest of it goes to the log."""
    status = error.metadata.get("sip_status", "") if isinstance(error, api.TwirpError) else ""
    logger.info("the call was not taken", extra={"sip_status": status, "reason": str(error)})
    return NoAnswer(status or "no answer")


def _seconds(value: float) -> Duration:
    return Duration(nanos=round(value * 1e9) % 1_000_000_000, seconds=int(value))

"""Handing a caller's call over by SIP REFER: the request, and in which form of an address it is."""

from __future__ import annotations

import logging
import re

from google.protobuf.duration_pb2 import Duration
from livekit import api

logger = logging.getLogger("parley")

_HOST = "sip.hostname"
"""Attribute of a caller: the host in their From."""
_IS_HOST = re.compile(r"[A-Za-z0-9.-]{1,253}")
_KNOWS_NO_TEL = ("400", "416")
"""What exchanges answer that want a ``sip:`` address: Asterisk the first, RFC 3261 the second."""


async def refer(
    server: api.LiveKitAPI, address: str, *, room: str, identity: str, ring: Duration
) -> api.TransferSIPParticipantResponse:
    """Have a caller's network connect them with somebody else.

    A number is given as a ``tel:`` address, which is right at every provider; to an exchange that
    knows none it is a number of its own.

    Args:
        server: LiveKit's API.
        address: A number in E.164, an extension, or a ``sip:`` address.
        room: Name of the room that the caller is in.
        identity: Identity of the caller in that room.
        ring: How long it may ring.

    Raises:
        TwirpError, ClientError, TimeoutError: It was refused, or nobody has answered.
    """
    request = api.TransferSIPParticipantRequest(
        room_name=room,
        participant_identity=identity,
        transfer_to=address if address.startswith("sip:") else f"tel:{address}",
        play_dialtone=True,
        ringing_timeout=ring,
    )
    try:
        return await server.sip.transfer_sip_participant(request)
    except api.TwirpError as e:
        if e.metadata.get("sip_status_code") not in _KNOWS_NO_TEL or address.startswith("sip:"):
            raise
        who = await server.room.get_participant(
            api.RoomParticipantIdentity(room=room, identity=identity)
        )
        host = who.attributes.get(_HOST, "")
        if not _IS_HOST.fullmatch(host):
            raise
        logger.info("a transfer is asked for again, by a sip: address", extra={"room": room})
        request.transfer_to = f"sip:{address}@{host}"
        return await server.sip.transfer_sip_participant(request)

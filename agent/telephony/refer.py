"""Handing a caller's call over by SIP REFER: the request, and in which form of an address it is."""

from __future__ import annotations

import logging
from ipaddress import ip_network

from google.protobuf.duration_pb2 import Duration
from livekit import api

from .no_answer import FAILURES

logger = logging.getLogger("parley")

_TRUNK = "sip.trunkID"
"""Attribute of a caller: the trunk that they came through (livekit/protocol, attrs.go)."""
_KNOWS_NO_TEL = ("400", "416")
"""What exchanges answer that want a ``sip:`` address: Asterisk the first, RFC 3261 the second."""


async def refer(
    server: api.LiveKitAPI,
    address: str,
    *,
    room: str,
    identity: str,
    ring: Duration,
    trunk: str | None = None,
) -> api.TransferSIPParticipantResponse:
    """Have a caller's network connect them with somebody else.

    A number is given as a ``tel:`` address, which is right at every provider; to an exchange that
    knows none it is a number of its own, where the trunks say where that exchange is. It is asked a
    second time at most.

    Args:
        server: LiveKit's API.
        address: A number in E.164, an extension, or a ``sip:`` address.
        room: Name of the room that the caller is in.
        identity: Identity of the caller in that room.
        ring: How long it may ring.
        trunk: Name of the outbound trunk.

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
        try:
            host = await _exchange(server, room, identity, trunk)
        except FAILURES as unknown:
            logger.warning("nobody knows the caller's exchange", extra={"reason": str(unknown)})
            host = None
        if host is None:
            raise
        logger.info("a transfer is asked for again, by a sip: address", extra={"room": room})
        request.transfer_to = f"sip:{address}@{host}"
        return await server.sip.transfer_sip_participant(request)


async def _exchange(
    server: api.LiveKitAPI, room: str, identity: str, outbound: str | None
) -> str | None:
    """The host of a caller's exchange, as the operator's trunks name it; None if they do not.

    Never the one in the caller's From: it is theirs to choose, and would be dialled.
    """
    who = await server.room.get_participant(
        api.RoomParticipantIdentity(room=room, identity=identity)
    )
    came_through = who.attributes.get(_TRUNK)
    inbound = await server.sip.list_inbound_trunk(api.ListSIPInboundTrunkRequest())
    for each in inbound.items:
        if each.sip_trunk_id == came_through and (host := _only_host([*each.allowed_addresses])):
            return host
    found = await server.sip.list_outbound_trunk(api.ListSIPOutboundTrunkRequest())
    return next((each.address for each in found.items if each.name == outbound), None) or None


def _only_host(allowed: list[str]) -> str | None:
    """The one address that is allowed; None of several, or of a whole network."""
    if len(allowed) != 1:
        return None
    try:
        network = ip_network(allowed[0])
    except ValueError:  # of a trunk that somebody else has set up
        return None
    if network.num_addresses != 1:
        return None
    at = network.network_address
    return f"[{at}]" if at.version == 6 else str(at)

"""Who is in a room, as LiveKit has it."""

from __future__ import annotations

import asyncio

import aiohttp
from livekit import api

PERSON = (api.ParticipantInfo.STANDARD, api.ParticipantInfo.SIP)
"""Kinds of participants for whom an agent is called."""

_ASKED = 5.0
"""Seconds that LiveKit has to say who is in a room: a job has 10 to end."""


async def somebody_waits(livekit: api.LiveKitAPI, room: str) -> bool:
    """Whether anybody but agents is in a room; not if LiveKit cannot say."""
    try:
        async with asyncio.timeout(_ASKED):
            here = await livekit.room.list_participants(api.ListParticipantsRequest(room=room))
    except (api.TwirpError, aiohttp.ClientError, TimeoutError):
        return False
    return any(each.kind in PERSON for each in here.participants)


async def is_there(livekit: api.LiveKitAPI, room: str, identity: str) -> bool:
    """Whether LiveKit has somebody in a room; yes if it cannot say."""
    try:
        async with asyncio.timeout(_ASKED):
            await livekit.room.get_participant(
                api.RoomParticipantIdentity(room=room, identity=identity)
            )
    except api.TwirpError as e:
        return e.code != api.TwirpErrorCode.NOT_FOUND
    except (aiohttp.ClientError, TimeoutError):
        return True
    return True

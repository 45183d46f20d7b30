"""Stopping while somebody is on the phone: a word to each of them, and then the line is closed."""

from __future__ import annotations

import asyncio
import contextlib
import logging

import aiohttp
from livekit import api

logger = logging.getLogger("parley")

STOPPING = "parley.stopping"
"""Topic of the message by which the server tells the agent in a room to say goodbye."""

_WORD = 10.0
"""Seconds for the goodbye: it lasts 5, and the voice may be busy."""
_LOOK = 0.2
"""Seconds between two looks at whether all have been said goodbye to."""

_FAILURES = (api.TwirpError, aiohttp.ClientError, TimeoutError)


async def say_goodbye(livekit: api.LiveKitAPI) -> int:
    """Have every caller told that the service stops, and hang up on all.

    LiveKit's SIP service sends a BYE, or a busy tone to a call that rings, when a room is closed;
    when it is stopped itself it sends none.

    Returns:
        How many rooms there were.
    """
    rooms = await _rooms(livekit)
    if not rooms:
        return 0
    tell = [
        livekit.room.send_data(
            api.SendDataRequest(room=room, topic=STOPPING, kind=api.DataPacket.Kind.RELIABLE)
        )
        for room in rooms
    ]
    await asyncio.gather(*tell, return_exceptions=True)
    deadline = asyncio.get_running_loop().time() + _WORD
    while rooms & await _rooms(livekit) and asyncio.get_running_loop().time() < deadline:
        await asyncio.sleep(_LOOK)
    for room in await _rooms(livekit):
        with contextlib.suppress(*_FAILURES):
            await livekit.room.delete_room(api.DeleteRoomRequest(room=room))
    return len(rooms)


async def _rooms(livekit: api.LiveKitAPI) -> set[str]:
    """The names of all rooms with somebody in them; none where LiveKit does not answer any more."""
    try:
        found = await livekit.room.list_rooms(api.ListRoomsRequest())
    except _FAILURES as e:
        logger.info("nobody can be said goodbye to", extra={"reason": str(e)})
        return set()
    return {room.name for room in found.rooms if room.num_participants}

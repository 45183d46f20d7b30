"""When a room can be spoken in."""

from __future__ import annotations

import asyncio

from livekit import rtc


async def joined(room: rtc.Room) -> None:
    """Wait until the agent is in the room.

    A job's room is joined by LiveKit's session as it starts, and whoever makes the session before
    has a room in which nothing can be published yet.
    """
    connected = asyncio.Event()

    def on_state(state: rtc.ConnectionState.ValueType) -> None:
        if state == rtc.ConnectionState.CONN_CONNECTED:
            connected.set()

    room.on("connection_state_changed", on_state)
    try:
        if not room.isconnected():
            await connected.wait()
    finally:
        room.off("connection_state_changed", on_state)

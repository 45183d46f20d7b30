"""Sends the records of a conversation to its room, for a page or a benchmark to show."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any, Protocol

from livekit import rtc

logger = logging.getLogger("parley")

TOPIC_TURN = "parley.turn"
"""Topic of the text streams, each one record as a JSON object; its ``kind`` is ``turn``,
``overlap``, ``first_words``, ``cut``, ``fault`` or ``fallback``."""


class Told(Protocol):
    """Something that a room is told."""

    def record(self) -> dict[str, Any]:
        """What JSON can hold of it."""
        ...


class RoomPublisher:
    """Sends records to a room.

    Args:
        room: Where to send; nothing is sent while it is not connected.
    """

    def __init__(self, room: rtc.Room) -> None:
        self._room = room
        self._tasks: set[asyncio.Task[None]] = set()

    def publish(self, record: Told) -> None:
        """Send a record, in the background."""
        if self._room.isconnected():
            task = asyncio.create_task(self._send(json.dumps(record.record())))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def aclose(self) -> None:
        """Cancel what is still being sent; may be called twice."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _send(self, text: str) -> None:
        try:
            await self._room.local_participant.send_text(text, topic=TOPIC_TURN)
        except rtc.StreamError as e:
            # Nobody's conversation depends on it, and the room may just be closing.
            logger.debug("turn record not sent", extra={"error": str(e)})

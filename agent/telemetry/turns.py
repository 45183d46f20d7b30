"""Turn records: the stage times of each message, as a text stream in the room.

LiveKit measures the stages itself (``ChatMessage.metrics``, in seconds); this sends them to the
participants, without the words, so that a page or a benchmark can show where a turn's time went.
Sounds over the agent's speech have records of their own: what they were taken for, and when.
"""

from __future__ import annotations

import asyncio
import json
import logging
from dataclasses import asdict
from typing import Any

from livekit import rtc
from livekit.agents import AgentSession, ConversationItemAddedEvent
from livekit.agents.llm import ChatMessage
from livekit.plugins.turn_taking import Judged

logger = logging.getLogger("parley")

TOPIC_TURN = "parley.turn"
"""Topic of the text streams, each one JSON object: role, interrupted, metrics; or the role
``overlap``, verdict, ducked, decided."""


class TurnPublisher:
    """Sends a record of each message of a session to a room, and of each overlap.

    Args:
        session: The conversation.
        room: Where to send; nothing is sent while it is not connected.
    """

    def __init__(self, session: AgentSession[Any], room: rtc.Room) -> None:
        self._room = room
        self._tasks: set[asyncio.Task[None]] = set()
        session.on("conversation_item_added", self._on_item)

    async def aclose(self) -> None:
        """Cancel the records that are still being sent; may be called twice."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _on_item(self, event: ConversationItemAddedEvent) -> None:
        item = event.item
        if not isinstance(item, ChatMessage):  # handoffs are items too
            return
        self._publish({"role": item.role, "interrupted": item.interrupted, "metrics": item.metrics})

    def on_overlap(self, judged: Judged) -> None:
        """Send what a sound over the agent's speech was taken for."""
        self._publish({"role": "overlap", **asdict(judged)})

    def _publish(self, record: dict[str, Any]) -> None:
        logger.info("turn", extra={"turn": record})
        if self._room.isconnected():
            task = asyncio.create_task(self._send(json.dumps(record)))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _send(self, text: str) -> None:
        try:
            await self._room.local_participant.send_text(text, topic=TOPIC_TURN)
        except rtc.StreamError as e:
            # Nobody's conversation depends on it, and the room may just be closing.
            logger.debug("turn record not sent", extra={"error": str(e)})

"""What the web page asks of a conversation beside speech and text, and is told of it."""

from __future__ import annotations

import logging
from typing import Any

from livekit import rtc
from livekit.agents import AgentSession, ConversationItemAddedEvent
from livekit.agents.llm import ChatMessage

from .telemetry import RoomPublisher

logger = logging.getLogger("parley")

STOP = "parley.stop"
"""Name of the call by which whoever listens stops what the agent is saying."""

STOPPED, KEPT = "stopped", "kept"
"""Its answers: the agent is silent, or says something that has to be said to its end."""


class Cut:
    """A record: the agent has not said the whole of what it was saying."""

    def record(self) -> dict[str, Any]:
        """What JSON can hold."""
        return {"kind": "cut"}


class PageControls:
    """The stop button, and the mark on an answer that was cut off.

    Args:
        room: Where the page is; it has been entered.
        session: The conversation.
        publisher: Tells the page.
    """

    def __init__(
        self, room: rtc.Room, session: AgentSession[Any], publisher: RoomPublisher
    ) -> None:
        self._room = room
        self._session = session
        self._publisher = publisher
        room.local_participant.register_rpc_method(STOP, self._stop)
        session.on("conversation_item_added", self._on_item)

    async def aclose(self) -> None:
        """Take no more calls; may be called twice."""
        self._session.off("conversation_item_added", self._on_item)
        if self._room.isconnected():
            self._room.local_participant.unregister_rpc_method(STOP)

    async def _stop(self, _: rtc.RpcInvocationData) -> str:
        speech = self._session.current_speech
        if speech and not speech.allow_interruptions:
            return KEPT
        try:
            await self._session.interrupt()
        except RuntimeError as e:  # something that may not be stopped has begun just now
            logger.info("not stopped", extra={"reason": str(e)})
            return KEPT
        return STOPPED

    def _on_item(self, event: ConversationItemAddedEvent) -> None:
        item = event.item
        if isinstance(item, ChatMessage) and item.role == "assistant" and item.interrupted:
            self._publisher.publish(Cut())

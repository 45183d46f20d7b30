"""A user who is silent: asked once, waited for, and left with a goodbye."""

from __future__ import annotations

import asyncio
from typing import Any

from livekit.agents import AgentSession, ConversationItemAddedEvent, UserStateChangedEvent
from livekit.agents.llm import ChatMessage

from .phrases import Speaking
from .waiting import Pending


class Idle:
    """Ends a conversation in which nobody answers.

    The first wait is LiveKit's own (``AgentSession(user_away_timeout=…)``): it knows about tools
    that run and clients that have not connected yet. Anything the user says ends the second.

    Args:
        session: The conversation.
        leave_after: Silence after the question before the goodbye, in seconds; 0 to stay.
        phrases: The words.
    """

    def __init__(self, session: AgentSession[Any], leave_after: float, phrases: Speaking) -> None:
        self._session = session
        self._leave_after = leave_after
        self._phrases = phrases
        self._waiting = Pending()
        session.on("user_state_changed", self._on_user_state)
        session.on("conversation_item_added", self._on_item)

    async def aclose(self) -> None:
        """Wait no longer."""
        await self._waiting.aclose()

    def _on_user_state(self, event: UserStateChangedEvent) -> None:
        if event.new_state == "away":
            self._waiting.start(self._ask())
        else:
            self._waiting.cancel()

    def _on_item(self, event: ConversationItemAddedEvent) -> None:
        # Who types is not away either, though the voice-activity detector heard nothing.
        if isinstance(event.item, ChatMessage) and event.item.role == "user":
            self._session.reset_away_timer()

    async def _ask(self) -> None:
        await self._session.say(self._phrases().still_there)
        if not self._leave_after:
            return
        await asyncio.sleep(self._leave_after)
        goodbye = await self._session.say(self._phrases().goodbye)
        if not goodbye.interrupted:
            self._session.shutdown()

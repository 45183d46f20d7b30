"""How long a conversation may become, and its end: a goodbye, and nothing more."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from livekit.agents import AgentSession, ConversationItemAddedEvent, SessionUsageUpdatedEvent
from livekit.agents.llm import ChatMessage
from livekit.agents.metrics import LLMModelUsage
from livekit.plugins.turn_taking.conduct.waiting import Pending

from .definition.settings import LimitSettings
from .goodbye import say_goodbye

logger = logging.getLogger("parley")

_PATIENCE = 30.0
"""Seconds that whoever speaks has at a limit before the goodbye is said over them."""


class Limits:
    """Ends a conversation that has reached a limit, once what is being answered is answered.

    Args:
        settings: The limits of its agent.
        session: The conversation.
        goodbye: Gives the last words, in the language that is spoken.
    """

    def __init__(
        self, settings: LimitSettings, session: AgentSession[Any], goodbye: Callable[[], str]
    ) -> None:
        self._settings = settings
        self._session = session
        self._goodbye = goodbye
        self._turns = 0
        self._time, self._ending = Pending(), Pending()
        self._over = False
        session.on("conversation_item_added", self._on_item)
        session.on("session_usage_updated", self._on_usage)

    @property
    def reached(self) -> bool:
        """Whether the agent is about to say goodbye, or has."""
        return self._over

    def start(self) -> None:
        """Count the minutes from now on."""
        if self._settings.minutes:
            self._time.start(self._wait(self._settings.minutes * 60))

    async def aclose(self) -> None:
        """Count no more; may be called twice."""
        await self._time.aclose()
        await self._ending.aclose()

    async def _wait(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        self._reach("minutes")

    def _on_item(self, event: ConversationItemAddedEvent) -> None:
        if isinstance(event.item, ChatMessage) and event.item.role == "user":
            self._turns += 1
            if self._turns == self._settings.turns:
                self._reach("turns")

    def _on_usage(self, event: SessionUsageUpdatedEvent) -> None:
        tokens = sum(
            usage.input_tokens + usage.output_tokens
            for usage in event.usage.model_usage
            if isinstance(usage, LLMModelUsage)
        )
        if self._settings.tokens and tokens >= self._settings.tokens:
            self._reach("tokens")

    def _reach(self, limit: str) -> None:
        if not self._over:
            self._over = True
            logger.info("the conversation has reached a limit", extra={"limit": limit})
            self._ending.start(say_goodbye(self._session, self._goodbye(), _PATIENCE))

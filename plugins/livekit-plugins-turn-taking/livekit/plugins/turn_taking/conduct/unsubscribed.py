"""A listener that takes no sound: somebody who only reads and types."""

from __future__ import annotations

import asyncio
from typing import Any

from livekit.agents import AgentSession, AgentStateChangedEvent

from ..log import logger
from .waiting import Pending

_PATIENCE = 8.0
"""Seconds that a reply waits for somebody to take the agent's track: a page on a slow line needs up
to three."""


class Unsubscribed:
    """Speaks to a room in which nobody takes the agent's track, after a while.

    LiveKit holds the first frame of sound until somebody does. Where nobody ever will, the agent
    would think for ever, and what is typed would never be answered.

    Args:
        session: The conversation, not started yet.
        patience: Seconds to wait for a subscription.
    """

    def __init__(self, session: AgentSession[Any], patience: float = _PATIENCE) -> None:
        self._session = session
        self._patience = patience
        self._waiting = Pending()
        self._done = False
        session.on("agent_state_changed", self._on_state)

    async def aclose(self) -> None:
        """Wait no more. May be called twice."""
        self._session.off("agent_state_changed", self._on_state)
        await self._waiting.aclose()

    def _on_state(self, event: AgentStateChangedEvent) -> None:
        if event.new_state in ("thinking", "speaking") and not self._done:
            self._done = True
            self._waiting.start(self._release())

    async def _release(self) -> None:
        await asyncio.sleep(self._patience)
        subscribed = self._session.room_io.subscribed_fut
        if subscribed is not None and not subscribed.done():
            logger.info("nobody takes the agent's track: speaking all the same")
            subscribed.set_result(None)

"""Interjection (插话): to say something that cannot wait for the user's turn to end.

A timer that has run out, a result that has arrived, a correction that was asked for. It is
polite: said at the user's next pause, to whatever the user was saying an answer follows, and it is
dropped when it comes too late.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from livekit.agents import (
    AgentSession,
    AgentStateChangedEvent,
    ConversationItemAddedEvent,
    UserStateChangedEvent,
)
from livekit.agents.llm import ChatMessage

from .waiting import Pending, quiet

_ANSWER_AFTER = 1.5
"""Seconds of quiet after an interjection before what it cut short is answered: the longest wait
for the end of a turn in the profiles."""
_TRANSCRIPT_TIMEOUT = 1.0
"""Seconds to wait for the transcript of what the user has said until the pause."""


class Interjections:
    """What the agent has been asked to break in with.

    Args:
        session: The conversation.
        telling_pauses: Entered while something waits for a pause of the user's.
    """

    def __init__(
        self,
        session: AgentSession[Any],
        telling_pauses: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        self._session = session
        self._telling_pauses = telling_pauses
        self._queue = asyncio.Lock()
        self._answer = Pending()
        self._changed = asyncio.Event()
        self._in_turn = False
        """Whether the user has said something that no message holds yet."""
        self._cut = False
        """Whether the user's turn was ended for an interjection, and has no answer yet."""
        session.on("user_state_changed", self._on_user_state)
        session.on("agent_state_changed", self._on_agent_state)
        session.on("conversation_item_added", self._on_item)

    async def aclose(self) -> None:
        """Answer nothing more."""
        await self._answer.aclose()

    async def interject(
        self,
        text: str,
        *,
        urgent: bool = False,
        within: float = 30.0,
        relevant: Callable[[], bool] = lambda: True,
    ) -> bool:
        """Say something at the next opening: when the agent is not speaking and the user pauses.

        Several wait for each other, in the order of the calls.

        Args:
            text: What to say, as a sentence of its own.
            urgent: Say it now, over whoever speaks; what the user says meanwhile is not heard.
            within: Seconds after which it is dropped if there was no opening.
            relevant: Asked when there is an opening; it is dropped unless this is true.

        Returns:
            Whether it was said, if only in part.
        """
        self._answer.cancel()
        try:
            async with (
                asyncio.timeout(within) as deadline,
                nullcontext() if urgent else self._queue,
            ):
                due = deadline.when()
                while True:
                    if urgent:
                        await self._seize()
                    else:
                        with self._telling_pauses():
                            await self._opening(relevant)
                    if not relevant():
                        return False
                    deadline.reschedule(None)
                    speech = await self._session.say(text, allow_interruptions=not urgent)
                    # A user who went on before a word of it was heard has another pause.
                    if speech.chat_items or not speech.interrupted:
                        return bool(speech.chat_items)
                    deadline.reschedule(due)
        except TimeoutError:
            return False
        finally:
            if self._cut:
                self._answer.start(self._answer_what_was_cut())

    async def _opening(self, relevant: Callable[[], bool]) -> None:
        while self._session.user_state == "speaking" or self._session.agent_state != "listening":
            self._changed.clear()
            await self._changed.wait()
        if self._in_turn and relevant():
            # Taken down without an answer: a turn that ended by itself would stop the interjection.
            words = self._session.commit_user_turn(
                skip_reply=True, transcript_timeout=_TRANSCRIPT_TIMEOUT
            )
            self._cut = bool(await words)
        if not self._cut:
            # The turn may have ended by itself just before: then its answer comes first.
            await self._session.wait_for_idle()

    async def _seize(self) -> None:
        if self._session.agent_state == "speaking":
            await self._session.interrupt(force=True)

    async def _answer_what_was_cut(self) -> None:
        await quiet(self._session, _ANSWER_AFTER)
        self._cut = False
        self._session.generate_reply()

    def _on_user_state(self, event: UserStateChangedEvent) -> None:
        if event.new_state == "speaking":
            self._in_turn, self._cut = True, False  # answered when this turn is over
            self._answer.cancel()
        self._changed.set()

    def _on_agent_state(self, _: AgentStateChangedEvent) -> None:
        self._changed.set()

    def _on_item(self, event: ConversationItemAddedEvent) -> None:
        if isinstance(event.item, ChatMessage) and event.item.role == "user":
            self._in_turn = False

"""Filler speech: a few words when a tool takes long, so that the line does not seem dead.

LiveKit's ``RunContext.with_filler`` is for a tool that brings words of its own. This is for every
tool, whoever wrote it: by a setting, never twice in a row, and dropped if the result comes first.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

from livekit.agents import AgentSession, ConversationItemAddedEvent
from livekit.agents.llm import ChatMessage
from livekit.agents.voice.events import ToolCallEnded, ToolCallStarted, ToolExecutionUpdatedEvent
from livekit.agents.voice.speech_handle import SpeechHandle

from .phrases import Speaking
from .waiting import Pending, quiet


class Filler:
    """Says a few words while tools run.

    They are no part of the history: they tell the model nothing, and would stand between a call
    and its result.

    Args:
        session: The conversation.
        after: Silence during a tool call before the words, in seconds.
        phrases: The words.
        but: Names of tools during which nothing is to be said: they speak with the user themselves.
    """

    def __init__(
        self,
        session: AgentSession[Any],
        after: float,
        phrases: Speaking,
        but: Collection[str] = (),
    ) -> None:
        self._session = session
        self._but = but
        self._after = after
        self._phrases = phrases
        self._waiting = Pending()
        self._running: set[str] = set()
        self._asking = 0
        self._filled = False
        self._speech: SpeechHandle | None = None
        self._count = count()
        session.on("tool_execution_updated", self._on_tool)
        session.on("conversation_item_added", self._on_item)

    async def aclose(self) -> None:
        """Say nothing more."""
        await self._waiting.aclose()

    @contextmanager
    def asking(self) -> Iterator[None]:
        """While a tool asks the user something, silence is theirs; it counts anew afterwards."""
        self._asking += 1
        self._waiting.cancel()
        try:
            yield
        finally:
            self._asking -= 1
            self._wait()

    def _wait(self) -> None:
        if self._running and not self._asking and not self._filled:
            self._waiting.start(self._fill())

    def _on_tool(self, event: ToolExecutionUpdatedEvent) -> None:
        update = event.update
        if isinstance(update, ToolCallStarted):
            if update.function_call.name in self._but:
                return
            first = not self._running
            self._running.add(update.function_call.call_id)
            if first:
                self._wait()
        elif isinstance(update, ToolCallEnded):
            self._running.discard(update.call_id)
            if not self._running:
                self._waiting.cancel()
                self._drop()

    def _on_item(self, event: ConversationItemAddedEvent) -> None:
        item = event.item
        # Whatever the agent says while a tool runs bridges it as well as a filler does; what is
        # said by anybody after that makes the next filler not the second in a row.
        agents = isinstance(item, ChatMessage) and item.role == "assistant"
        self._filled = agents and bool(self._running)
        if self._filled:
            self._waiting.cancel()

    async def _fill(self) -> None:
        await quiet(self._session, self._after)
        words = self._phrases().fillers
        self._filled = True
        self._speech = self._session.say(
            words[next(self._count) % len(words)], add_to_chat_ctx=False
        )

    def _drop(self) -> None:
        speech, self._speech = self._speech, None
        # Words that sound already are finished: half a filler is worse than a whole one.
        if speech and not speech.done() and self._session.agent_state != "speaking":
            speech.interrupt()
            self._filled = False

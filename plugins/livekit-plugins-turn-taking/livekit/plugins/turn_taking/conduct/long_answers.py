"""A speech plan: a long answer in parts, with a place after each where the user can come in.

The model is asked for one sentence of outline and then the parts, with an empty line between. It
writes them all at once; what is spoken is one part, a short pause, the next part. A user who comes
in stops that: "go on" (继续) takes it up where it was left, a question about it is answered and
the plan kept, and another topic drops it.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterable
from typing import Any

from livekit.agents import (
    AgentSession,
    AgentStateChangedEvent,
    ConversationItemAddedEvent,
    FlushSentinel,
    UserStateChangedEvent,
    llm,
)
from livekit.agents.llm import ChatMessage

from .parts import Parts, left_to_say
from .remarks import asks_to_go_on, asks_to_wait, shows_attention, topics
from .waiting import Pending, quiet


class Plan:
    """The parts of an answer that are still to be said."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self._topics: set[str] = set()

    def write(self, part: int, text: str) -> None:
        """Take down more of a part, numbered from 0."""
        while len(self.parts) <= part:
            self.parts.append("")
        self.parts[part] += text

    def heard(self, text: str, *, all_of_it: bool) -> bool:
        """Cross out what was said; False if that was something else.

        Args:
            text: The words that the user heard.
            all_of_it: Whether they were not cut short.
        """
        said = _letters(text)
        if not said or not self.parts or not _letters(self.parts[0]).startswith(said):
            return False
        self._topics |= topics(" ".join(self.parts))
        left = "" if all_of_it else left_to_say(self.parts[0], text)
        self.parts[:1] = [left] if left else []
        return True

    def concerns(self, question: str) -> bool:
        """Whether a question is about this, as "why?" is about anything."""
        asked = topics(question)
        shared = asked & (self._topics | topics(" ".join(self.parts)))
        # One Chinese character alone is in too many words: two are asked for.
        return not asked or len(shared) > 1 or any(len(term) > 1 for term in shared)


class LongAnswers:
    """Gives the long answers of a conversation in parts.

    Args:
        session: The conversation.
        pause: Quiet between two parts, in seconds.
    """

    def __init__(self, session: AgentSession[Any], pause: float) -> None:
        self._session = session
        self._pause = pause
        self._plan: Plan | None = None
        # A reply may be begun before the last one's words are in the history, and thrown away.
        self._drafts: deque[Plan] = deque(maxlen=4)
        self._flowing = False
        """Whether the last part was heard to its end and nobody has come in since."""
        self._next = Pending()
        session.on("conversation_item_added", self._on_item)
        session.on("agent_state_changed", self._on_state)
        session.on("user_state_changed", self._on_state)

    async def aclose(self) -> None:
        """Say nothing more."""
        await self._next.aclose()

    async def answer(
        self, chat_ctx: llm.ChatContext, model: AsyncIterable[llm.ChatChunk | str | FlushSentinel]
    ) -> AsyncGenerator[llm.ChatChunk | str | FlushSentinel, None]:
        """Answer with the next part if that is asked for, else with what the model says.

        May be asked about the same words more than once: replies are begun before a turn is
        certain.

        Args:
            chat_ctx: The conversation.
            model: The model's answer to it, not begun yet.
        """
        last = chat_ctx.items[-1] if chat_ctx.items else None
        asked = last.text_content if last and last.type == "message" and last.role == "user" else ""
        if part := self._next_part(asked or ""):
            yield part
            return
        async for chunk in self._first_part(model):
            yield chunk

    def _next_part(self, words: str) -> str | None:
        """What the plan itself answers to the user's words; None if the model has to."""
        asked_for = asks_to_go_on(words) or (self._flowing and shows_attention(words))
        return self._plan.parts[0] if asked_for and self._plan and self._plan.parts else None

    async def _first_part(
        self, chunks: AsyncIterable[llm.ChatChunk | str | FlushSentinel]
    ) -> AsyncGenerator[llm.ChatChunk | str | FlushSentinel, None]:
        """Let through what the model writes up to the end of the first part; keep the others."""
        draft, parts = Plan(), Parts()
        self._drafts.append(draft)
        async for chunk in chunks:
            if isinstance(chunk, FlushSentinel):
                yield chunk
                continue
            delta = None if isinstance(chunk, str) else chunk.delta
            text = chunk if isinstance(chunk, str) else (delta.content if delta else None)
            now, flush = "", False
            for part, piece in parts.push(text or ""):
                # The first part is spoken to its end while the model still writes the others.
                flush = flush or (part == 1 and len(draft.parts) == 1)
                draft.write(part, piece)
                now += piece if part == 0 else ""
            if isinstance(chunk, str):
                yield now
            else:
                if delta:
                    delta.content = now or None
                yield chunk
            if flush:
                yield FlushSentinel()

    def _on_item(self, event: ConversationItemAddedEvent) -> None:
        item = event.item
        if not isinstance(item, ChatMessage) or not (text := item.text_content):
            return
        if item.role == "user":
            self._flowing = self._flowing and shows_attention(text)
            stays = asks_to_go_on(text) or shows_attention(text) or asks_to_wait(text)
            if self._plan and not stays and not self._plan.concerns(text):
                self._plan = None
        elif item.role == "assistant":
            whole = not item.interrupted
            if self._plan and self._plan.heard(text, all_of_it=whole):
                self._flowing = whole
            else:
                for draft in reversed(self._drafts):
                    if draft.heard(text, all_of_it=whole):
                        self._drafts.clear()
                        if draft.parts or not self._plan:
                            self._plan, self._flowing = draft, whole
                        break

    def _on_state(self, event: AgentStateChangedEvent | UserStateChangedEvent) -> None:
        speaking = self._session.user_state == "speaking"
        if self._flowing and self._session.agent_state == "listening" and not speaking:
            self._next.start(self._go_on())
        else:
            self._next.cancel()

    async def _go_on(self) -> None:
        await quiet(self._session, self._pause)
        if self._flowing and self._plan and self._plan.parts:
            self._session.say(self._plan.parts[0])


def _letters(text: str) -> str:
    return re.sub(r"[\W_]+", "", text).lower()

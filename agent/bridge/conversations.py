"""What was said in each conversation, and which request of it is being answered."""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial

from livekit.agents import llm
from livekit.plugins.turn_taking.agent import text_of

from agent.knowledge import Knowledge, informed_answer
from agent.knowledge_settings import KnowledgeSettings
from agent.recital import Recital, unrecited

from .engines import Engines
from .exchange import Event, Exchange, Heard, Said

KEPT = 1000
"""Conversations remembered; the one unused for longest is forgotten first."""
KEPT_FOR = 1800.0
"""Seconds after which an unused conversation is forgotten: a caller who comes back after half an
hour begins anew."""


@dataclass(eq=False)
class Conversation:
    """One conversation.

    Args:
        context: What was said, from the system prompt on.
        used_at: When the last request came, on the monotonic clock.
    """

    context: llm.ChatContext
    used_at: float
    exchange: Exchange | None = None
    """The latest request, running or not."""

    _answer: llm.ChatMessage | None = None

    @property
    def running(self) -> bool:
        """Whether a reply is being made."""
        return bool(self.exchange and self.exchange.record.outcome == "running")

    async def stop(self, played: float | None = None) -> str | None:
        """End the reply, and keep of it what was heard.

        A reply is made faster than it plays, so one that was made whole may still be cut short.

        Args:
            played: Seconds of the reply that the client has played; by our clock if None.

        Returns:
            The words heard; None if there was nothing left to stop.
        """
        if self.exchange is None:
            return None
        said = self.exchange.said(played)
        if self.running:
            await self.exchange.stop()
        elif self._answer is None or said == self.exchange.said(math.inf):
            return None
        self._keep(said, interrupted=True)
        return said

    def finished(self) -> None:
        """Take the whole reply as heard, until a stop says otherwise."""
        if self.exchange:
            self._keep(self.exchange.said(math.inf), interrupted=False)

    def ask(self, question: str) -> None:
        """Add what the user says."""
        self.context.add_message(role="user", content=question)
        self._answer = None

    def _keep(self, said: str, *, interrupted: bool) -> None:
        if self._answer:
            self._answer.content = [said]
            self._answer.interrupted = interrupted
        elif said.strip():
            self._answer = self.context.add_message(
                role="assistant", content=said, interrupted=interrupted
            )


class Conversations:
    """All conversations, by the name that the client gives them.

    Args:
        clock: Seconds on a clock that never steps back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._known: OrderedDict[str, Conversation] = OrderedDict()

    def find(self, name: str) -> Conversation | None:
        """The conversation with that name, if it is remembered."""
        return self._known.get(name)

    def enter(self, name: str, instructions: str) -> Conversation:
        """The conversation with that name; a new one if none is remembered.

        Args:
            name: The client's name for the conversation.
            instructions: The system prompt of a new conversation.
        """
        now = self._clock()
        for old, conversation in list(self._known.items()):
            if len(self._known) < KEPT and now - conversation.used_at < KEPT_FOR:
                break
            if not conversation.running:
                del self._known[old]
        if name not in self._known:
            context = llm.ChatContext()
            context.add_message(role="system", content=instructions)
            self._known[name] = Conversation(context, now)
        self._known.move_to_end(name)
        self._known[name].used_at = now
        return self._known[name]


async def write_reply(
    engines: Engines,
    conversation: Conversation,
    question: str,
    *,
    recorded: bool,
    against: Sequence[Recital] = (),
    refusal: str = "",
    documents: Knowledge | None = None,
    budget: int = KnowledgeSettings().budget_beside,
) -> AsyncGenerator[Event, None]:
    """Have the language model answer; closing this closes its stream.

    Args:
        engines: The engines; the language model is the one that is used.
        conversation: The conversation that the question is added to.
        question: What the user said.
        recorded: Whether it came as a recording, so that the client does not know the words yet.
        against: What the answer must not recite.
        refusal: What is said in place of that.
        documents: Where the question is looked up; the model calls no tools here.
        budget: Most tokens of what is found.
    """
    if recorded:
        yield Heard(question)
    conversation.ask(question)
    context = conversation.context
    ask = partial(_written, engines)
    answer = informed_answer(ask, context, documents, budget=budget) if documents else ask(context)
    if against:
        answer = unrecited(answer, against, str, refusal)
    async with aclosing(answer) as parts:
        async for part in parts:
            yield Said(part)


async def _written(engines: Engines, context: llm.ChatContext) -> AsyncGenerator[str, None]:
    async with engines.llm.chat(chat_ctx=context) as stream:
        async for chunk in stream:
            if text := text_of(chunk):
                yield text

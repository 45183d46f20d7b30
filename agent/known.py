"""What an agent knows beside its prompt: the time, documents, and notes on the caller."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from typing import Any, TypeVar, cast

from livekit.agents import RunContext, llm

from . import engines
from .definition.definition import AgentDefinition
from .definition.guarded import agreed
from .definition.question import Question
from .facts import told
from .knowledge import Folder, KnowledgeError, Passage, informed_answer, lookup_tool
from .knowledge_settings import KnowledgeSettings
from .memory import Caller, CallerMemory, MemoryStore, MemoryStoreError, open_store
from .settings import Language, Settings

logger = logging.getLogger("parley")

T = TypeVar("T")


class Known:
    """The documents of an agent's folder, and its memory of one caller.

    Args:
        agent: Whose they are.
        settings: The profile, with what the agent has of it for itself.
        caller: Who calls; None for somebody who is not known, of whom nothing is kept.
    """

    def __init__(
        self, agent: AgentDefinition, settings: Settings, caller: Caller | None = None
    ) -> None:
        self._knowledge = agent.settings.knowledge or KnowledgeSettings()
        self._documents = Folder(agent.documents) if agent.documents else None
        self._tools = agent.settings.builtin_tools
        self._llm = settings.llm
        self._indexing: asyncio.Task[None] | None = None
        self._store: MemoryStore | None = None
        self._memory: CallerMemory | None = None
        self.found: Callable[[list[str]], None] = lambda _: None
        """Is told where the passages stand that the model was given."""
        if settings.memory and caller:
            try:
                self._store = open_store(settings.memory.store)
            except MemoryStoreError as e:
                logger.error("callers are not remembered", extra={"reason": str(e)})
            else:
                self._memory = CallerMemory(settings.memory, self._store, caller, _confirm)

    async def open(self) -> None:
        """Read the notes on the caller, and begin to read the documents."""
        if self._documents:
            self._indexing = asyncio.create_task(self._index(), name="the index of the documents")
        if self._memory:
            await self._memory.recall()

    @property
    def tools(self) -> list[llm.Tool | llm.Toolset]:
        """What a model that calls tools can do with them; known once it is open."""
        tools: list[llm.Tool | llm.Toolset] = []
        if self._documents:
            tools.append(
                lookup_tool(
                    self._documents,
                    about=self._knowledge.about,
                    budget=self._knowledge.budget,
                    found=self._tell,
                )
            )
        return tools + (self._memory.tools if self._memory else [])

    def answered(
        self,
        ask: Callable[[llm.ChatContext], AsyncGenerator[T, None]],
        chat_ctx: llm.ChatContext,
        language: Language,
        model: str | None = None,
        *,
        notes_in: Language = "en",
    ) -> AsyncGenerator[T, None]:
        """The model's answer, asked with what is known.

        Args:
            ask: Asks the model.
            chat_ctx: The conversation; it stays as it is.
            language: The language that is spoken.
            model: Name of the model; None if it is not known.
            notes_in: The language of the words around the notes. It is to stay the same in a call:
                the server's prefix cache begins anew where it changes.
        """
        memory = self._memory

        # The notes come last: they are not to be looked up.
        def noted(shown: llm.ChatContext) -> AsyncGenerator[T, None]:
            return ask(memory.shown(shown, notes_in) if memory else shown)

        if self._llm.tools:
            return noted(chat_ctx)
        return self._told(noted, chat_ctx, language, model)

    async def _told(
        self,
        ask: Callable[[llm.ChatContext], AsyncGenerator[T, None]],
        chat_ctx: llm.ChatContext,
        language: Language,
        model: str | None,
    ) -> AsyncGenerator[T, None]:
        """The answer of a model that calls no tools: what they would tell it stands there."""
        looked_up = await told(chat_ctx, self._tools, language, model)
        if self._documents:
            answer = informed_answer(
                ask,
                looked_up or chat_ctx,
                self._documents,
                # Not by the words of what stands beside it.
                question=chat_ctx.messages()[-1].text_content if looked_up else None,
                budget=self._knowledge.budget_beside,
                found=self._tell,
            )
        else:
            answer = ask(looked_up or chat_ctx)
        async with aclosing(answer) as parts:
            async for part in parts:
                yield part

    async def learn(self, history: llm.ChatContext) -> None:
        """Have the notes on the caller written anew, after the call.

        Args:
            history: What was said.
        """
        if self._memory is None:
            return
        model = engines.llm(self._llm, takes_tools=False)
        try:
            await self._memory.learn(history, model)
        finally:
            await model.aclose()

    async def aclose(self) -> None:
        """Close the index and the store; may be called twice."""
        if self._indexing:
            self._indexing.cancel()
            await asyncio.gather(self._indexing, return_exceptions=True)
        if self._documents:
            await self._documents.aclose()
        if self._store:
            await self._store.aclose()

    async def _index(self) -> None:
        assert self._documents
        with contextlib.suppress(KnowledgeError):  # which is logged there
            await self._documents.ready()

    def _tell(self, passages: Sequence[Passage]) -> None:
        self.found([passage.source for passage in passages])


async def _confirm(context: RunContext[Any], question: Mapping[Language, str]) -> None:
    await agreed(context, cast(Question, question), {})

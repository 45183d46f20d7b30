"""What an agent remembers of one caller, for the length of one call."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any

from livekit.agents import RunContext, ToolError, function_tool, llm

from ..languages import LANGUAGES, Language, words
from ..memory_settings import MemorySettings
from ..structured import UnfilledError, fill, shortened
from ..transcript import transcript
from . import notes
from .caller import Caller
from .store import Entry, MemoryStore, MemoryStoreError

logger = logging.getLogger("parley")

DAY = 86_400.0
"""Seconds."""

_TRANSCRIPT = 1200
"""Most tokens of a call that the model reads: with the task and its answer they fit into the 2,048
of the smallest profile."""

Confirm = Callable[[RunContext[Any], Mapping[Language, str]], Awaitable[None]]
"""Asks the caller a question by language, in code, and raises
:class:`livekit.agents.ToolError` unless they say yes."""


class CallerMemory:
    """The memory of one caller. Without it the call goes on: what fails is logged.

    Args:
        settings: The ``memory`` section of the profile.
        store: Where it is kept.
        caller: Whose it is; None for somebody who is not known, of whom nothing is kept.
        confirm: Asks the caller before anything is kept of them, or erased.
        clock: Seconds since 1970.
    """

    def __init__(
        self,
        settings: MemorySettings,
        store: MemoryStore,
        caller: Caller | None,
        confirm: Confirm,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._settings, self._store, self._confirm, self._clock = settings, store, confirm, clock
        known = caller is not None and caller.known in settings.callers
        self._key = caller.key(settings) if caller and known else None
        self._entry: Entry | None = None
        self._forgotten = False

    @property
    def entry(self) -> Entry | None:
        """What is remembered of the caller; None if nothing is."""
        return self._entry

    async def recall(self) -> None:
        """Read what is remembered, at the start of a call, and erase what is too old."""
        if self._key is None:
            return
        try:
            await expire(self._store, self._settings, self._clock())
            self._entry = await self._store.read(self._key)
        except MemoryStoreError as e:
            logger.warning("callers are not remembered", extra={"reason": str(e)})
            self._key = None  # what cannot be read is not to be replaced

    def shown(self, chat_ctx: llm.ChatContext, language: Language) -> llm.ChatContext:
        """A conversation as the model is to see it: with the notes on the caller, if there are any.

        Args:
            chat_ctx: The conversation; it stays as it is.
            language: The language of the words around the notes.
        """
        entry = self._entry
        if entry is None or not (entry.summary or entry.facts):
            return chat_ctx
        return notes.shown(chat_ctx, entry, language)

    @property
    def tools(self) -> list[llm.Tool | llm.Toolset]:
        """What the caller can have done by their word; known once it was recalled."""
        if self._key is None:
            return []
        agreed = self._settings.consent == "given" or self._entry is not None
        return [self.forget_me] if agreed else [self.remember_me, self.forget_me]

    @function_tool
    async def remember_me(self, context: RunContext[Any]) -> str:
        """Keep notes on the user for later calls, if they ask to be remembered or known next time.

        They are asked for their permission.
        """
        await self._confirm(
            context, {each: words(each).assistant.may_remember for each in LANGUAGES}
        )
        assert self._key is not None
        try:
            if self._entry is None:
                entry = Entry(last_call=self._clock())
                await self._store.write(self._key, entry)
                self._entry = await self._store.read(self._key)
        except MemoryStoreError as e:
            logger.warning("callers are not remembered", extra={"reason": str(e)})
            raise ToolError("The notes cannot be kept now.") from e
        self._forgotten = False
        return "Notes on this call will be kept after it."

    @function_tool
    async def forget_me(self, context: RunContext[Any]) -> str:
        """Delete all notes on the user, if they ask to be forgotten or for their data to be erased.

        They are asked whether they are sure.
        """
        await self._confirm(context, {each: words(each).assistant.may_forget for each in LANGUAGES})
        assert self._key is not None
        try:
            await self._store.erase(self._key)
        except MemoryStoreError as e:
            logger.warning("a caller could not be forgotten", extra={"reason": str(e)})
            raise ToolError("The notes cannot be deleted now. They are still there.") from e
        self._entry, self._forgotten = None, True
        return "All notes on the user are deleted, and nothing of this call will be noted."

    async def learn(self, history: llm.ChatContext, model: llm.LLM[Any]) -> None:
        """Have a model write the notes anew, after the call.

        Nothing is kept of somebody who did not agree, said that they want to be forgotten, or was
        erased meanwhile by somebody else.

        Args:
            history: What was said.
            model: Writes the notes.
        """
        said = transcript(history)
        if self._key is None or self._forgotten or not any(s.who == "caller" for s in said):
            return
        if self._settings.consent == "ask" and self._entry is None:
            return
        lines = shortened([one.line for one in said], _TRANSCRIPT)
        try:
            for _ in range(2):  # a second time if another call has ended meanwhile
                now = await self._store.read(self._key)
                if self._entry is not None and now is None:
                    return  # erased
                if await self._store.write(self._key, await self._written(now, lines, model)):
                    return
        except (MemoryStoreError, UnfilledError) as e:
            logger.warning("nothing was learned of a call", extra={"reason": str(e)})

    async def _written(self, now: Entry | None, lines: list[str], model: llm.LLM[Any]) -> Entry:
        entry = now or Entry()
        data = {"notes": {"summary": entry.summary, "facts": entry.facts}, "call": lines}
        filled = await fill(model, notes.TASK, data, notes.schema(self._settings))
        summary, facts = notes.tidied(self._settings, filled["summary"], filled["facts"])
        return replace(
            entry, summary=summary, facts=facts, calls=entry.calls + 1, last_call=self._clock()
        )


async def expire(store: MemoryStore, settings: MemorySettings, now: float) -> int:
    """Erase what is kept of whoever has not called for as long as the settings say.

    Args:
        store: Where it is kept.
        settings: The ``memory`` section of the profile.
        now: Seconds since 1970.

    Returns:
        Of how many something was erased.

    Raises:
        MemoryStoreError: The store does not answer.
    """
    return await store.erase_before(now - settings.days * DAY)

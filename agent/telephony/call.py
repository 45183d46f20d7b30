"""What every call can do, whatever carries it: ask its caller something, hold, and hang up."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Coroutine
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeVar

from livekit.agents import AgentSession, utils

from ..phone_settings import PhoneSettings
from ..settings import Language
from .keys import Keys
from .question import Question
from .sip_call import HungUp

T = TypeVar("T")


class Call(ABC):
    """A call in one conversation.

    Args:
        settings: The profile's settings of the phone.
        session: The session of the conversation.
        keys: Tells of the keys that the caller presses.
        language: The caller's language, or None while it is not known.
    """

    def __init__(
        self,
        settings: PhoneSettings,
        session: AgentSession[Any],
        keys: Keys,
        language: Language | None,
    ) -> None:
        self.settings, self.session, self.keys = settings, session, keys
        self._known_language = language
        self._hung_up = asyncio.Event()

    @property
    def language(self) -> Language:
        """Language of what is said on the phone: English while the user's is not known."""
        return self._known_language or "en"

    @abstractmethod
    def music(self) -> AbstractAsyncContextManager[None]:
        """Play music on hold for as long as the context lasts."""

    async def until_hang_up(self, work: Coroutine[Any, Any, T]) -> T:
        """Do something, and give it up when the call ends: LiveKit waits for tools that run.

        Raises:
            HungUp: The call has ended.
        """
        doing, over = asyncio.ensure_future(work), asyncio.ensure_future(self._hung_up.wait())
        try:
            await asyncio.wait((doing, over), return_when=asyncio.FIRST_COMPLETED)
            if not doing.done():
                raise HungUp
            return doing.result()
        finally:
            await utils.aio.cancel_and_wait(doing, over)

    async def ask(self, question: Question[T]) -> T:
        """Ask the caller something.

        Raises:
            livekit.agents.ToolError: They gave no answer, or the call has ended.
        """
        over = asyncio.ensure_future(self._hung_up.wait())
        over.add_done_callback(lambda _: question.give_up())
        try:
            return await question
        finally:
            over.cancel()

    def hang_up(self) -> None:
        """End the call now: with the session what carries it is closed."""
        self._hung_up.set()
        self.session.shutdown(drain=False)

"""What people type: answered once, in its order, and not lost while the agent may not stop."""

from __future__ import annotations

import asyncio
import unicodedata
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

from livekit.agents import AgentSession
from livekit.agents.utils.aio import cancel_and_wait

from ..log import logger

_GATHER = 0.1
"""Seconds to wait for more lines: what is pasted arrives as several within a few milliseconds."""
_UNSEEN = ("Cc", "Cf", "Zs", "Zl", "Zp")
"""Kinds of characters that show nothing: blanks, joiners, marks of direction."""
_READ_TIMEOUT = 10.0
"""Seconds to wait for the rest of a line, so that one which never ends does not hold the others."""


class TypedLines:
    """Has typed lines answered: those that come together at once, as one message.

    A line interrupts what the agent says, as speech does. If that may not be interrupted, the line
    waits for its end.

    Args:
        session: The conversation.
        turn_to: Called with who typed, before their lines are answered.
    """

    def __init__(
        self, session: AgentSession[Any], turn_to: Callable[[str], None] = lambda _: None
    ) -> None:
        self._session = session
        self._turn_to = turn_to
        self._lines: deque[tuple[str, asyncio.Future[str | None]]] = deque()
        self._came = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def add(self, identity: str, line: Awaitable[str | None]) -> None:
        """Answer a line once it has been read.

        Args:
            identity: Who typed it.
            line: Its text; None if it is not to be answered.
        """
        self._lines.append((identity, asyncio.ensure_future(line)))
        self._came.set()
        if self._task is None:
            self._task = asyncio.create_task(self._answer())

    async def aclose(self) -> None:
        """Answer nothing more. May be called twice."""
        if self._task:
            await cancel_and_wait(self._task)
        for _, line in self._lines:
            line.cancel()
        await asyncio.gather(*(line for _, line in self._lines), return_exceptions=True)
        self._lines.clear()

    async def _answer(self) -> None:
        while True:
            await self._came.wait()
            if not self._lines:
                self._came.clear()
                continue
            try:
                await self._answer_together()
            except Exception:
                # One that cannot be answered, as a conversation ends, does not take the rest along.
                logger.exception("typed line not answered")

    async def _answer_together(self) -> None:
        identity = self._lines[0][0]
        lines = [await self._read()]
        if not lines[0]:
            return
        await asyncio.sleep(_GATHER)
        await self._until_interruptible()
        while self._lines and self._lines[0][0] == identity and self._lines[0][1].done():
            lines.append(await self._read())
        self._turn_to(identity)
        await self._interrupt()
        self._session.generate_reply(user_input="\n".join(filter(None, lines)))

    async def _read(self) -> str:
        """The next line, empty if there is nothing in it to be answered."""
        _, line = self._lines.popleft()
        # Awaited itself, a line that fails or is cancelled would take others along.
        await asyncio.wait([line], timeout=_READ_TIMEOUT)
        if not line.done():
            line.cancel()
            logger.warning("typed line never ended")
            return ""
        if line.cancelled():
            return ""
        if error := line.exception():
            logger.error("typed line not read", exc_info=error)
            return ""
        text = (line.result() or "").strip()
        # Marks that take no room are nothing that can be answered.
        return text if any(unicodedata.category(c) not in _UNSEEN for c in text) else ""

    async def _interrupt(self) -> None:
        """Stop what the agent says; what began just now and may not be stopped is waited for."""
        while True:
            await self._until_interruptible()
            try:
                await self._session.interrupt()
            except RuntimeError:
                speech = self._session.current_speech
                if speech is None or speech.allow_interruptions or speech.done():
                    raise
            else:
                return

    async def _until_interruptible(self) -> None:
        while (speech := self._session.current_speech) and not (
            speech.allow_interruptions or speech.done()
        ):
            await speech.wait_for_playout()

"""What people type: answered once, in its order, and not lost while the agent may not stop."""

from __future__ import annotations

import asyncio
import unicodedata
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, NamedTuple, Protocol

from livekit.agents import AgentSession
from livekit.agents.utils.aio import cancel_and_wait

from ..log import logger

_GATHER = 0.1
"""Seconds to wait for more lines: what is pasted arrives as several within a few milliseconds."""
_UNSEEN = ("Cc", "Cf", "Zs", "Zl", "Zp")
"""Kinds of characters that show nothing: blanks, joiners, marks of direction."""
_READ_TIMEOUT = 10.0
"""Seconds for a line to arrive in, so that one which never ends does not hold the others."""
LONGEST = 2000
"""Characters that are answered at once: a page of text. A prompt of 20,000 keeps a small model busy
for a minute, for everybody."""
_MOST_WAITING = 20
"""Lines of one person that wait; what is pasted as more is not read."""
_BURST, _PAUSE = 5.0, 2.0
"""How many messages of one person are answered in a row, and after how many seconds each later one:
each is a prompt to the model, and lines that come meanwhile are answered together."""


class Parts(Protocol):
    """A text that arrives in parts, as LiveKit's ``TextStreamReader`` has it."""

    def __aiter__(self) -> AsyncIterator[str]:
        """The parts."""
        ...

    def close(self) -> None:
        """Take no more of them; may be called twice."""
        ...


async def read_line(reader: Parts) -> str:
    """A line as it arrives, of which only what may be answered is read.

    Args:
        reader: Its parts; closed in any case.

    Raises:
        livekit.rtc.StreamError: It was broken off.
    """
    text = ""
    try:
        async for part in reader:
            text += part
            if len(text) >= LONGEST:
                break
    finally:
        reader.close()
    return text[:LONGEST]


class _Pace:
    """Lets one person have messages answered in a row, and then one now and then."""

    def __init__(self) -> None:
        self._left = _BURST
        self._at = asyncio.get_running_loop().time()

    async def step(self) -> None:
        """Wait until one more may be answered."""
        clock = asyncio.get_running_loop().time
        self._left = min(_BURST, self._left + (clock() - self._at) / _PAUSE) - 1.0
        self._at = clock()
        if self._left < 0.0:
            await asyncio.sleep(-self._left * _PAUSE)


class _Line(NamedTuple):
    """A line that waits."""

    identity: str
    text: asyncio.Future[str | None]
    by: float
    """When it has to be here, on the loop's clock."""


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
        self._lines: deque[_Line] = deque()
        self._paces: dict[str, _Pace] = {}
        self._came = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def takes(self, identity: str) -> bool:
        """Whether a line of this person may wait: no more do than are answered."""
        return sum(line.identity == identity for line in self._lines) < _MOST_WAITING

    def add(self, identity: str, line: Awaitable[str | None]) -> None:
        """Answer a line once it has been read.

        Args:
            identity: Who typed it.
            line: Its text; None if it is not to be answered.
        """
        by = asyncio.get_running_loop().time() + _READ_TIMEOUT
        self._lines.append(_Line(identity, asyncio.ensure_future(line), by))
        self._came.set()
        if self._task is None:
            self._task = asyncio.create_task(self._answer())

    async def aclose(self) -> None:
        """Answer nothing more. May be called twice."""
        if self._task:
            await cancel_and_wait(self._task)
        for line in self._lines:
            line.text.cancel()
        await asyncio.gather(*(line.text for line in self._lines), return_exceptions=True)
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
        identity = self._lines[0].identity
        lines = [await self._read()]
        if not lines[0]:
            return
        await asyncio.sleep(_GATHER)
        await self._paces.setdefault(identity, _Pace()).step()
        await self._until_interruptible()
        while self._lines and self._lines[0].identity == identity and self._lines[0].text.done():
            lines.append(await self._read())
        self._turn_to(identity)
        await self._interrupt()
        self._session.generate_reply(user_input=_together(lines))

    async def _read(self) -> str:
        """The next line, empty if there is nothing in it to be answered."""
        _, line, by = self._lines.popleft()
        # Awaited itself, a line that fails or is cancelled would take others along.
        await asyncio.wait([line], timeout=max(0.0, by - asyncio.get_running_loop().time()))
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


def _together(lines: list[str]) -> str:
    """Lines as one message: the latest of them, if all are too long."""
    kept: list[str] = []
    for line in reversed([line for line in lines if line]):
        if kept and sum(map(len, kept)) + len(kept) + len(line) > LONGEST:
            break
        kept.insert(0, line)
    return "\n".join(kept)

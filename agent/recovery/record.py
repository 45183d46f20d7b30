"""The job's side of the book: it shows that it lives, and keeps what was said."""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
from collections.abc import Awaitable, Callable
from typing import Any

from livekit import rtc
from livekit.agents import AgentSession, llm

from . import continuation
from .book import CallBook, StoreError
from .continuation import Continuation

logger = logging.getLogger("parley")

_BEAT = 1.0
"""Seconds between two signs of life."""

_ENDED = (
    rtc.DisconnectReason.CLIENT_INITIATED,
    rtc.DisconnectReason.ROOM_DELETED,
    rtc.DisconnectReason.ROOM_CLOSED,
)
"""Why an agent is no longer in its room when its call is over."""


class CallRecord:
    """What one job writes of its call.

    A store that does not answer is logged once and tried again with the next beat: nobody's
    conversation depends on it while the job lives.

    Args:
        book: Where it writes; closed with the record.
        room: The job's connection to its room.
        name: Name of the room.
        agent: Identity of the job's participant in it.
    """

    def __init__(self, book: CallBook, room: rtc.Room, name: str, agent: str) -> None:
        self._book, self._room, self._name, self._agent = book, room, name, agent
        self._session: AgentSession[Any] | None = None
        self._before: Continuation | None = None
        self._is_new, self._orphaned, self._closing = False, False, False
        self._wake = asyncio.Event()
        self._answers = True
        self._task: asyncio.Task[None] | None = None
        self._gone: rtc.DisconnectReason.ValueType | None = None
        room.on("disconnected", self._on_disconnected)

    def start(self) -> None:
        """Show from now on that the job lives."""
        self._task = asyncio.create_task(self._run())

    async def begin(self, user: str) -> Continuation | None:
        """Note whom the agent speaks with.

        Returns:
            What they have said to an agent before this one; None if there was none.
        """
        history = await self._answer(lambda: self._book.begin(self._name, self._agent, user))
        self._before = continuation.read(history)
        return self._before

    def follow(self, session: AgentSession[Any]) -> None:
        """Keep what is said from now on."""
        self._session = session
        session.on("conversation_item_added", self._on_said)
        session.on("function_tools_executed", self._on_said)

    @property
    def said(self) -> llm.ChatContext:
        """What was said in the call, to the agents before this one, too."""
        before = self._before.said.items if self._before else []
        return llm.ChatContext([*before, *(self._session.history.items if self._session else [])])

    async def lose(self) -> None:
        """Have another agent take the call: this one cannot go on."""
        await self._answer(lambda: self._book.lose(self._name, self._agent))

    async def hand(self) -> None:
        """Have no agent called to the room any more: the caller speaks with somebody else.

        The call keeps its place among those of its server until it ends.
        """
        await self._answer(lambda: self._book.hand(self._name, self._agent))

    @property
    def lost(self) -> bool:
        """Whether LiveKit has lost the agent, whose call another one may go on with."""
        if self._gone is None:
            return self._room.connection_state == rtc.ConnectionState.CONN_RECONNECTING
        return self._gone != rtc.DisconnectReason.PARTICIPANT_REMOVED

    async def is_taken(self) -> bool:
        """Whether another agent goes on with the call: one that hangs is replaced, and may wake."""
        if self.lost:
            return True
        try:
            return not await self._book.has(self._name, self._agent)
        except StoreError:
            return False

    async def is_ours(self) -> bool:
        """Whether the call ends with this agent, which nobody has taken out of its room."""
        return self._gone is None and not await self.is_taken()

    async def release(self) -> None:
        """Note that the call has ended, though its job has not.

        It goes on without this agent if LiveKit lost it, and without any if somebody removed it.
        """
        if self.lost:
            await self.lose()
        elif self._gone is not None:
            await self.hand()
        else:
            await self._answer(lambda: self._book.finish(self._name, self._agent))

    async def aclose(self) -> None:
        """Note that the call has ended, wipe what was said, close the book; may be called twice."""
        if self._closing:
            return
        self._closing = True
        self._room.off("disconnected", self._on_disconnected)
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self.release()
        await self._book.aclose()

    def _on_disconnected(self, reason: rtc.DisconnectReason.ValueType) -> None:
        if reason not in _ENDED:
            self._gone = reason
            logger.warning(
                "the agent is no longer in its call",
                extra={"reason": rtc.DisconnectReason.Name(reason)},
            )

    def _on_said(self, _: object) -> None:
        self._is_new = True
        self._wake.set()

    async def _run(self) -> None:
        # LiveKit's server dies without a word to its jobs, which end at the next moment. The pipe
        # by which Python tells a process of its parent's end says it first; with LiveKit's
        # forkserver that is the server, too. There is none on Windows' threads and in tests.
        parent = multiprocessing.parent_process()
        loop = asyncio.get_running_loop()
        if parent:
            loop.add_reader(parent.sentinel, self._on_server_died, parent.sentinel)
        try:
            while not self._orphaned:
                self._wake.clear()
                await self._write()
                try:
                    async with asyncio.timeout(_BEAT):
                        await self._wake.wait()
                except TimeoutError:
                    pass
        except asyncio.CancelledError:
            if self._closing:
                raise
            self._orphaned = True  # LiveKit was faster
        finally:
            if parent:
                loop.remove_reader(parent.sentinel)
        await self._leave()

    def _on_server_died(self, sentinel: int) -> None:
        asyncio.get_running_loop().remove_reader(sentinel)
        self._orphaned = True
        self._wake.set()

    async def _write(self) -> None:
        history = None
        if self._is_new and self._session:
            self._is_new = False
            history = continuation.written(self.said.items)
        await self._answer(lambda: self._book.keep(self._name, self._agent, history))

    async def _leave(self) -> None:
        """Go without a server: the next agent is called at once, and nobody sees this one speak."""
        await _even_if_cancelled(
            lambda: self._answer(lambda: self._book.orphan(self._name, self._agent))
        )
        await _even_if_cancelled(self._room.disconnect)

    async def _answer(self, ask: Callable[[], Awaitable[str | None]]) -> str | None:
        try:
            answer = await ask()
        except StoreError as e:
            if self._answers:
                logger.error("the call is not kept", extra={"reason": str(e)})
            self._answers = False
            return None
        self._answers = True
        return answer


async def _even_if_cancelled(work: Callable[[], Awaitable[object]]) -> None:
    """Do something while the loop ends, which cancels each of its tasks once."""
    try:
        await work()
    except asyncio.CancelledError:
        await work()

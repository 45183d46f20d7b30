"""Waiting, as every rule of conduct needs it: for one thing at a time, and for quiet."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from livekit.agents import AgentSession
from livekit.agents.utils.aio import cancel_and_wait
from livekit.agents.voice.agent_activity import ActivityClosedError

from ..log import logger


class Pending:
    """At most one task at a time: a new one takes the place of the old one."""

    def __init__(self) -> None:
        self._task: asyncio.Task[None] | None = None

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Do this from now on, and nothing that was begun before."""
        self.cancel()
        self._task = asyncio.create_task(work)
        self._task.add_done_callback(report)

    def cancel(self) -> None:
        """Do nothing any more."""
        if self._task:
            self._task.cancel()

    async def aclose(self) -> None:
        """Cancel, and wait until it has ended."""
        if self._task:
            await cancel_and_wait(self._task)


async def quiet(session: AgentSession[Any], seconds: float) -> None:
    """Wait until neither side has spoken, or is about to, for so many seconds."""
    changed = asyncio.Event()

    def note(_: object) -> None:
        changed.set()

    session.on("agent_state_changed", note)
    session.on("user_state_changed", note)
    try:
        while True:
            await session.wait_for_idle()
            changed.clear()
            try:
                async with asyncio.timeout(seconds):
                    await changed.wait()
            except TimeoutError:
                return
    finally:
        session.off("agent_state_changed", note)
        session.off("user_state_changed", note)


def report(task: asyncio.Task[None]) -> None:
    """Log the error by which a task has ended, if any; a done callback."""
    error = None if task.cancelled() else task.exception()
    if error and not isinstance(error, ActivityClosedError):  # the conversation may just end
        logger.error("conduct failed", exc_info=error)

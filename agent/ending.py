"""How a call ends, and what its job still does then: nobody waits for it any more.

LiveKit gives a job's ``on_session_end`` five minutes, and its shutdown callbacks a few seconds.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any
from weakref import WeakKeyDictionary

from livekit.agents import AgentSession, JobContext

from .recovery import is_there

logger = logging.getLogger("parley")

Work = Callable[[], Awaitable[object]]

_work: WeakKeyDictionary[JobContext, list[tuple[str, Work]]] = WeakKeyDictionary()


def end_with(
    session: AgentSession[Any],
    ctx: JobContext,
    ours: Callable[[], Awaitable[bool]] | None = None,
) -> None:
    """Have the room and the job end with a conversation.

    LiveKit's ``delete_room_on_close`` would close the room behind an agent that has lost it, too:
    when its connection broke, or another agent has taken the call. That room is the caller's.

    Args:
        session: The conversation.
        ctx: The job.
        ours: Whether the call is still the job's own; it always is if None.
    """

    async def end() -> None:
        if ours is not None and not await ours():
            return
        # LiveKit ends the job of an agent that was taken out of its room, and may do so before the
        # agent's own connection has told it.
        if await is_there(ctx.api, ctx.room.name, ctx.local_participant_identity):
            await ctx.delete_room()

    def on_close(_: object) -> None:
        if not ctx.is_fake_job():
            ending = asyncio.create_task(end())

            async def wait() -> None:
                await ending

            ctx.add_shutdown_callback(wait)
        ctx.shutdown()

    session.on("close", on_close)


def when_over(ctx: JobContext, name: str, work: Work) -> None:
    """Have something done when the call of a job has ended, after all that was given before.

    Args:
        ctx: The job.
        name: What it is, for the log.
        work: Does it.
    """
    _work.setdefault(ctx, []).append((name, work))


async def on_session_end(ctx: JobContext) -> None:
    """Do all that there is to be done; what fails does not keep the rest from it."""
    for name, work in _work.pop(ctx, []):
        try:
            await work()
        except Exception:
            logger.exception("something after a call failed", extra={"what": name})

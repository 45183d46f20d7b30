"""What a job still does once its call has ended: nobody waits for it any more.

LiveKit gives a job's ``on_session_end`` five minutes, and its shutdown callbacks a few seconds.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from weakref import WeakKeyDictionary

from livekit.agents import JobContext

logger = logging.getLogger("parley")

Work = Callable[[], Awaitable[object]]

_work: WeakKeyDictionary[JobContext, list[tuple[str, Work]]] = WeakKeyDictionary()


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

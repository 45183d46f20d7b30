"""The two ends in an agent server: a job that hands its record over, and what delivers it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator

from livekit.agents import JobContext, llm

from .. import engines
from ..engine_settings import LLMSettings
from ..post_call_settings import PostCallSettings
from .analysis import form
from .deliverer import Deliverer
from .outbox import Outbox
from .places import places
from .record import About, call_record, whole
from .recording import kept

logger = logging.getLogger("parley")


async def hand_over(
    ctx: JobContext, settings: PostCallSettings, about: About, said: llm.ChatContext
) -> None:
    """Put the record of a job's call, which has ended, into the outbox.

    Args:
        ctx: The job.
        settings: The ``post_call`` section of its profile or of its agent.
        about: What LiveKit does not know of the call.
        said: What was said in it, to an agent that has died meanwhile, too.

    Raises:
        OutboxError: The outbox did not take it.
        RuntimeError: There was no session.
    """
    report = whole(ctx.make_session_report(), said)
    outbox = Outbox()
    try:
        record = call_record(report, about)
        record = await asyncio.to_thread(kept, report, record, outbox.folder)
        await outbox.put(record, places(settings), form(settings))
    finally:
        await outbox.aclose()


@contextlib.asynccontextmanager
async def delivering(settings: PostCallSettings | None, llm: LLMSettings) -> AsyncIterator[None]:
    """Deliver the records of all jobs of this machine while an agent server runs.

    Args:
        settings: The ``post_call`` section of the profile; None delivers nothing.
        llm: Its ``llm`` section: the model that sums calls up.

    Raises:
        RecordStoreError: What a bucket needs is not installed.
    """
    if settings is None:
        yield
        return
    outbox = Outbox()
    model = engines.llm(llm, takes_tools=False)
    try:
        running = asyncio.create_task(Deliverer(settings, outbox, model).run())
        running.add_done_callback(_log_failure)
        try:
            yield
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
    finally:
        await model.aclose()
        await outbox.aclose()


def _log_failure(running: asyncio.Task[None]) -> None:
    if not running.cancelled() and (error := running.exception()):
        logger.error("records of calls are not sent any more", exc_info=error)

"""The two ends in an agent server: a job that hands its record over, and what delivers it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from typing import Any

from livekit.agents import llm
from livekit.agents.voice.report import SessionReport

from .. import engines
from ..engine_settings import LLMSettings
from ..post_call_settings import PostCallSettings
from ..structured import UnfilledError
from ..wrong import SettingsError
from .analysis import form
from .deliverer import Deliverer
from .outbox import Outbox
from .places import places
from .record import About, Record, call_record, whole
from .recording import kept

logger = logging.getLogger("parley")

FLUSH = 20.0
"""Seconds that a server which ends still takes for the records that are due: those of the calls
that it has just finished. What is left waits for the next one."""


async def hand_over(
    report: SessionReport,
    settings: PostCallSettings,
    about: About,
    said: llm.ChatContext,
    agent: str,
) -> None:
    """Put the record of a call, which has ended, into the outbox.

    Args:
        report: LiveKit's.
        settings: The ``post_call`` section of its profile or of its agent.
        about: What LiveKit does not know of the call.
        said: What was said in it, to an agent that has died meanwhile, too.
        agent: Folder or file of the agent, whose model sums the call up.

    Raises:
        OutboxError: The outbox did not take it.
    """
    report = whole(report, said)
    outbox = Outbox()
    try:
        record = call_record(report, about)
        record = await asyncio.to_thread(kept, report, record, outbox.folder)
        await outbox.put(record, places(settings), form(settings), agent)
    finally:
        await outbox.aclose()


async def hand_over_detail(record: Record, settings: PostCallSettings) -> None:
    """Put the record of an attempt to call into the outbox; no model sees it.

    Args:
        record: The record.
        settings: The ``post_call`` section of its profile or of its agent.

    Raises:
        OutboxError: The outbox did not take it.
    """
    outbox = Outbox()
    try:
        await outbox.put(record, places(settings))
    finally:
        await outbox.aclose()


@contextlib.asynccontextmanager
async def delivering(
    settings: PostCallSettings | None, model_of: Callable[[str], LLMSettings]
) -> AsyncIterator[None]:
    """Deliver the records of all jobs of this machine while an agent server runs.

    Args:
        settings: The ``post_call`` section of the profile; None delivers nothing.
        model_of: Finds the ``llm`` section of an agent, which is told by its folder or file: the
            model that sums its calls up. Raises SettingsError, and is called in a thread.

    Raises:
        RecordStoreError: What a bucket or a database needs is not installed.
    """
    if settings is None:
        yield
        return
    outbox = Outbox()

    async def model(agent: str) -> llm.LLM[Any]:
        try:  # reading it imports its tools, which may take seconds
            found = await asyncio.to_thread(model_of, agent)
        except SettingsError as e:
            # It names folders of this machine, and whoever gets the record need not know them.
            logger.warning("an agent cannot be read", extra={"reason": str(e)})
            raise UnfilledError("The agent that held the call cannot be read any more.") from e
        return engines.llm(found, takes_tools=False)

    try:
        deliverer = Deliverer(settings, outbox, model)
        running = asyncio.create_task(deliverer.run())
        running.add_done_callback(_log_failure)
        try:
            yield
            deliverer.finish()
            await asyncio.wait({running}, timeout=FLUSH)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
    finally:
        await outbox.aclose()


def _log_failure(running: asyncio.Task[None]) -> None:
    if not running.cancelled() and (error := running.exception()):
        logger.error("records of calls are not sent any more", exc_info=error)

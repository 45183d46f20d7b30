"""Which engines are in trouble, told to whoever is in the room."""

from __future__ import annotations

import asyncio
import logging

from livekit import rtc
from livekit.agents.utils.aio import cancel_and_wait

from agent.telemetry.engines import Engine

logger = logging.getLogger("parley")

ATTRIBUTE_TROUBLE = "parley.trouble"
"""Attribute of the agent's: the engines that fail, as in ``stt,tts``; empty when all are well."""


class Trouble:
    """The engines that are in trouble.

    Args:
        room: Where to tell of it; None where there is nobody to read it.
    """

    def __init__(self, room: rtc.Room | None) -> None:
        self._room = room
        self._engines: set[Engine] = set()
        self._changed = asyncio.Event()
        self._telling: asyncio.Task[None] | None = None

    def __contains__(self, engine: Engine) -> bool:
        return engine in self._engines

    def begins(self, engine: Engine) -> None:
        """An engine is in trouble."""
        if engine not in self._engines:
            logger.warning("an engine fails", extra={"engine": engine})
            self._engines.add(engine)
            self._tell()

    def ends(self, engine: Engine) -> None:
        """An engine is well."""
        if engine in self._engines:
            logger.info("an engine is well again", extra={"engine": engine})
            self._engines.discard(engine)
            self._tell()

    async def aclose(self) -> None:
        """Tell nothing more; may be called twice."""
        if self._telling:
            await cancel_and_wait(self._telling)

    def _tell(self) -> None:
        if self._room is None:
            return
        self._changed.set()
        if self._telling is None or self._telling.done():
            self._telling = asyncio.create_task(self._publish(self._room))

    async def _publish(self, room: rtc.Room) -> None:
        """Tell the latest, one at a time: of two that overtake each other the wrong one stays."""
        while self._changed.is_set():
            self._changed.clear()
            told = ",".join(sorted(self._engines))
            if room.isconnected():
                await room.local_participant.set_attributes({ATTRIBUTE_TROUBLE: told})

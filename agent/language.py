"""The language that a user speaks, as their client or their line says it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from livekit import rtc
from livekit.agents.utils.aio import cancel_and_wait

from .languages import Language, language_named
from .settings import LANGUAGE_ATTRIBUTE

logger = logging.getLogger("parley")

PAUSE = 1.0
"""Seconds from one change of language to the next: more than a person takes who chose wrongly."""


def language_of(participant: rtc.Participant) -> Language | None:
    """The language that a participant's client names, if it names one we speak."""
    return language_named(participant.attributes.get(LANGUAGE_ATTRIBUTE))


class LanguageSwitch:
    """Follows a user who changes the language in the middle.

    A change makes the model read its prompt anew, so one follows another after a pause, and only
    the latest is followed.

    Args:
        room: Where the user is.
        follow: Called with each new language.
    """

    def __init__(self, room: rtc.Room, follow: Callable[[Language], Awaitable[None]]) -> None:
        self._room = room
        self._follow = follow
        self._wanted: Language | None = None
        self._task: asyncio.Task[None] | None = None
        room.on("participant_attributes_changed", self._on_attributes)

    async def aclose(self) -> None:
        """Stop following the user, and cancel a change that is under way; may be called twice."""
        self._room.off("participant_attributes_changed", self._on_attributes)
        if self._task:
            await cancel_and_wait(self._task)

    def _on_attributes(self, changed: dict[str, str], participant: rtc.Participant) -> None:
        chosen = language_of(participant) if LANGUAGE_ATTRIBUTE in changed else None
        if chosen is None:
            return
        self._wanted = chosen
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._keep_up(), name="language")

    async def _keep_up(self) -> None:
        followed: Language | None = None
        while self._wanted != followed:
            followed = self._wanted
            assert followed is not None
            try:
                await self._follow(followed)
            except Exception:
                # Another change may succeed; the conversation goes on in what there is.
                logger.exception("language not followed")
            await asyncio.sleep(PAUSE)

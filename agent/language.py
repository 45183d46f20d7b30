"""The language that a user speaks, as their client or their line says it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from livekit import rtc

from .settings import LANGUAGE_ATTRIBUTE, Language


def language_named(name: str | None) -> Language | None:
    """The language with that name; None if it is not one that we speak."""
    match name:
        case "en":
            return "en"
        case "zh":
            return "zh"
        case _:
            return None


def language_of(participant: rtc.Participant) -> Language | None:
    """The language that a participant's client names, if it names one we speak."""
    return language_named(participant.attributes.get(LANGUAGE_ATTRIBUTE))


class LanguageSwitch:
    """Follows a user who changes the language in the middle.

    Args:
        room: Where the user is.
        follow: Called with each new language.
    """

    def __init__(self, room: rtc.Room, follow: Callable[[Language], Awaitable[None]]) -> None:
        self._room = room
        self._follow = follow
        self._tasks: set[asyncio.Task[None]] = set()
        room.on("participant_attributes_changed", self._on_attributes)

    async def aclose(self) -> None:
        """Stop following the user, and cancel a change that is under way; may be called twice."""
        self._room.off("participant_attributes_changed", self._on_attributes)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _on_attributes(self, changed: dict[str, str], participant: rtc.Participant) -> None:
        chosen = language_of(participant) if LANGUAGE_ATTRIBUTE in changed else None
        if chosen:
            task = asyncio.create_task(self._switch(chosen))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _switch(self, language: Language) -> None:
        await self._follow(language)

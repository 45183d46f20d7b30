"""Says the prerecorded prompts, in the language that is being spoken."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from typing import Any

import numpy as np
from livekit import rtc
from livekit.agents import AgentSession
from livekit.agents.types import (
    ATTRIBUTE_TRANSCRIPTION_FINAL,
    ATTRIBUTE_TRANSCRIPTION_SEGMENT_ID,
    TOPIC_TRANSCRIPTION,
)
from livekit.agents.utils import aio, shortuuid
from livekit.agents.voice import SpeechHandle
from livekit.plugins.turn_taking.conduct.waiting import Pending, quiet

from agent.languages import Language, Phrase, words
from agent.prerecorded import Prerecorded

from .ground import Ground

logger = logging.getLogger("parley")

_QUIET = 2.0
"""Seconds in which nobody speaks before the voice is asked for a prompt: it is nobody's turn."""


class Prompter:
    """Says prompts in one conversation; they are no part of its history.

    Args:
        session: The conversation.
        ground: What holds it.
        prerecorded: The prompts.
        language: Tells which language is being spoken.
        room: Where to show the words; None where nobody can read.
    """

    def __init__(
        self,
        session: AgentSession[Any],
        ground: Ground,
        prerecorded: Prerecorded,
        language: Callable[[], Language],
        room: rtc.Room | None,
    ) -> None:
        self._session = session
        self._ground = ground
        self._prerecorded = prerecorded
        self._language = language
        self._room = room
        self._captions: set[asyncio.Task[None]] = set()
        self._making = Pending()

    async def load(self) -> None:
        """Have the prompts ready."""
        await self._prerecorded.load()

    async def aclose(self) -> None:
        """Make and show nothing more; may be called twice."""
        await self._making.aclose()
        await aio.cancel_and_wait(*self._captions)

    def frames(self, phrase: Phrase) -> AsyncIterator[rtc.AudioFrame]:
        """The sound of a prompt."""
        return self._prerecorded.frames(phrase, self._language())

    def say(self, phrase: Phrase, *, interruptible: bool = True) -> SpeechHandle | None:
        """Say a prompt when what is being said is over; None if the conversation is ending."""
        try:
            return self._session.say(
                words(self._language()).prompts[phrase],
                audio=self.frames(phrase),
                allow_interruptions=interruptible,
                add_to_chat_ctx=False,
            )
        except RuntimeError:
            return None

    def say_now(self, phrase: Phrase) -> None:
        """Say a prompt while a reply is being made, which goes on."""
        if self._session.current_speech is None:
            self.say(phrase)
            return
        language = self._language()
        sound = self._prerecorded.sound(phrase, language)
        text = words(language).prompts[phrase]
        if self._ground.say_aside(np.frombuffer(sound.data, np.int16), text):
            self._caption(text)

    def make(self) -> None:
        """Have the session's voice speak the prompts that it has not spoken yet, when it can."""
        self._making.start(self._make())

    async def _make(self) -> None:
        language, voice = self._language(), self._session.tts
        for phrase in self._prerecorded.missing(language):
            await quiet(self._session, _QUIET)
            if voice:
                await self._prerecorded.make(voice, phrase, language)

    def _caption(self, text: str) -> None:
        if self._room is None or not self._room.isconnected():
            return
        task = asyncio.create_task(self._publish(self._room, text))
        self._captions.add(task)
        task.add_done_callback(self._captions.discard)

    async def _publish(self, room: rtc.Room, text: str) -> None:
        attributes = {
            ATTRIBUTE_TRANSCRIPTION_SEGMENT_ID: shortuuid("SG_"),
            ATTRIBUTE_TRANSCRIPTION_FINAL: "true",
        }
        try:
            await room.local_participant.send_text(
                text, topic=TOPIC_TRANSCRIPTION, attributes=attributes
            )
        except rtc.StreamError as e:  # the room may just be closing
            logger.debug("caption not sent", extra={"error": str(e)})

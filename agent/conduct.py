"""What the agent does of its own accord in one conversation; tools reach it as their userdata."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator
from contextlib import nullcontext
from typing import Protocol, get_args

from livekit import rtc
from livekit.agents import AgentSession, FlushSentinel, inference, llm
from livekit.plugins.turn_taking.conduct.backchannel import Backchannels, BackchannelTrack
from livekit.plugins.turn_taking.conduct.filler import Filler
from livekit.plugins.turn_taking.conduct.idle import Idle
from livekit.plugins.turn_taking.conduct.interjection import Interjections
from livekit.plugins.turn_taking.conduct.long_answers import LongAnswers
from livekit.plugins.turn_taking.conduct.participants import Participants
from livekit.plugins.turn_taking.conduct.phrases import PHRASES, Phrases
from livekit.plugins.turn_taking.floor import Floor

from .settings import ConductSettings, Language, PhoneTool

Answer = AsyncGenerator[llm.ChatChunk | str | FlushSentinel, None]


class _Part(Protocol):
    async def aclose(self) -> None: ...


class Conduct:
    """The rules of conduct, put together around one session.

    Args:
        settings: Of the profile.
        language: The user's, or None while it is not known; may be changed at any time.
        phone: Whether the user is a caller.
    """

    def __init__(
        self, settings: ConductSettings, language: Language | None = None, *, phone: bool = False
    ) -> None:
        self.language = language
        self._settings = settings
        self._silence = settings.phone_silence if phone else settings.silence
        self._plan = LongAnswers(settings.plan.pause) if settings.plan.enabled else None
        self._company: Participants | None = None
        self._parts: list[_Part] = []

    @property
    def away_after(self) -> float | None:
        """LiveKit's ``user_away_timeout``, in seconds; None for never."""
        return self._silence.ask_after or None

    def follow(
        self,
        session: AgentSession[Conduct],
        room: rtc.Room | None,
        floor: Floor | None = None,
    ) -> None:
        """Behave like this in a session that has not been started yet.

        Args:
            session: The conversation.
            room: Where it is held; None on the console, where there is one person and one voice.
            floor: Of the session; None for a session that is told of every pause anyway.
        """
        settings = self._settings
        self._session = session
        telling_pauses = floor.telling_pauses if floor else nullcontext
        interjections = Interjections(session, telling_pauses)
        self.interject = interjections.interject
        self._parts = [
            interjections,
            Idle(session, self._silence.leave_after, self.phrases),
        ]
        if self._plan:
            self._plan.follow(session)
            self._parts.append(self._plan)
        if settings.filler_after:
            self._parts.append(
                Filler(session, settings.filler_after, self.phrases, but=get_args(PhoneTool))
            )
        if room and floor and settings.backchannel_after:
            mouth = BackchannelTrack(session, room)
            nods = Backchannels(
                session,
                floor.microphone,
                mouth,
                settings.backchannel_after,
                floor.shortest,
                self.phrases,
            )
            self._parts += [nods, mouth]
        if room:
            self._company = Participants(
                session, room, inference.VAD(model="silero"), telling_pauses
            )
            self._parts.append(self._company)

    async def aclose(self) -> None:
        """Do nothing more."""
        for part in self._parts:
            await part.aclose()

    def attributed(self, chat_ctx: llm.ChatContext) -> llm.ChatContext:
        """The conversation as the model is to see it: who said what, if there are several."""
        return self._company.attributed(chat_ctx) if self._company else chat_ctx

    def in_parts(self, chat_ctx: llm.ChatContext, answer: Answer) -> Answer:
        """The model's answer as it is to be spoken: a long one in parts."""
        return self._plan.answer(chat_ctx, answer) if self._plan else answer

    def phrases(self) -> Phrases:
        """What is said of its own accord, in the language that is being spoken."""
        if self.language:
            return PHRASES[self.language]
        asked = [m.text_content or "" for m in self._session.history.messages() if m.role == "user"]
        return PHRASES["zh" if asked and re.search("[㐀-鿿]", asked[-1]) else "en"]

"""What the agent does of its own accord in one conversation; tools reach it as their userdata."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator
from contextlib import nullcontext
from typing import Any, Protocol, get_args

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
    """The rules of conduct, put together around one session that has not been started yet.

    It becomes the session's userdata, and says when LiveKit takes the user to be away.

    Args:
        settings: The profile's section.
        session: The conversation.
        room: Where it is held; None where there is one person and one voice.
        floor: The session's turn-taking; None for a session that is told of every pause anyway.
        language: The user's, or None while it is not known; may be changed at any time.
        phone: Whether the user is a caller.
    """

    def __init__(
        self,
        settings: ConductSettings,
        session: AgentSession[Any],
        room: rtc.Room | None = None,
        floor: Floor | None = None,
        *,
        language: Language | None = None,
        phone: bool = False,
    ) -> None:
        self.language = language
        self._session = session
        silence = settings.phone_silence if phone else settings.silence
        session.userdata = self
        session.options.user_away_timeout = silence.ask_after or None
        telling_pauses = floor.telling_pauses if floor else nullcontext
        interjections = Interjections(session, telling_pauses)
        self.interject = interjections.interject
        self._plan = LongAnswers(session, settings.plan.pause) if settings.plan.enabled else None
        self._participants: Participants | None = None
        self._parts: list[_Part] = [
            interjections,
            Idle(session, silence.leave_after, self.phrases),
        ]
        if self._plan:
            self._parts.append(self._plan)
        if settings.filler_after:
            self._parts.append(
                Filler(session, settings.filler_after, self.phrases, but=get_args(PhoneTool))
            )
        if room and floor and settings.backchannel_after:
            track = BackchannelTrack(session, room)
            backchannels = Backchannels(
                session,
                floor.microphone,
                track,
                settings.backchannel_after,
                floor.shortest,
                self.phrases,
            )
            self._parts += [backchannels, track]
        if room:
            detector = floor.microphone.detector if floor else inference.VAD(model="silero")
            self._participants = Participants(session, room, detector, telling_pauses)
            self._parts.append(self._participants)

    async def aclose(self) -> None:
        """Stop every rule; may be called twice."""
        for part in self._parts:
            await part.aclose()

    def attributed(self, chat_ctx: llm.ChatContext) -> llm.ChatContext:
        """The conversation as the model is to see it: who said what, if there are several."""
        return self._participants.attributed(chat_ctx) if self._participants else chat_ctx

    def in_parts(self, chat_ctx: llm.ChatContext, answer: Answer) -> Answer:
        """The model's answer as it is to be spoken: a long one in parts."""
        return self._plan.answer(chat_ctx, answer) if self._plan else answer

    def phrases(self) -> Phrases:
        """What is said of its own accord, in the language that is being spoken."""
        if self.language:
            return PHRASES[self.language]
        asked = [m.text_content or "" for m in self._session.history.messages() if m.role == "user"]
        return PHRASES["zh" if asked and re.search("[㐀-鿿]", asked[-1]) else "en"]

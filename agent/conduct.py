"""What the agent does of its own accord in one conversation; tools reach it as their userdata."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, Protocol, get_args

from livekit import rtc
from livekit.agents import AgentSession, FlushSentinel, llm
from livekit.plugins.turn_taking.conduct.backchannel import TRACK, Backchannels, BackchannelSounds
from livekit.plugins.turn_taking.conduct.filler import Filler
from livekit.plugins.turn_taking.conduct.idle import Idle
from livekit.plugins.turn_taking.conduct.interjection import Interjections
from livekit.plugins.turn_taking.conduct.long_answers import LongAnswers
from livekit.plugins.turn_taking.conduct.participants import Participants
from livekit.plugins.turn_taking.floor import Floor
from livekit.plugins.turn_taking.languages import Phrases, words
from livekit.plugins.turn_taking.playback.sink import RoomTrack, Sink

from .definition.settings import AgentSettings
from .languages import LANGUAGES, Language
from .languages.guess import language_of_user, switched
from .phone_settings import PhoneTool
from .settings import ConductSettings
from .telephony.keys import Keys, RoomKeys
from .watchdog import Watchdog

if TYPE_CHECKING:
    from .known import Known

Answer = AsyncGenerator[llm.ChatChunk | str | FlushSentinel, None]


class _Part(Protocol):
    async def aclose(self) -> None: ...


class Conduct:
    """The rules of conduct, put together around one session that has not been started yet.

    It becomes the session's userdata, and says when LiveKit takes the user to be away.

    Args:
        settings: The ``conduct`` section of the profile.
        session: The session of the conversation.
        room: Where it is held; None where there is one person, who does not type.
        floor: The session's turn-taking; None for a session that is told of every pause anyway.
        sink: Where the agent speaks if that is no room: backchannels sound there, too. Without
            either there are none.
        language: The user's language, or None while it is not known; may be changed at any time.
        phone: Whether the user is a caller.
        agent: Who speaks, as its folder says it; None for a session of somebody else's agent.
        voiced: The languages that its voice speaks.
        watchdog: What the agent's nodes pass the engines' streams through; None for a session that
            has none.
        known: What the agent knows beside its prompt; None for a session that has nothing.
    """

    def __init__(
        self,
        settings: ConductSettings,
        session: AgentSession[Any],
        room: rtc.Room | None = None,
        floor: Floor | None = None,
        *,
        sink: Sink | None = None,
        language: Language | None = None,
        phone: bool = False,
        agent: AgentSettings | None = None,
        voiced: Collection[Language] = LANGUAGES,
        watchdog: Watchdog | None = None,
        known: Known | None = None,
    ) -> None:
        self.language = language
        self.agent = agent
        self.keys: Keys | None = RoomKeys(room) if room and phone else None
        """Tells of the keys that the user presses; None where they have none. Where there is no
        room, whoever has the caller's sound sets it."""
        self.watchdog = watchdog
        self.known = known
        own = agent.languages if agent else ()
        # With none of its own it is answered in one that the voice speaks.
        self._voiced = [each for each in own if each in voiced] or voiced
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
        self._filler: Filler | None = None
        if settings.filler_after:
            self._filler = Filler(
                session, settings.filler_after, self._bridges, but=get_args(PhoneTool)
            )
            self._parts.append(self._filler)
        if (room or sink) and floor and settings.backchannel_after:
            beside = RoomTrack(room, TRACK, rtc.TrackSource.SOURCE_UNKNOWN) if room else sink
            assert beside
            sounds = BackchannelSounds(session, beside)
            backchannels = Backchannels(
                session,
                floor.microphone,
                sounds,
                settings.backchannel_after,
                floor.shortest,
                self.phrases,
            )
            self._parts += [backchannels, sounds]
        if room and floor:
            self._participants = Participants(session, room, floor.microphone, telling_pauses)
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

    def asking(self) -> AbstractContextManager[None]:
        """Entered by a tool while it asks the user something itself: nothing bridges that."""
        return self._filler.asking() if self._filler else nullcontext()

    def phrases(self) -> Phrases:
        """What the agent says of its own accord, in the language of the call."""
        return words(self.spoken_language()).phrases

    def spoken_language(self) -> Language:
        """The language of the call: the user's, or that which their last words tell.

        A consent is asked for in it, and the last words said: neither changes with a question.
        """
        return self.language or language_of_user(self._session.history.messages(), self._voiced)

    def question_language(self, asked: llm.ChatContext | None = None) -> Language:
        """The language of the user's last words, in which the wait for their answer is bridged.

        The call's, if the agent does not speak that one: the wait is in the language of the answer.

        Args:
            asked: What the model is asked, which the session may not have in its history yet.
        """
        said = (asked or self._session.history).messages()
        if self.language:
            return switched(self.language, said, self._voiced)
        return language_of_user(said, self._voiced)

    def _bridges(self) -> Phrases:
        return words(self.question_language()).phrases

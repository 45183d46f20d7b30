"""The one place where a conversation is made, whoever the user is and whatever they speak over."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from livekit import rtc
from livekit.agents import NOT_GIVEN, Agent, AgentSession, NotGivenOr, llm, stt, tts
from livekit.agents.voice import room_io
from livekit.agents.voice.agent_session import RecordingOptions, SessionConnectOptions
from livekit.agents.voice.io import AudioInput
from livekit.plugins import qwen3_tts
from livekit.plugins.turn_taking import HEARING, Endpointer, Floor
from livekit.plugins.turn_taking.playback.sink import Sink

from .conduct import Conduct
from .definition.definition import AgentDefinition
from .known import Known
from .languages import words
from .limits import Limits
from .prerecorded import Prerecorded
from .settings import Language, Settings, TurnSettings
from .telemetry import Record, TurnRecorder, TurnSpans, prometheus
from .visitor import Visitor
from .watchdog import LostSpeech, Watchdog

logger = logging.getLogger("parley")


def turns_of(settings: Settings, *, phone: bool) -> TurnSettings:
    """The turn-taking settings of a caller by phone, or of anybody else."""
    return settings.phone.turns if phone else settings.turns


@dataclass(frozen=True)
class Conversation:
    """A session with its turn-taking and its conduct, ready to be started."""

    session: AgentSession[Conduct]
    floor: Floor
    conduct: Conduct
    recorder: TurnRecorder
    spans: TurnSpans
    watchdog: Watchdog
    limits: Limits

    async def start(
        self,
        agent: Agent,
        source: rtc.Room | AudioInput,
        *,
        hears: str | None = None,
        record: bool | RecordingOptions = False,
    ) -> None:
        """Begin.

        Args:
            agent: Who speaks first.
            source: What to listen to: a room, or the sound of one person. On the console LiveKit
                puts the microphone in its place.
            hears: Identity of the participant of a room to listen to; the first one to come if
                None.
            record: What LiveKit records of it (:func:`agent.post_call.recording_options`).
        """
        if isinstance(source, AudioInput):
            self.session.input.audio = source
            await self.session.start(agent, record=record)
            self._begin()
            return
        await self.session.start(
            agent,
            room=source,
            # What anybody types is taken by the conduct, which knows everybody.
            room_options=room_io.RoomOptions(
                audio_input=HEARING,
                text_input=False,
                participant_identity=hears or NOT_GIVEN,
            ),
            # By LiveKit's default anybody in the room may ask for the prompt and for what others
            # have said, and make the agent speak.
            session_host=False,
            record=record,
        )
        self._begin()

    def _begin(self) -> None:
        self.spans.begin()
        self.limits.start()

    async def aclose(self) -> None:
        """Close the session, the watchdog, the conduct and the loudspeaker; may be called twice."""
        await self.limits.aclose()
        await self.session.aclose()
        self.recorder.close()
        await self.watchdog.aclose()
        await self.conduct.aclose()
        await self.floor.aclose()


def make(
    settings: Settings,
    agent: AgentDefinition,
    *,
    room: rtc.Room | None,
    stt: NotGivenOr[stt.STT[Any]] = NOT_GIVEN,
    llm: NotGivenOr[llm.LLM[Any]] = NOT_GIVEN,
    tts: NotGivenOr[tts.TTS[Any]] = NOT_GIVEN,
    sink: Sink | None = None,
    language: Language | None = None,
    phone: bool = False,
    endpointer: Endpointer | None = None,
    record: Callable[[Record], None] | None = None,
    since: float | None = None,
    visitor: Visitor | None = None,
    known: Known | None = None,
) -> Conversation:
    """Put a conversation together; nothing runs until it is started.

    Args:
        settings: The profile, with what the agent has of it for itself.
        agent: Who speaks.
        room: Where the agent speaks; None where a sink takes its sound, and on the console, where
            LiveKit plays it.
        stt: Recognises what is said.
        llm: Answers.
        tts: Speaks.
        sink: Takes the agent's sound in place of a room.
        language: The user's, or None while it is not known.
        phone: Whether the user is a caller by phone, whose turns and silence are others.
        endpointer: Ends the user's turns; one that is loaded with the profile's turns if None. A
            recogniser that takes a detector is given the same one.
        record: Takes the record of each turn, beside the log, Prometheus and OpenTelemetry.
        since: When the user came or picked up, on the monotonic clock; now if None.
        visitor: Who signed in at the page, for the log of each turn.
        known: What the agent knows beside its prompt.
    """
    turns = turns_of(settings, phone=phone)
    floor = Floor(
        room or sink,
        turns.options,
        stt=stt,
        llm=llm,
        tts=tts,
        endpointer=endpointer,
        # LiveKit's 2 s, for the last words of somebody who has gone, would keep the room and its
        # place among max_rooms from the next caller.
        session_close_transcript_timeout=0.0,
        # It would end the session without a word after so many errors: the watchdog says goodbye.
        conn_options=SessionConnectOptions(max_unrecoverable_errors=sys.maxsize),
    )
    watchdog = Watchdog(
        settings.watchdog,
        floor.session,
        floor,
        Prerecorded(settings.tts),
        lambda: conduct.question_language(),
        room,
        threshold=turns.vad_threshold,
        phone=phone,
        failed=lambda engine, kind: recorder.fault(engine, kind),
    )
    conduct = Conduct(
        settings.conduct,
        floor.session,
        room,
        floor,
        sink=sink,
        language=language,
        phone=phone,
        agent=agent.settings,
        voiced=settings.tts.languages,
        watchdog=watchdog,
        known=known,
    )
    if isinstance(tts, qwen3_tts.TTS):
        tts.follow(floor.session)  # paces itself by what is heard
    LostSpeech(turns.vad_threshold).follow(floor.session, floor)
    spans = TurnSpans()
    recorder = TurnRecorder(
        floor.session,
        floor,
        stt=stt,
        llm=llm,
        tts=tts,
        take=(
            partial(_log, visitor),
            prometheus.observe,
            spans.record,
            *([record] if record else ()),
        ),
        language=lambda: conduct.language,
        since=time.monotonic() if since is None else since,
    )
    if known:
        known.found = recorder.found
    # A caller's clock is that of the line, and warns.
    minutes = None if phone else settings.max_minutes
    limits = agent.settings.limits.model_copy(update={"minutes": minutes})
    ending = Limits(limits, floor.session, lambda: words(conduct.spoken_language()).assistant.limit)
    return Conversation(floor.session, floor, conduct, recorder, spans, watchdog, ending)


def _log(visitor: Visitor | None, record: Record) -> None:
    who = {"visitor": asdict(visitor)} if visitor else {}
    logger.info("turn", extra={"turn": record.record(), **who})

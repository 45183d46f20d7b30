"""Follows a conversation and hands out a record of each of its turns."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any

from livekit.agents import (
    AgentSession,
    ConversationItemAddedEvent,
    FunctionToolsExecutedEvent,
    NotGivenOr,
    UserInputTranscribedEvent,
)
from livekit.agents.llm import LLM, ChatMessage
from livekit.agents.metrics import LLMMetrics
from livekit.agents.stt import STT
from livekit.agents.tts import TTS
from livekit.agents.utils import is_given
from livekit.agents.voice.io import AudioOutput, PlaybackStartedEvent
from livekit.plugins.qwen3_tts import UnitSent
from livekit.plugins.turn_taking import FALSE_STOP, Floor, Judged, Stage, TurnEnd

from .engines import Answerer, Engine, Fallback, Fault, FaultKind, Substitute, follow
from .turn import Decision, Moments, Request, Stop, Turn


@dataclass(frozen=True)
class FirstWords:
    """How long the agent took to its first sound, from when the user was there."""

    id: str
    seconds: float

    def record(self) -> dict[str, Any]:
        """Return what JSON can hold."""
        return {"kind": "first_words", "id": self.id, "seconds": round(self.seconds, 3)}


@dataclass(frozen=True)
class Overlap:
    """A sound over the agent's speech, and what became of it."""

    id: str
    judged: Judged

    def record(self) -> dict[str, Any]:
        """Return what JSON can hold."""
        return {"kind": "overlap", "id": self.id, **asdict(self.judged)}


Record = Turn | FirstWords | Overlap | Fault | Fallback


class TurnRecorder:
    """Puts together one record a turn, of what LiveKit, the turn-taking and the engines tell.

    Args:
        session: The conversation.
        floor: Its turn-taking.
        stt: Its recogniser, which tells who answers if it is one of our plugins; so do the others.
        llm: Its language model, which tells of its requests.
        tts: Its voice, which tells of the units it is sent if it is a Qwen3-TTS.
        take: Are called with each record, once it is whole.
        language: Tells the user's language, if it is known.
        since: When the user came or picked up, on ``clock``.
        clock: Seconds on a clock that never steps back.
    """

    def __init__(
        self,
        session: AgentSession[Any],
        floor: Floor,
        *,
        stt: NotGivenOr[STT[Any]],
        llm: NotGivenOr[LLM[Any]],
        tts: NotGivenOr[TTS[Any]],
        take: Iterable[Callable[[Record], None]],
        language: Callable[[], str | None],
        since: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._take = tuple(take)
        self._language = language
        self._clock = clock
        self._since: float | None = since  # until the first words
        self._conversation = uuid.uuid4().hex[:8]
        self._number = 0
        self._session = session
        self._heard = Moments()  # of the user's turn that is not in the history yet
        self._decision: Decision | None = None
        self._reply = Moments()  # of the reply that is being made
        self._requests: list[Request] = []  # for it, or for the one that plays
        self._sources: list[str] = []  # of the passages for it, likewise
        self._recogniser: Answerer | None = None
        """Who has recognised something last: the words that become final are of it."""
        self._heard_by: list[Answerer] = []  # the user's turn that is not in the history yet
        self._made_by: dict[Engine, list[Answerer]] = {}  # the reply, like its requests
        self._turn: Turn | None = None
        self._output: AudioOutput | None = None
        floor.on("turn_ended", self._on_end)
        floor.on("reply", self._on_reply)
        floor.on("judged", self._on_judged)
        if is_given(stt):
            follow("stt", stt, answered=self._on_answered, failed=self.fault)
        if is_given(llm):
            llm.on("metrics_collected", self._on_request)
            follow("llm", llm, answered=self._on_answered, failed=self.fault)
        if is_given(tts):
            tts.on("unit_sent", self._on_unit)
            follow("tts", tts, answered=self._on_answered, failed=self.fault)
        session.on("user_input_transcribed", self._on_transcript)
        session.on("conversation_item_added", self._on_item)
        session.on("function_tools_executed", self._on_tools)
        session.on("agent_state_changed", lambda _: self._watch())

    def close(self) -> None:
        """Hand out the last turn, if it was not answered; may be called twice."""
        self._finish()

    def found(self, sources: Iterable[str]) -> None:
        """Note where the passages stand that the model is given for the reply it makes now."""
        # A filler may be heard before the tool comes back.
        heard = self._turn if self._reply.asked is None else None
        known = heard.sources if heard else self._sources
        known += [source for source in sources if source not in known]

    def fault(self, engine: Engine, kind: FaultKind, by: Answerer | None = None) -> None:
        """Note that an engine has failed."""
        self._give(Fault(self._conversation, engine, kind, by))

    def _on_answered(self, engine: Engine, by: Answerer, instead_of: Substitute | None) -> None:
        if instead_of:
            self._give(Fallback(self._conversation, engine, instead_of, by))
        if engine == "stt":
            self._recogniser = by
        else:
            _note(by, self._made_by.setdefault(engine, []))

    def _on_end(self, end: TurnEnd) -> None:
        now = self._clock()
        pause = end.pause
        self._heard.speech_ended, self._heard.decided = now - end.silence, now
        self._decision = Decision(
            end.silence,
            pause.clause.value if pause.clause else None,
            pause.ending,
            pause.voiced,
            pause.usual,
        )

    def _on_transcript(self, event: UserInputTranscribedEvent) -> None:
        if event.is_final:
            self._heard.transcript = self._clock()
            if self._recogniser:
                _note(self._recogniser, self._heard_by)

    def _on_reply(self, stage: Stage) -> None:
        now = self._clock()
        match stage:
            case "asked":
                # After a tool the model is asked again, for the same turn.
                if not (self._turn and self._turn.tools and self._turn.moments.played is None):
                    self._reply, self._requests, self._sources = Moments(asked=now), [], []
                    self._made_by = {}
            case "text":
                self._reply.text = now
            case "audio":
                self._reply.audio = now

    def _on_unit(self, unit: UnitSent) -> None:
        if unit.index == 0:
            self._reply.unit = self._clock()

    def _watch(self) -> None:
        # The session puts its captions in front of the output when it starts.
        output = self._session.output.audio
        if output is self._output:
            return
        if self._output:
            self._output.off("playback_started", self._on_played)
        self._output = output
        if output:
            output.on("playback_started", self._on_played)

    def _on_played(self, _: PlaybackStartedEvent) -> None:
        now = self._clock()
        if self._since is not None:
            self._give(FirstWords(self._conversation, now - self._since))
            self._since = None
        reply, self._reply = self._reply, Moments()
        if (turn := self._turn) and turn.moments.played is None:
            turn.requests, turn.sources = self._requests, self._sources
            self._made_by["stt"] = turn.engines.get("stt", [])
            turn.engines = self._made_by  # of a long reply, more may be told
            turn.moments = replace(
                turn.moments,
                asked=reply.asked,
                text=reply.text,
                unit=reply.unit,
                audio=reply.audio,
                played=now,
            )

    def _on_request(self, metrics: LLMMetrics) -> None:
        if metrics.cancelled:
            return
        of = metrics.metadata
        self._requests.append(
            Request(
                id=metrics.request_id,
                model=(of and of.model_name) or "",
                provider=(of and of.model_provider) or "",
                first_token=metrics.ttft,
                duration=metrics.duration,
                prompt_tokens=metrics.prompt_tokens,
                cached_tokens=metrics.prompt_cached_tokens,
                completion_tokens=metrics.completion_tokens,
            )
        )

    def _on_tools(self, event: FunctionToolsExecutedEvent) -> None:
        if self._turn:
            self._turn.tools += [call.name for call in event.function_calls]

    def _on_judged(self, judged: Judged) -> None:
        self._give(Overlap(self._conversation, judged))
        if self._turn and judged.turn:
            self._turn.stop = Stop(judged.verdict, judged.ducked, judged.decided)
        elif self._turn and judged.verdict == FALSE_STOP:
            self._turn.stop = None

    def _on_item(self, event: ConversationItemAddedEvent) -> None:
        item = event.item
        if not isinstance(item, ChatMessage):  # handoffs are items too
            return
        if item.role == "user":
            self._finish()  # one that was not answered
            self._number += 1
            self._turn = Turn(
                f"{self._conversation}-{self._number}",
                self._language(),
                moments=self._heard,
                decision=self._decision,
                engines={"stt": self._heard_by},
            )
            self._heard, self._decision, self._heard_by = Moments(), None, []
        elif item.role == "assistant" and self._turn:
            self._turn.answered = self._turn.moments.played is not None
            self._turn.interrupted = item.interrupted
            self._finish()

    def _finish(self) -> None:
        if self._turn:
            turn, self._turn = self._turn, None
            self._give(turn)

    def _give(self, record: Record) -> None:
        for take in self._take:
            take(record)


def _note(by: Answerer, among: list[Answerer]) -> None:
    if by not in among:
        among.append(by)

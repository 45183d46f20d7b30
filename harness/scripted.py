"""A real AgentSession whose ears, thinker and voice do what a test says, when it says so."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from livekit import rtc
from livekit.agents import (
    Agent,
    AgentSession,
    ConversationItemAddedEvent,
    llm,
    stt,
    tts,
    utils,
    vad,
)
from livekit.agents.llm import ChatContext, ChatMessage, ChoiceDelta, FunctionToolCall
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS
from livekit.agents.voice.io import AudioOutput, AudioOutputCapabilities

from harness.virtual_time import now

RATE = 24_000
LETTERS_PER_SECOND = 10
"""A voice of even speed, so that a test can say when a sentence ends."""


class Vad(vad.VAD):
    """A detector that others hear too, as the agent's microphone."""

    def __init__(self) -> None:
        super().__init__(capabilities=vad.VADCapabilities(update_interval=0.032))
        self.streams: list[VadStream] = []
        self.listeners: list[Callable[[vad.VADEvent], None]] = []

    def listen(self, listener: Callable[[vad.VADEvent], None]) -> None:
        self.listeners.append(listener)

    def stream(self) -> vad.VADStream:
        self.streams.append(VadStream(self))
        return self.streams[-1]

    def emit_event(self, kind: vad.VADEventType, **fields: Any) -> None:
        values = {"speech_duration": 0.0, "silence_duration": 0.0, **fields}
        event = vad.VADEvent(type=kind, samples_index=0, timestamp=0.0, **values)
        for listener in self.listeners:
            listener(event)
        for stream in self.streams:
            stream._event_ch.send_nowait(event)


class VadStream(vad.VADStream):
    async def _main_task(self) -> None:
        async for _ in self._input_ch:
            pass


class Ear(stt.STT[str]):
    def __init__(self) -> None:
        super().__init__(capabilities=stt.STTCapabilities(streaming=True, interim_results=True))
        self.heard: asyncio.Queue[stt.SpeechEvent] = asyncio.Queue()

    async def _recognize_impl(self, *_: Any, **__: Any) -> stt.SpeechEvent:
        raise NotImplementedError

    def stream(self, **_: Any) -> stt.RecognizeStream:
        return EarStream(stt=self, conn_options=DEFAULT_API_CONNECT_OPTIONS)


class EarStream(stt.RecognizeStream):
    async def _run(self) -> None:
        assert isinstance(self._stt, Ear)
        while True:
            self._event_ch.send_nowait(await self._stt.heard.get())


class Thinker(llm.LLM[str]):
    """Answers each request with the next of its answers; a tool call where one is given."""

    def __init__(self, *answers: str | FunctionToolCall) -> None:
        super().__init__()
        self.answers = list(answers)
        self.asked: list[ChatContext] = []

    def answer(self, chat_ctx: ChatContext) -> str | FunctionToolCall:
        return self.answers.pop(0)

    def chat(self, *, chat_ctx: ChatContext, tools: Any = None, **_: Any) -> llm.LLMStream:
        self.asked.append(chat_ctx.copy())
        return ThinkerStream(
            self, chat_ctx=chat_ctx, tools=tools or [], conn_options=DEFAULT_API_CONNECT_OPTIONS
        )


class ThinkerStream(llm.LLMStream):
    async def _run(self) -> None:
        assert isinstance(self._llm, Thinker)
        answer = self._llm.answer(self._chat_ctx)
        if isinstance(answer, FunctionToolCall):
            deltas = [ChoiceDelta(role="assistant", tool_calls=[answer])]
        else:
            words = re.findall(r"\S+\s*|\s+", answer)
            deltas = [ChoiceDelta(role="assistant", content=word) for word in words]
        for delta in deltas:
            self._event_ch.send_nowait(llm.ChatChunk(id="chunk", delta=delta))


class Voice(tts.TTS[str]):
    def __init__(self) -> None:
        super().__init__(
            capabilities=tts.TTSCapabilities(streaming=False), sample_rate=RATE, num_channels=1
        )
        self.texts: list[str] = []
        """What it was asked to say since the last playback."""
        self.delay = 0.0
        """Seconds before the first sound."""

    def synthesize(self, text: str, **_: Any) -> tts.ChunkedStream:
        return VoiceStream(tts=self, input_text=text, conn_options=DEFAULT_API_CONNECT_OPTIONS)


class VoiceStream(tts.ChunkedStream):
    async def _run(self, output_emitter: tts.AudioEmitter) -> None:
        assert isinstance(self._tts, Voice)
        self._tts.texts.append(self._input_text)
        await asyncio.sleep(self._tts.delay)
        output_emitter.initialize(
            request_id=utils.shortuuid(), sample_rate=RATE, num_channels=1, mime_type="audio/pcm"
        )
        output_emitter.push(bytes(2 * RATE * len(self._input_text) // LETTERS_PER_SECOND))


class Loudspeaker(AudioOutput):
    """Plays by the loop's clock."""

    def __init__(self, voice: Voice) -> None:
        super().__init__(
            label="test", capabilities=AudioOutputCapabilities(pause=False), sample_rate=RATE
        )
        self._voice = voice
        self._began: float | None = None
        self._length = 0.0
        self._end: asyncio.TimerHandle | None = None

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        await super().capture_frame(frame)
        if self._began is None:
            self._began = asyncio.get_running_loop().time()
            self.on_playback_started(created_at=self._began)
        self._length += frame.duration

    def flush(self) -> None:
        super().flush()
        if self._began is not None:
            loop = asyncio.get_running_loop()
            self._end = loop.call_at(self._began + self._length, self._finish, False)

    def clear_buffer(self) -> None:
        if self._began is not None:
            if self._end:
                self._end.cancel()
            self._finish(True)

    def _finish(self, interrupted: bool) -> None:
        assert self._began is not None
        played = min(asyncio.get_running_loop().time() - self._began, self._length)
        heard = " ".join(self._voice.texts)[: int(played * LETTERS_PER_SECOND)]
        self._began, self._length, self._end = None, 0.0, None
        self._voice.texts.clear()
        self.on_playback_finished(
            playback_position=played,
            interrupted=interrupted,
            synchronized_transcript=heard if interrupted else None,
        )


@dataclass
class Stage:
    """One conversation, and what happened in it with its times."""

    session: AgentSession[Any]
    ear: Ear
    vad: Vad
    thinker: Thinker
    voice: Voice
    said: list[tuple[float, str]] = field(default_factory=list)
    """When each message was in the history, and its words; the user's after a ``>``."""
    states: list[tuple[float, str]] = field(default_factory=list)
    """When the agent began to be in which state."""
    closed: float | None = None

    async def at(self, moment: float) -> None:
        """Wait until so many seconds after the beginning."""
        await asyncio.sleep(moment - asyncio.get_running_loop().time())

    def user_speaks(self) -> None:
        self.vad.emit_event(vad.VADEventType.START_OF_SPEECH, speaking=True)

    def user_pauses(self, text: str = "") -> None:
        """The detector reports the end of speech; the transcript is there at once."""
        self.vad.emit_event(vad.VADEventType.END_OF_SPEECH, silence_duration=0.0)
        if text:
            self.hears(text)

    def hears(self, text: str) -> None:
        """A final transcript comes."""
        data = stt.SpeechData(language="en", text=text)  # type: ignore[arg-type]
        event = stt.SpeechEvent(stt.SpeechEventType.FINAL_TRANSCRIPT, alternatives=[data])
        self.ear.heard.put_nowait(event)

    def when(self, text: str) -> float:
        """When a message with these words was in the history."""
        return next(at for at, words in self.said if text in words)

    @property
    def words(self) -> list[str]:
        return [words for _, words in self.said]


@contextlib.asynccontextmanager
async def stage(
    *answers: str | FunctionToolCall,
    agent: Agent | None = None,
    end_of_turn: float = 0.5,
    away: float | None = None,
    preemptive: bool = False,
    userdata: Any = None,
    before: Callable[[AgentSession[Any]], None] = lambda _: None,
) -> AsyncIterator[Stage]:
    """Hold a conversation in virtual time.

    Args:
        answers: Of the model, one after the other.
        agent: Who answers.
        end_of_turn: Silence that ends a turn, in seconds.
        away: LiveKit's user_away_timeout.
        preemptive: Whether a reply is begun before the turn is certain.
        userdata: What tools reach.
        before: What is done with the session before it starts.
    """
    ear, detector, thinker, voice = Ear(), Vad(), Thinker(*answers), Voice()
    session: AgentSession[Any] = AgentSession(
        stt=ear,
        vad=detector,
        llm=thinker,
        tts=voice,
        user_away_timeout=away,
        userdata=userdata,
        aec_warmup_duration=None,
        turn_handling={
            "turn_detection": "vad",
            "endpointing": {"min_delay": end_of_turn, "max_delay": end_of_turn},
            "interruption": {"mode": "vad", "resume_false_interruption": False},
            "preemptive_generation": {"enabled": preemptive},
        },
    )
    session.output.audio = Loudspeaker(voice)
    found = Stage(session, ear, detector, thinker, voice)

    @session.on("conversation_item_added")
    def _on_item(event: ConversationItemAddedEvent) -> None:
        if isinstance(event.item, ChatMessage):
            mark = "> " if event.item.role == "user" else ""
            found.said.append((now(), mark + (event.item.text_content or "")))

    @session.on("agent_state_changed")
    def _on_state(event: Any) -> None:
        found.states.append((now(), event.new_state))

    @session.on("close")
    def _on_close(_: object) -> None:
        found.closed = now()

    before(session)
    try:
        await session.start(agent or Agent(instructions=""), record=False)
        yield found
    finally:
        await session.aclose()


def lasting(text: str) -> float:
    """How long the voice speaks, in seconds."""
    return len(text.replace(". ", ".")) / LETTERS_PER_SECOND


def about(seconds: float) -> Any:
    """A moment as LiveKit keeps it: its audio path takes 10 ms here and there."""
    return pytest.approx(seconds, abs=0.05)

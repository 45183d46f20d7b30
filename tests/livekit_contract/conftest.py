"""A real AgentSession without a room, whose engines and output do what a test says."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from livekit import rtc
from livekit.agents import Agent, AgentSession, APIConnectOptions, tts, utils
from livekit.agents.llm import ChatItem, FunctionToolCall
from livekit.agents.types import TimedString

from harness.clocked_output import ClockedOutput
from harness.scripted import LETTERS_PER_SECOND, RATE, Llm, Stt, Vad

ONCE = APIConnectOptions(max_retry=0)


class Voice(tts.TTS[str]):
    """Speaks ten letters a second, and says when each word is spoken."""

    def __init__(self, log: list[str]) -> None:
        super().__init__(
            capabilities=tts.TTSCapabilities(streaming=True, aligned_transcript=True),
            sample_rate=RATE,
            num_channels=1,
        )
        self.log = log
        self.delay = 0.0
        """Seconds before its first sound."""
        self.stays_open = False
        """Whether it goes on until it is closed, as one that speaks faster than it is heard."""
        self.closing = 0.0
        """Seconds that closing a stream takes."""
        self.words: list[TimedString] = []
        """What it has pushed."""

    def synthesize(self, text: str, **_: Any) -> tts.ChunkedStream:
        raise NotImplementedError

    def stream(self, **_: Any) -> tts.SynthesizeStream:
        return _Speech(tts=self, conn_options=ONCE)


class _Speech(tts.SynthesizeStream):
    _tts: Voice

    async def _run(self, output_emitter: tts.AudioEmitter) -> None:
        voice = self._tts
        output_emitter.initialize(
            request_id=utils.shortuuid(),
            sample_rate=RATE,
            num_channels=1,
            mime_type="audio/pcm",
            stream=True,
        )
        output_emitter.start_segment(segment_id="segment")
        text = ""
        async for piece in self._input_ch:
            if not isinstance(piece, self._FlushSentinel):
                text += piece
        self._mark_started()
        voice.log.append(f"speak {text}")
        try:
            await asyncio.sleep(voice.delay)
            at = 0.0
            for word in text.split():
                spoken = f"{word} "
                end = at + len(spoken) / LETTERS_PER_SECOND
                timed = TimedString(spoken, start_time=at, end_time=end, start_time_offset=0.25)
                voice.words.append(timed)
                output_emitter.push_timed_transcript([timed])
                output_emitter.push(bytes(2 * RATE * len(spoken) // LETTERS_PER_SECOND))
                at = end
            if voice.stays_open:
                await asyncio.Event().wait()
            output_emitter.end_segment()
        finally:
            if voice.closing:
                await asyncio.sleep(voice.closing)
                voice.log.append("speech closed")


class Output(ClockedOutput):
    """Logs what it is told."""

    def __init__(self, log: list[str]) -> None:
        super().__init__(pause=True)
        self.log = log

    def transcript(self, played: float) -> str:
        return "What was heard"

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        if self._began is None:
            self.log.append("sound")
        await super().capture_frame(frame)

    def clear_buffer(self) -> None:
        self.log.append("clear")
        super().clear_buffer()

    def pause(self) -> None:
        self.log.append("pause")

    def resume(self) -> None:
        self.log.append("resume")


@dataclass
class Conversation:
    """One session, what it is made of and what happened in it, in order."""

    session: AgentSession[Any]
    detector: Vad
    stt: Stt
    llm: Llm
    tts: Voice
    output: Output
    log: list[str]
    items: list[ChatItem] = field(default_factory=list)

    @property
    def words(self) -> list[str]:
        """The messages; the user's after a ``>``."""
        messages = [item for item in self.items if item.type == "message"]
        return [("> " if m.role == "user" else "") + (m.text_content or "") for m in messages]


Start = Callable[..., contextlib.AbstractAsyncContextManager[Conversation]]


@contextlib.asynccontextmanager
async def _start(
    *answers: str | FunctionToolCall,
    agent: Agent | None = None,
    endpointing: float = 0.0,
    streaming: bool = True,
    before: Callable[[Conversation], None] = lambda _: None,
    room: rtc.Room | None = None,
    started: bool = True,
    **options: Any,
) -> AsyncIterator[Conversation]:
    log: list[str] = []
    detector, recogniser = Vad(), Stt(streaming=streaming)
    model, voice, output = Llm(*answers), Voice(log), Output(log)
    # As turn_taking/handling.py and turn_taking/floor.py set it.
    session: AgentSession[Any] = AgentSession(
        vad=detector,
        stt=recogniser,
        llm=model,
        tts=voice,
        turn_handling={
            "turn_detection": "vad",
            "endpointing": {
                "mode": "fixed",
                "min_delay": endpointing,
                "max_delay": endpointing,
            },
            "interruption": {
                "mode": "vad",
                "min_duration": 86_400.0,
                "false_interruption_timeout": 0.0,
            },
            "preemptive_generation": {"enabled": True, "preemptive_tts": True},
        },
        use_tts_aligned_transcript=True,
        tts_text_transforms=None,
        aec_warmup_duration=None,
        session_close_transcript_timeout=0.0,
        **({"user_away_timeout": None} | options),
    )
    session.output.audio = output
    talk = Conversation(session, detector, recogniser, model, voice, output, log)
    session.on("conversation_item_added", lambda event: talk.items.append(event.item))
    before(talk)
    try:
        if started:
            more: dict[str, Any] = {"room": room} if room else {}
            await session.start(agent or Agent(instructions=""), record=False, **more)
        yield talk
    finally:
        await session.aclose()


@pytest.fixture
def start() -> Start:
    """Starts a conversation, set as this project sets it; keywords are the session's."""
    return _start

"""A reply that is begun at a pause: said if the pause was the end, unheard and forgotten if not."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from livekit import rtc
from livekit.agents import Agent, AgentSession, llm, tts, utils, vad
from livekit.agents.llm import ChatChunk, ChatMessage, ChoiceDelta
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS
from livekit.plugins.turn_taking import TurnOptions
from livekit.plugins.turn_taking.end_of_turn.detector import Endpointer
from livekit.plugins.turn_taking.end_of_turn.transcript import TurnTranscript
from livekit.plugins.turn_taking.handling import turn_handling
from livekit.plugins.turn_taking.microphone import Microphone

from harness.scripted import RATE, Stt, Tts, Vad
from harness.stage import Loudspeaker
from harness.virtual_time import in_virtual_time, now

WINDOW = 0.032
PAUSE = 1.0
"""Seconds of silence that end a turn here."""


@dataclass
class Request:
    """One that an engine was asked; times from the beginning."""

    text: str
    opened: float
    closed: float | None = None


@dataclass
class Engines:
    """A model that repeats the question at length, and a voice whose sounds can be told apart."""

    replies: list[Request] = field(default_factory=list)
    sounds: list[Request] = field(default_factory=list)

    @contextlib.contextmanager
    def request(self, requests: list[Request], text: str) -> Iterator[int]:
        entry = Request(text, now())
        requests.append(entry)
        try:
            yield len(requests)
        finally:
            entry.closed = now()


class RepeatingLlm(llm.LLM[str]):
    def __init__(self, engines: Engines) -> None:
        super().__init__()
        self.engines = engines

    def chat(self, *, chat_ctx: Any, tools: Any = None, **_: Any) -> llm.LLMStream:
        return _Repetition(
            self, chat_ctx=chat_ctx, tools=[], conn_options=DEFAULT_API_CONNECT_OPTIONS
        )


class _Repetition(llm.LLMStream):
    async def _run(self) -> None:
        assert isinstance(self._llm, RepeatingLlm)
        question = self._chat_ctx.items[-1]
        assert isinstance(question, ChatMessage)
        engines = self._llm.engines
        with engines.request(engines.replies, question.text_content or ""):
            for text in (f"You said: {question.text_content}. ", *["And so on it goes. "] * 20):
                delta = ChoiceDelta(role="assistant", content=text)
                self._event_ch.send_nowait(ChatChunk(id="chunk", delta=delta))
                await asyncio.sleep(0.1)


class NumberedTts(Tts):
    """The samples of its first request are 1, those of its second 2."""

    def __init__(self, engines: Engines) -> None:
        super().__init__()
        self.engines = engines

    def synthesize(self, text: str, **_: Any) -> tts.ChunkedStream:
        return _NumberedSound(tts=self, input_text=text, conn_options=DEFAULT_API_CONNECT_OPTIONS)


class _NumberedSound(tts.ChunkedStream):
    async def _run(self, output_emitter: tts.AudioEmitter) -> None:
        assert isinstance(self._tts, NumberedTts)
        engines = self._tts.engines
        output_emitter.initialize(
            request_id=utils.shortuuid(), sample_rate=RATE, num_channels=1, mime_type="audio/pcm"
        )
        with engines.request(engines.sounds, self._input_text) as number:
            for _ in range(10):
                output_emitter.push(np.full(RATE // 10, number, np.int16).tobytes())
                await asyncio.sleep(0.05)


class Recorder(Loudspeaker):
    """Keeps which requests were heard."""

    def __init__(self, voice: Tts) -> None:
        super().__init__(voice)
        self.heard: set[int] = set()

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        self.heard.update(np.unique(np.frombuffer(frame.data, np.int16)).tolist())
        self.heard.discard(0)  # silence, as between sentences
        await super().capture_frame(frame)


class Person:
    """Speaks into a session."""

    def __init__(self) -> None:
        self.engines = Engines()
        self._vad, self._stt = Vad(), Stt()
        self.endpointer = Endpointer(
            Microphone(self._vad), TurnTranscript(), wait=lambda _: PAUSE, judge=None
        )
        voice = NumberedTts(self.engines)
        self.recorder = Recorder(voice)
        self.session: AgentSession[Any] = AgentSession(
            stt=self._stt,
            vad=self.endpointer,
            llm=RepeatingLlm(self.engines),
            tts=voice,
            turn_handling=turn_handling(TurnOptions()),
            aec_warmup_duration=None,
        )
        self.session.output.audio = self.recorder

    async def speaks(self, seconds: float) -> None:
        await self._windows(0.9, seconds)

    async def pauses(self, seconds: float) -> None:
        await self._windows(0.0, seconds)

    def is_understood(self, text: str, *, final: bool = False) -> None:
        self._stt.hears(text, "final_transcript" if final else "preflight_transcript")

    @property
    def history(self) -> list[tuple[str, str]]:
        items = self.session.history.items
        return [(m.role, m.text_content or "") for m in items if isinstance(m, ChatMessage)]

    async def _windows(self, probability: float, seconds: float) -> None:
        for _ in range(round(seconds / WINDOW)):
            frame = rtc.AudioFrame(bytes(2 * 768), RATE, 1, 768)
            self._vad.tell(vad.VADEventType.INFERENCE_DONE, probability=probability, frames=[frame])
            await asyncio.sleep(WINDOW)


@contextlib.asynccontextmanager
async def person() -> AsyncIterator[Person]:
    found = Person()
    try:
        await found.session.start(Agent(instructions=""), record=False)
        yield found
    finally:
        await found.session.aclose()


@in_virtual_time
async def test_the_reply_is_begun_before_the_end_and_said_after_it() -> None:
    async with person() as user:
        await user.speaks(1.0)
        await user.pauses(0.1)
        user.is_understood("Tea, please")
        await user.pauses(0.8)
        engines = user.engines
        assert [r.text for r in engines.replies] == ["Tea, please"]
        assert engines.sounds
        assert not user.recorder.heard
        assert not user.history
        await user.pauses(0.2)
        user.is_understood("Tea, please", final=True)
        await user.pauses(0.3)
        assert 1 in user.recorder.heard
        assert [r.text for r in engines.replies] == ["Tea, please"]
        await user.pauses(20)
    roles = [role for role, _ in user.history]
    assert roles == ["user", "assistant"]


@in_virtual_time
async def test_a_reply_to_half_a_sentence_is_stopped_unheard_and_forgotten() -> None:
    async with person() as user:
        await user.speaks(1.0)
        await user.pauses(0.1)
        user.is_understood("Tea, please")
        await user.pauses(0.3)
        await user.speaks(1.0)
        await user.pauses(0.1)
        user.is_understood("Tea, please, and cake")
        await user.pauses(0.032)
        at = now()
        replies, sounds = user.engines.replies, user.engines.sounds
        first = [r for r in (*replies, *sounds) if "cake" not in r.text]
        # Every request of the first reply is closed by now: the model's and the voice's.
        assert len(first) >= 2
        assert all(r.closed is not None and r.closed <= at for r in first)
        unheard = {i for i, r in enumerate(sounds, 1) if r in first}
        await user.pauses(1.0)
        user.is_understood("Tea, please, and cake", final=True)
        await user.pauses(20)
    assert [r.text for r in replies] == ["Tea, please", "Tea, please, and cake"]
    assert unheard
    assert user.recorder.heard
    assert user.recorder.heard.isdisjoint(unheard)
    [(_, question), (role, answer)] = user.history
    assert question == "Tea, please, and cake"
    assert role == "assistant"
    assert answer.startswith("You said: Tea, please, and cake.")

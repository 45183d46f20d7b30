"""A whole conversation in virtual time, whose engines fail as a test says.

Everything but the engines, the microphone and the clock is the agent's own; what is played is kept
with its times.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from livekit import rtc
from livekit.agents import APIConnectionError, llm
from livekit.agents.tts import AudioEmitter
from livekit.agents.vad import VADEventType
from livekit.agents.voice.io import AudioInput
from livekit.plugins.turn_taking import Endpointer
from livekit.plugins.turn_taking.end_of_turn.transcript import TurnTranscript
from livekit.plugins.turn_taking.microphone import Microphone
from livekit.plugins.turn_taking.playback.buffer import Samples

from agent import settings
from agent.assistant import Assistant
from agent.session import Conversation, make
from agent.settings import WatchdogSettings
from agent.telemetry import Record
from harness.agents import silent
from harness.scripted import Llm, LlmStream, Stt, Tts, TtsStream, Vad
from harness.virtual_time import now

WINDOW = 0.032


class Nothing(AudioInput):
    """A microphone without sound: the detector says what a test says."""

    def __init__(self) -> None:
        super().__init__(label="Nothing")

    async def __anext__(self) -> rtc.AudioFrame:
        await asyncio.Event().wait()
        raise AssertionError


class Line:
    """Plays by the clock, and keeps when there was sound."""

    unheard = 0.0

    def __init__(self) -> None:
        self.sounds: list[float] = []

    async def open(self) -> None: ...

    async def play(self, frame: Samples, *, first: bool) -> None:
        if np.abs(frame.astype(int)).max() > 100:
            self.sounds.append(now())
        await asyncio.sleep(0.01)

    async def drop(self) -> None: ...

    async def aclose(self) -> None: ...

    def heard(self, after: float, gap: float = 0.3) -> list[tuple[float, float]]:
        """From when until when there was sound after a moment, pauses aside."""
        spans: list[list[float]] = []
        for at in self.sounds:
            if at < after:
                continue
            if not spans or at - spans[-1][1] > gap:
                spans.append([at, at])
            spans[-1][1] = at
        return [(start, end) for start, end in spans]


@dataclass
class Fault:
    """What an engine does instead of its work."""

    refuses: bool = False
    hangs: bool = False
    after: int = 0
    """Words, or sentences, that come before it hangs or fails."""
    drips: float = 0.0
    """Seconds from each of those words to the next."""
    _over: asyncio.Event = field(default_factory=asyncio.Event)

    async def strike(self) -> None:
        if self.refuses:
            raise APIConnectionError("refused")
        if self.hangs:
            await self._over.wait()

    def over(self) -> None:
        """Let whatever hangs go on from where it is."""
        self._over.set()


class FaultyLlm(Llm):
    fault: Fault | None = None

    def answer(self, chat_ctx: llm.ChatContext) -> str | llm.FunctionToolCall:
        return self.answers[0]

    def chat(self, *, chat_ctx: llm.ChatContext, tools: Any = None, **options: Any) -> Any:
        self.asked.append(chat_ctx.copy())
        return _Writing(
            self, chat_ctx=chat_ctx, tools=tools or [], conn_options=options["conn_options"]
        )


class _Writing(LlmStream):
    async def _run(self) -> None:
        assert isinstance(self._llm, FaultyLlm)
        if not (fault := self._llm.fault):
            return await super()._run()
        answer = self._llm.answer(self._chat_ctx)
        assert isinstance(answer, str)
        words = answer.split()
        for word in words[: fault.after]:
            self._write([word])
            await asyncio.sleep(fault.drips)
        await fault.strike()
        self._write(words[fault.after :])

    def _write(self, words: list[str]) -> None:
        for word in words:
            delta = llm.ChoiceDelta(role="assistant", content=f"{word} ")
            self._event_ch.send_nowait(llm.ChatChunk(id="chunk", delta=delta))


class FaultyTts(Tts):
    fault: Fault | None = None

    def synthesize(self, text: str, **options: Any) -> Any:
        return _Speaking(tts=self, input_text=text, conn_options=options["conn_options"])


class _Speaking(TtsStream):
    async def _run(self, output_emitter: AudioEmitter) -> None:
        assert isinstance(self._tts, FaultyTts)
        if fault := self._tts.fault:
            if not fault.after:
                await fault.strike()
            fault.after -= 1
        await super()._run(output_emitter)


@dataclass
class Talk:
    """One conversation, and what was heard of it."""

    conversation: Conversation
    vad: Vad
    stt: Stt
    llm: FaultyLlm
    tts: FaultyTts
    line: Line
    closed: list[float] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)

    @property
    def words(self) -> list[str]:
        """The history: the user's after a ``>``."""
        messages = self.conversation.session.history.messages()
        return [
            ("> " if m.role == "user" else "") + (m.text_content or "")
            for m in messages
            if m.role in ("user", "assistant")
        ]

    async def ask(self, words: str | None) -> float:
        """Speak for a second.

        Args:
            words: What is recognised of it; nothing if None.

        Returns:
            When the last of the voice was heard, in seconds.
        """
        await self._sound(1.0, voice=True)
        end = now()
        if words is not None:
            self.stt.hears(words)
        await self._sound(1.0, voice=False)
        return end

    async def _sound(self, seconds: float, *, voice: bool) -> None:
        frame = rtc.AudioFrame(bytes(2 * 512), 16_000, 1, 512)
        for _ in range(round(seconds / WINDOW)):
            self.vad.tell(
                VADEventType.INFERENCE_DONE,
                probability=float(voice),
                frames=[frame],
                speaking=voice,
            )
            await asyncio.sleep(WINDOW)


@contextlib.asynccontextmanager
async def talk(answer: str = "The answer.", **watchdog: Any) -> AsyncIterator[Talk]:
    """Begin a conversation, without a greeting."""
    profile = settings.load("gpu").model_copy(
        update={
            "watchdog": WatchdogSettings(prerecord=False, **watchdog),
        }
    )
    vad, line = Vad(), Line()
    stt, model, voice = Stt(), FaultyLlm(answer), FaultyTts()
    endpointer = Endpointer(Microphone(vad), TurnTranscript(), wait=lambda _: 0.3, judge=None)
    parley = silent("parley")
    records: list[Record] = []
    conversation = make(
        profile,
        parley,
        room=None,
        stt=stt,
        llm=model,
        tts=voice,
        sink=line,
        language="en",
        endpointer=endpointer,
        record=records.append,
    )
    found = Talk(conversation, vad, stt, model, voice, line, records=records)
    conversation.session.on("close", lambda _: found.closed.append(now()))
    try:
        await conversation.start(Assistant(parley, profile, "en", conversation.floor), Nothing())
        await asyncio.sleep(0.1)
        yield found
    finally:
        await conversation.aclose()

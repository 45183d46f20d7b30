"""Engines that need no model: they do what a test says, when it says so."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Any

import numpy as np
from livekit import rtc
from livekit.agents import LanguageCode, llm, stt, tts, utils, vad
from livekit.agents.llm import ChatContext, ChoiceDelta, FunctionToolCall
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS

RATE = 24_000
LETTERS_PER_SECOND = 10
"""An even speed of speech, so that a test can say when a sentence ends."""


class Vad(vad.VAD):
    """A detector with listeners of its own, like the agent's microphone."""

    def __init__(self) -> None:
        super().__init__(capabilities=vad.VADCapabilities(update_interval=0.032))
        self.streams: list[VadStream] = []
        self.listeners: list[Callable[[vad.VADEvent], None]] = []

    def listen(self, listener: Callable[[vad.VADEvent], None]) -> None:
        self.listeners.append(listener)

    def stream(self) -> vad.VADStream:
        self.streams.append(VadStream(self))
        return self.streams[-1]

    def tell(self, kind: vad.VADEventType, stream: int | None = None, **fields: Any) -> None:
        """Report something to the listeners, and to one of the streams or all of them."""
        values = {"speech_duration": 0.0, "silence_duration": 0.0, **fields}
        event = vad.VADEvent(type=kind, samples_index=0, timestamp=0.0, **values)
        for listener in self.listeners:
            listener(event)
        for each in self.streams if stream is None else [self.streams[stream]]:
            if not each._event_ch.closed:  # as of an agent who has handed over
                each._event_ch.send_nowait(event)


class VadStream(vad.VADStream):
    async def _main_task(self) -> None:
        async for _ in self._input_ch:
            pass


class Stt(stt.STT[str]):
    """Hears what the test says, whatever is spoken.

    Args:
        texts: The transcripts that it gives, one after the other.
        streaming: Whether it gives each at once. If not, it gives the next one for each utterance,
            and an empty one when there are no more.
    """

    def __init__(self, *texts: str, streaming: bool = True) -> None:
        super().__init__(
            capabilities=stt.STTCapabilities(streaming=streaming, interim_results=streaming)
        )
        self.events: asyncio.Queue[stt.SpeechEvent] = asyncio.Queue()
        self.lasted: list[float] = []
        """How long each utterance was, in seconds."""
        for text in texts:
            self.hears(text)

    def hears(self, text: str, kind: str = "final_transcript") -> None:
        self.events.put_nowait(_transcript(text, kind))

    async def _recognize_impl(self, buffer: Any, **_: Any) -> stt.SpeechEvent:
        self.lasted.append(rtc.combine_audio_frames(buffer).duration)
        return _transcript("") if self.events.empty() else self.events.get_nowait()

    def stream(self, **_: Any) -> stt.RecognizeStream:
        return SttStream(stt=self, conn_options=DEFAULT_API_CONNECT_OPTIONS)


class SttStream(stt.RecognizeStream):
    async def _run(self) -> None:
        assert isinstance(self._stt, Stt)
        while True:
            self._event_ch.send_nowait(await self._stt.events.get())


def _transcript(text: str, kind: str = "final_transcript") -> stt.SpeechEvent:
    data = stt.SpeechData(language=LanguageCode("en"), text=text)
    return stt.SpeechEvent(stt.SpeechEventType(kind), alternatives=[data])


class Llm(llm.LLM[str]):
    """Answers each request with the next of its answers; a tool call where one is given."""

    def __init__(self, *answers: str | FunctionToolCall) -> None:
        super().__init__()
        self.answers = list(answers)
        self.asked: list[ChatContext] = []

    def answer(self, chat_ctx: ChatContext) -> str | FunctionToolCall:
        return self.answers.pop(0)

    def chat(self, *, chat_ctx: ChatContext, tools: Any = None, **_: Any) -> llm.LLMStream:
        self.asked.append(chat_ctx.copy())
        return LlmStream(
            self, chat_ctx=chat_ctx, tools=tools or [], conn_options=DEFAULT_API_CONNECT_OPTIONS
        )


class LlmStream(llm.LLMStream):
    async def _run(self) -> None:
        assert isinstance(self._llm, Llm)
        answer = self._llm.answer(self._chat_ctx)
        if isinstance(answer, FunctionToolCall):
            deltas = [ChoiceDelta(role="assistant", tool_calls=[answer])]
        else:
            words = re.findall(r"\S+\s*|\s+", answer)
            deltas = [ChoiceDelta(role="assistant", content=word) for word in words]
        for delta in deltas:
            self._event_ch.send_nowait(llm.ChatChunk(id="chunk", delta=delta))


class Tts(tts.TTS[str]):
    """Speaks with a tone, as long as saying the text would take."""

    def __init__(self, letters_per_second: int = LETTERS_PER_SECOND) -> None:
        super().__init__(
            capabilities=tts.TTSCapabilities(streaming=False), sample_rate=RATE, num_channels=1
        )
        self.letters_per_second = letters_per_second
        self.said: list[str] = []
        """What it was asked to say."""
        self.delay = 0.0
        """Seconds before the first sound."""

    def synthesize(self, text: str, **_: Any) -> tts.ChunkedStream:
        return TtsStream(tts=self, input_text=text, conn_options=DEFAULT_API_CONNECT_OPTIONS)


class TtsStream(tts.ChunkedStream):
    async def _run(self, output_emitter: tts.AudioEmitter) -> None:
        assert isinstance(self._tts, Tts)
        self._tts.said.append(self._input_text)
        await asyncio.sleep(self._tts.delay)
        output_emitter.initialize(
            request_id=utils.shortuuid(), sample_rate=RATE, num_channels=1, mime_type="audio/pcm"
        )
        at = np.arange(RATE * len(self._input_text) // self._tts.letters_per_second) / RATE
        output_emitter.push((np.sin(2 * np.pi * 300 * at) * 12_000).astype(np.int16).tobytes())

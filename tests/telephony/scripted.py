"""Engines that need no model: the thinker follows a script, the ear hears what it is told to.

The room, the session, the voice-activity detector and the tools around them are real.
"""

from __future__ import annotations

import json
from collections import deque
from typing import Any

import numpy as np
from livekit.agents import APIConnectOptions, llm, stt, tts
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS
from livekit.agents.utils import AudioBuffer

RATE = 24_000


class Thinker(llm.LLM):
    """Answers with the next item of its script: a sentence, or a tool and its arguments."""

    def __init__(self, *script: str | tuple[str, dict[str, Any]]) -> None:
        super().__init__()
        self.script = deque(script)
        self.told: list[str] = []
        """The last message of every request: what the user said, or what a tool gave back."""

    def chat(
        self,
        *,
        chat_ctx: llm.ChatContext,
        tools: list[llm.Tool] | None = None,
        conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS,
        **_: Any,
    ) -> llm.LLMStream:
        last = chat_ctx.items[-1]
        self.told.append(
            last.output if isinstance(last, llm.FunctionCallOutput) else last.text_content or ""  # type: ignore[union-attr]
        )
        return _Thought(self, chat_ctx=chat_ctx, tools=tools or [], conn_options=conn_options)


class _Thought(llm.LLMStream):
    async def _run(self) -> None:
        assert isinstance(self._llm, Thinker)
        item = self._llm.script.popleft() if self._llm.script else "Go on."
        if isinstance(item, str):
            delta = llm.ChoiceDelta(role="assistant", content=item)
        else:
            call = llm.FunctionToolCall(name=item[0], arguments=json.dumps(item[1]), call_id="1")
            delta = llm.ChoiceDelta(role="assistant", tool_calls=[call])
        self._event_ch.send_nowait(llm.ChatChunk(id="1", delta=delta))


class Ear(stt.STT):
    """Understands the next of its sentences, whatever is said."""

    def __init__(self, *sentences: str) -> None:
        super().__init__(capabilities=stt.STTCapabilities(streaming=False, interim_results=False))
        self.sentences = deque(sentences)

    async def _recognize_impl(
        self, buffer: AudioBuffer, *, language: Any, conn_options: APIConnectOptions
    ) -> stt.SpeechEvent:
        text = self.sentences.popleft() if self.sentences else ""
        return stt.SpeechEvent(
            type=stt.SpeechEventType.FINAL_TRANSCRIPT,
            alternatives=[stt.SpeechData(language=language or "en", text=text)],
        )


class Voice(tts.TTS):
    """A tone, as long as it would take to say the text; what was said is kept."""

    def __init__(self) -> None:
        super().__init__(
            capabilities=tts.TTSCapabilities(streaming=False), sample_rate=RATE, num_channels=1
        )
        self.said: list[str] = []

    def synthesize(
        self, text: str, *, conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS
    ) -> tts.ChunkedStream:
        self.said.append(text)
        return _Tone(tts=self, input_text=text, conn_options=conn_options)


class _Tone(tts.ChunkedStream):
    async def _run(self, output_emitter: tts.AudioEmitter) -> None:
        output_emitter.initialize(
            request_id="1", sample_rate=RATE, num_channels=1, mime_type="audio/pcm"
        )
        # Twenty characters a second: half again as fast as a voice.
        t = np.arange(round(len(self._input_text) / 20 * RATE)) / RATE
        output_emitter.push((np.sin(2 * np.pi * 250 * t) * 8000).astype(np.int16).tobytes())

"""Pipecat as it comes, in an environment of its own: its LiveKit transport, Silero, smart-turn v3.

Run by that environment's Python; of this package it can import :mod:`bench.duplex.host` alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncGenerator
from typing import Any

import websockets
from loguru import logger
from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.frames.frames import (
    Frame,
    InterimTranscriptionFrame,
    InterruptionWorkerFrame,
    LLMMessagesAppendFrame,
    TranscriptionFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import (
    LLMContextAggregatorPair,
    LLMUserAggregatorParams,
)
from pipecat.services.openai.llm import OpenAILLMService
from pipecat.services.openai.stt import OpenAISTTService
from pipecat.services.openai.tts import OpenAITTSService
from pipecat.services.stt_service import STTService
from pipecat.transcriptions.language import Language
from pipecat.transports.livekit.transport import LiveKitParams, LiveKitTransport
from pipecat.utils.time import time_now_iso8601
from pipecat.workers.runner import WorkerRunner

from . import host


class BenchSTT(STTService):  # type: ignore[misc]
    """The scripted STT of the bench, for Pipecat."""

    def __init__(self, url: str, **options: Any) -> None:
        # Its words are final 0.1 s after they were said.
        super().__init__(ttfs_p99_latency=0.1, **options)
        self._url = url
        self._socket: Any = None
        self._reading: asyncio.Task[None] | None = None

    async def start(self, frame: Any) -> None:
        """Connect."""
        await super().start(frame)
        self._socket = await websockets.connect(self._url)
        self._reading = asyncio.create_task(self._read())

    async def cleanup(self) -> None:
        """Disconnect."""
        if self._reading:
            self._reading.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._reading
            await self._socket.close()
        await super().cleanup()

    async def run_stt(self, audio: bytes) -> AsyncGenerator[Frame | None, None]:
        """Send audio; transcripts come by themselves."""
        await self._socket.send(audio)
        yield None

    async def _read(self) -> None:
        async for message in self._socket:
            heard = json.loads(message)
            if heard["kind"] == "final":
                frame: Any = TranscriptionFrame(
                    heard["text"], self._user_id, time_now_iso8601(), finalized=True
                )
            else:
                frame = InterimTranscriptionFrame(heard["text"], self._user_id, time_now_iso8601())
            await self.push_frame(frame)


class Pipecat:
    """Its pipeline, as its quickstart has it."""

    def __init__(self) -> None:
        self._worker: PipelineWorker | None = None
        self._context = LLMContext()
        self._running: asyncio.Task[None] | None = None

    async def join(self, order: host.Join) -> None:
        """Enter a room."""
        base = f"{order['engines']}/v1"
        transport = LiveKitTransport(
            url=order["url"],
            token=order["token"],
            room_name=order["room"],
            params=LiveKitParams(audio_in_enabled=True, audio_out_enabled=True),
        )
        stt: STTService = BenchSTT(order["engines"].replace("http", "ws", 1) + "/stt")
        if order["stt"]:
            stt = OpenAISTTService(
                api_key="none",
                base_url=order["stt"],
                settings=OpenAISTTService.Settings(
                    model=order["stt_model"], language=Language(order["language"])
                ),
            )
        llm = OpenAILLMService(
            api_key="none",
            base_url=base,
            settings=OpenAILLMService.Settings(model="instant"),
        )
        tts = OpenAITTSService(api_key="none", base_url=base)
        self._context = LLMContext()
        user, assistant = LLMContextAggregatorPair(
            self._context,
            user_params=LLMUserAggregatorParams(vad_analyzer=SileroVADAnalyzer()),
        )
        pipeline = Pipeline([transport.input(), stt, user, llm, tts, transport.output(), assistant])
        self._worker = PipelineWorker(pipeline)
        joined = asyncio.Event()

        @transport.event_handler("on_first_participant_joined")  # type: ignore[untyped-decorator]
        async def _joined(*_: object) -> None:
            joined.set()

        self._running = asyncio.create_task(WorkerRunner(handle_sigint=False).run(self._worker))
        async with asyncio.timeout(20):
            await joined.wait()

    async def speak(self, text: str) -> None:
        """Make a reply."""
        assert self._worker
        message = {"role": "user", "content": text}
        await self._worker.queue_frame(LLMMessagesAppendFrame([message], run_llm=True))

    async def stop(self) -> None:
        """Stop speaking."""
        assert self._worker
        await self._worker.queue_frame(InterruptionWorkerFrame())

    async def history(self) -> list[str]:
        """What the assistant said."""
        return [
            str(message["content"])
            for message in self._context.get_messages()
            if isinstance(message, dict) and message.get("role") == "assistant"
        ]

    async def judged(self) -> list[host.Judgement] | None:
        """Nothing: it does not tell."""
        return None

    async def leave(self) -> None:
        """Leave the room."""
        assert self._worker
        assert self._running
        await self._worker.cancel()
        await self._running


if __name__ == "__main__":
    logger.remove()
    logger.add(sys.stderr, level="WARNING")
    host.main(Pipecat())

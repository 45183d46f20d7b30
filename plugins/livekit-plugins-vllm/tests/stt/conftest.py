"""A scripted voice activity detector and in-process servers for the speech-to-text tests."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import io
import json
import wave
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from aiohttp import WSMsgType, web
from aiohttp.test_utils import TestServer
from livekit import rtc
from livekit.agents import APIConnectOptions, stt, vad
from livekit.plugins.vllm import STT

WINDOW = 512
FAST = APIConnectOptions(max_retry=2, retry_interval=0.01, timeout=5.0)


class ScriptedVAD(vad.VAD):
    """Hears what the audio spells out: each window's samples are its probability times 1000.

    Speech begins with two windows at 0.5 or more and ends after ``silent_windows`` below.
    """

    def __init__(self, silent_windows: int = 8) -> None:
        super().__init__(capabilities=vad.VADCapabilities(update_interval=0.032))
        self.silent_windows = silent_windows

    def stream(self) -> vad.VADStream:
        return ScriptedVADStream(self)


class ScriptedVADStream(vad.VADStream):
    async def _main_task(self) -> None:
        assert isinstance(self._vad, ScriptedVAD)
        voiced = silent = 0
        speaking = False
        async for item in self._input_ch:
            if isinstance(item, self._FlushSentinel):
                voiced = silent = 0
                speaking = False
                continue
            p = item.data[0] / 1000
            voiced, silent = (voiced + 1, 0) if p >= 0.5 else (0, silent + 1)

            self._send(vad.VADEventType.INFERENCE_DONE, item, voiced, silent, speaking)
            if not speaking and voiced >= 2:
                speaking = True
                self._send(vad.VADEventType.START_OF_SPEECH, item, voiced, silent, speaking)
            elif speaking and silent >= self._vad.silent_windows:
                speaking = False
                self._send(vad.VADEventType.END_OF_SPEECH, item, voiced, silent, speaking)

    def _send(
        self,
        kind: vad.VADEventType,
        frame: rtc.AudioFrame,
        voiced: int,
        silent: int,
        speaking: bool,
    ) -> None:
        self._event_ch.send_nowait(
            vad.VADEvent(
                type=kind,
                samples_index=0,
                timestamp=0.0,
                speech_duration=voiced * WINDOW / 16000,
                silence_duration=silent * WINDOW / 16000,
                frames=[frame],
                probability=frame.data[0] / 1000,
                speaking=speaking,
            )
        )


def audio(windows: int, probability: float) -> Iterator[rtc.AudioFrame]:
    for _ in range(windows):
        data = np.full(WINDOW, round(probability * 1000), np.int16)
        yield rtc.AudioFrame(data.tobytes(), 16000, 1, WINDOW)


class Changes:
    """Lets a test wait for a condition; the other side says when something changed."""

    def __init__(self) -> None:
        self._next = asyncio.Event()

    def notify(self) -> None:
        changed, self._next = self._next, asyncio.Event()
        changed.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not condition():
                await self._next.wait()


class Talker:
    """Pushes audio into a stream and collects its events."""

    def __init__(self, stream: stt.RecognizeStream) -> None:
        self.stream = stream
        self.events: list[tuple[str, str]] = []
        self.full: list[stt.SpeechEvent] = []
        self._changes = Changes()
        self._task = asyncio.create_task(self._read())

    def speech(self, windows: int = 10, probability: float = 0.9) -> None:
        for frame in audio(windows, probability):
            self.stream.push_frame(frame)

    def silence(self, windows: int = 8) -> None:
        self.speech(windows, 0.0)

    async def _read(self) -> None:
        async for event in self.stream:
            if event.type is not stt.SpeechEventType.RECOGNITION_USAGE:
                text = event.alternatives[0].text if event.alternatives else ""
                self.events.append((event.type.value, text))
            self.full.append(event)
            self._changes.notify()

    async def until(self, kind: str, count: int = 1) -> list[tuple[str, str]]:
        """Wait for the event to have come ``count`` times; the events so far."""
        await self._changes.until(lambda: sum(name == kind for name, _ in self.events) >= count)
        return self.events

    async def end(self) -> None:
        """Wait for the stream to end of itself."""
        async with asyncio.timeout(10):
            await self._task

    async def aclose(self) -> None:
        await self.stream.aclose()
        await asyncio.gather(self._task, return_exceptions=True)


@dataclass
class Request:
    fields: dict[str, str]
    pcm: bytes
    cancelled: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def windows(self) -> int:
        return len(self.pcm) // 2 // WINDOW


class Server:
    """Both interfaces of a speech-to-text server.

    ``/v1/realtime`` keeps vLLM's rules: a commit begins, a final commit ends the audio, a begin
    while generating is ignored, and audio that came after the final commit is dropped at ``done``.
    """

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.answers: list[dict[str, Any] | int] = []
        self.listed = "whisper"
        self.verbose = True
        self.running = self.most_running = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self.links: list[Link] = []
        self.realtime = False
        self.drop_after: int | None = None
        self.detected: str | None = None
        self.confidence: object = None
        # Fields of `transcription.done`, in place of its own; left out where it is an ellipsis.
        self.ends_with: dict[str, object] = {}
        self._changes = Changes()

    async def until(self, condition: Callable[[], bool]) -> None:
        await self._changes.until(condition)

    def notify(self) -> None:
        self._changes.notify()

    async def models(self, request: web.Request) -> web.Response:
        return web.json_response({"data": [{"id": self.listed, "max_model_len": 448}]})

    async def transcriptions(self, request: web.Request) -> web.Response:
        form = await request.post()
        file = form["file"]
        assert isinstance(file, web.FileField)
        with wave.open(io.BytesIO(file.file.read())) as w:
            assert (w.getframerate(), w.getnchannels(), w.getsampwidth()) == (16000, 1, 2)
            pcm = w.readframes(w.getnframes())
        fields = {k: v for k, v in form.items() if isinstance(v, str)}
        seen = Request(fields, pcm)
        if fields["response_format"] == "verbose_json" and not self.verbose:
            return web.json_response(
                {"error": {"message": "Currently do not support verbose_json"}}, status=400
            )
        self.requests.append(seen)
        self.running += 1
        self.most_running = max(self.running, self.most_running)
        self.notify()
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            seen.cancelled.set()
            raise
        finally:
            self.running -= 1
        answer = self.answers.pop(0) if self.answers else {"text": f"{seen.windows} windows"}
        if isinstance(answer, int):
            return web.json_response({"error": {"message": "broken"}}, status=answer)
        return web.json_response(answer, headers={"x-request-id": f"r{len(self.requests)}"})

    async def websocket(self, request: web.Request) -> web.WebSocketResponse:
        if not self.realtime:
            raise web.HTTPForbidden
        link = Link(self, web.WebSocketResponse())
        await link.ws.prepare(request)
        self.links.append(link)
        try:
            await link.serve()
        finally:
            link.open = False
            self.notify()
        return link.ws


class Link:
    """One ``/v1/realtime`` connection."""

    def __init__(self, server: Server, ws: web.WebSocketResponse) -> None:
        self.server = server
        self.ws = ws
        self.open = True
        self.pcm = bytearray()
        self.committed = False
        self.updates: list[dict[str, Any]] = []
        self._audio: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._generation: asyncio.Task[None] | None = None

    async def serve(self) -> None:
        await self.ws.send_json({"type": "session.created", "id": "sess-1", "created": 1})
        validated = False
        try:
            async for message in self.ws:
                if message.type is not WSMsgType.TEXT:
                    break
                event = json.loads(message.data)
                match event["type"]:
                    case "session.update":
                        self.updates.append(event)
                        validated = event["model"] == "whisper"
                        if not validated:
                            await self._error("The model does not exist.", "model_not_found")
                    case "input_audio_buffer.append":
                        self._audio.put_nowait(base64.b64decode(event["audio"]))
                    case "input_audio_buffer.commit" if not validated:
                        await self._error("Model not validated.", "model_not_validated")
                    case "input_audio_buffer.commit" if event.get("final"):
                        self._audio.put_nowait(None)
                    case "input_audio_buffer.commit":
                        if self._generation is None or self._generation.done():
                            self._generation = asyncio.create_task(self._generate())
                self.server.notify()
        finally:
            if self._generation is not None:
                self._generation.cancel()
                await asyncio.gather(self._generation, return_exceptions=True)

    async def _generate(self) -> None:
        server, said = self.server, 0
        while (piece := await self._audio.get()) is not None:
            self.pcm += piece
            windows = len(self.pcm) // 2 // WINDOW
            if server.drop_after is not None and windows >= server.drop_after:
                server.drop_after = None
                await self.ws.close(code=1011)
                return
            while windows // 10 > said:
                said += 1
                await self.ws.send_json({"type": "transcription.delta", "delta": f" {said}0"})
            server.notify()
        self.committed = True
        server.notify()
        await server.gate.wait()
        text = f"{len(self.pcm) // 2 // WINDOW} windows"
        usage = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}
        done: dict[str, object] = {"type": "transcription.done", "text": text, "usage": usage}
        if server.detected:
            done["language"] = server.detected
        if server.confidence is not None:
            done["confidence"] = server.confidence
        done |= server.ends_with
        await self.ws.send_json({name: value for name, value in done.items() if value is not ...})
        while not self._audio.empty():
            self._audio.get_nowait()

    async def _error(self, message: str, code: str) -> None:
        await self.ws.send_json({"type": "error", "error": message, "code": code})


@dataclass
class Bench:
    """A server, and what talks to it."""

    server: Server
    url: str
    _open: list[STT | Talker] = field(default_factory=list)

    def stt(self, **options: Any) -> STT:
        defaults: dict[str, Any] = {
            "realtime": False,
            "interim_interval": 0.0,
            "speculate_after": 0.128,
            "vad": ScriptedVAD(),
        }
        made = STT(**(defaults | {"base_url": self.url} | options))
        self._open.append(made)
        return made

    def talk(self, made: STT | None = None, **options: Any) -> Talker:
        made = made or self.stt(**options)
        talker = Talker(made.stream(conn_options=FAST))
        self._open.append(talker)
        return talker

    async def aclose(self) -> None:
        for thing in reversed(self._open):
            await thing.aclose()


@contextlib.asynccontextmanager
async def benched() -> AsyncIterator[Bench]:
    """Run a server."""
    server = Server()
    app = web.Application(client_max_size=10**7)
    app.router.add_get("/v1/models", server.models)
    app.router.add_post("/v1/audio/transcriptions", server.transcriptions)
    app.router.add_get("/v1/realtime", server.websocket)
    http = TestServer(app)
    await http.start_server()
    made = Bench(server, str(http.make_url("/v1")))
    try:
        yield made
    finally:
        server.gate.set()
        await made.aclose()
        await http.close()


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    async with benched() as made:
        yield made


@pytest.fixture
async def other() -> AsyncIterator[Bench]:
    """Another server."""
    async with benched() as made:
        yield made

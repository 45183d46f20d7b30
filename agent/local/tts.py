"""The speech synthesiser: vllm-omni's ``/v1/audio/speech`` by small models on a CPU."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Literal

from prometheus_client import Counter, Histogram
from pydantic import BaseModel, Field, ValidationError, field_validator
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from agent.disconnect import until_disconnect
from agent.models import locate
from agent.wav import wav_header

from .errors import APIError
from .service import Seat, Service, Workers

if TYPE_CHECKING:
    from .audio import Samples
    from .voices import Voices

MODEL = "kokoro-hibari"

NICENESS = 5
"""Priority below that of the recogniser: somebody who speaks over the agent is to be heard while
the voice, which is ahead of its playback, makes the next sentence."""

LANGUAGES: dict[str, Literal["zh", "en"] | None] = {"Auto": None, "Chinese": "zh", "English": "en"}

FRAMES_PER_SECOND = 12.5
"""Frame rate of Qwen3-TTS's codec; ``max_new_tokens`` counts its frames."""

TTFA = Histogram(
    "vllm_omni:audio_ttfp_s",
    "Request received to first audio byte written.",
    buckets=(0.025, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 1, 1.5, 2, 3, 5),
)
DURATION = Histogram(
    "vllm_omni:audio_duration_s",
    "Seconds of audio of one request.",
    buckets=(0.25, 0.5, 1, 2, 3, 5, 8, 12, 20, 30, 60),
)
RTF = Histogram(
    "vllm_omni:audio_rtf",
    "Time to make one request's audio, by its length.",
    buckets=(0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 1, 1.5, 2),
)
COMPLETED = Counter("vllm_omni:speech_stream_completed", "Requests answered to the end.")
ABORTED = Counter("vllm_omni:speech_stream_aborted", "Requests not finished.", ["reason"])


class SpeechRequest(BaseModel):
    """The fields of vllm-omni's request that mean something here; others are ignored."""

    input: str
    model: str | None = None
    voice: str | None = None
    language: str | None = None
    response_format: Literal["wav", "pcm"] = "wav"
    stream_format: Literal["audio"] | None = None
    stream: bool = False
    sample_rate: Literal[24000] | None = None
    speed: float = Field(1.0, ge=0.25, le=4.0)
    max_new_tokens: int | None = Field(None, ge=1, le=4096)
    seed: int | None = Field(None, ge=0)

    @field_validator("input")
    @classmethod
    def _spoken(cls, text: str) -> str:
        if not text.strip():
            raise ValueError("Input text cannot be empty")
        return text


class Speech:
    """The engine and its routes."""

    def __init__(self) -> None:
        self._folder = locate("kokoro")
        self._voices: Voices | None = None
        # One at a time: a reply's next unit is asked for while the first is made, and would
        # double the wait for its first sound if both shared the processor. Two units of each of 32
        # callers may wait.
        self._workers = Workers(threads=1, limit=64, metrics="vllm_omni")
        self.service = Service(
            "tts",
            MODEL,
            [
                Route("/v1/audio/speech", _Endpoint(self), methods=["POST"]),
                Route("/v1/audio/voices", self._list_voices),
            ],
            self._load,
        )

    def _load(self) -> None:
        from .voices import Voices

        voices = Voices(self._folder)
        for text in ("好的。", "今天天气不错，我们出去走走。", "Okay.", "Let me think about that."):
            for _ in voices.stream(text):
                pass
        self._voices = voices

    async def _list_voices(self, request: Request) -> Response:
        self.service.require_ready()
        assert self._voices is not None
        return JSONResponse({"voices": [*self._voices.names, "default"], "uploaded_voices": []})

    async def answer(self, request: Request, send: Send) -> None:
        """Serve one request for speech."""
        self.service.require_ready()
        speech = _parse(await request.body())
        self.service.require_model(speech.model)
        pieces = self._speak(speech)
        # A client that disconnects, as one does at every barge-in, is not an error.
        with self._workers.admit() as seat, contextlib.suppress(ClientDisconnect):
            await until_disconnect(request, _write(speech, seat, pieces, send))

    def _speak(self, speech: SpeechRequest) -> Iterator[Samples]:
        assert self._voices is not None
        voice = (speech.voice or "default").lower()
        if voice != "default" and voice not in self._voices.names:
            known = ", ".join(self._voices.names)
            raise APIError(f"Invalid voice '{speech.voice}'. Supported: {known}", param="voice")
        language = (speech.language or "auto").title()
        if language not in LANGUAGES:
            known = ", ".join(LANGUAGES)
            raise APIError(
                f"Invalid language '{speech.language}'. Supported: {known}", param="language"
            )
        return self._voices.stream(
            speech.input,
            voice=None if voice == "default" else voice,
            language=LANGUAGES[language],
            speed=min(2.0, max(0.5, speech.speed)),
            seed=speech.seed,
        )


class _Endpoint:
    """An ASGI application, so that a request holds its seat until its last byte is sent."""

    def __init__(self, speech: Speech) -> None:
        self._speech = speech

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._speech.answer(Request(scope, receive), send)


def _parse(body: bytes) -> SpeechRequest:
    try:
        return SpeechRequest.model_validate_json(body)
    except ValidationError as e:
        error = e.errors()[0]
        field = str(error["loc"][0]) if error["loc"] else None
        message = error["msg"].removeprefix("Value error, ")
        raise APIError(f"{field}: {message}" if field else message, param=field or "") from e


async def _write(speech: SpeechRequest, seat: Seat, pieces: Iterator[Samples], send: Send) -> None:
    """Send the audio as it is made, or all of it at the end, as the client asked."""
    from .audio import SAMPLE_RATE

    start = time.monotonic()
    streamed = speech.stream_format == "audio"
    wav = speech.response_format == "wav"
    headers = [(b"content-type", b"audio/wav" if wav else b"audio/pcm")]
    body = bytearray()
    size = 0
    try:
        async for chunk in _pcm(speech, seat, pieces):
            if not size:
                TTFA.observe(time.monotonic() - start)
                if streamed:
                    await send({"type": "http.response.start", "status": 200, "headers": headers})
                    chunk = wav_header(SAMPLE_RATE) + chunk if wav else chunk
            size += len(chunk)
            if streamed:
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
            else:
                body += chunk
        if not streamed:
            data = wav_header(SAMPLE_RATE, size) + body if wav else bytes(body)
            headers.append((b"content-length", b"%d" % len(data)))
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": data})
        else:
            await send({"type": "http.response.body", "body": b""})
    except asyncio.CancelledError:
        ABORTED.labels("closed").inc()
        raise
    except Exception:
        ABORTED.labels("error").inc()
        raise
    seconds = size / 2 / SAMPLE_RATE
    COMPLETED.inc()
    DURATION.observe(seconds)
    if seconds:
        RTF.observe((time.monotonic() - start) / seconds)


async def _pcm(
    speech: SpeechRequest, seat: Seat, pieces: Iterator[Samples]
) -> AsyncIterator[bytes]:
    """The audio piece by piece, cut off at ``max_new_tokens``."""
    from .audio import SAMPLE_RATE, pcm

    limit = speech.max_new_tokens or 4096
    left = int(limit / FRAMES_PER_SECOND * SAMPLE_RATE)
    while left and (piece := await seat.run(lambda: next(pieces, None))) is not None:
        if len(piece):
            yield pcm(piece[:left])
        left -= min(left, len(piece))


def serve(host: str, port: int) -> None:
    """Serve until a signal."""
    os.nice(NICENESS)
    Speech().service.run(host, port)

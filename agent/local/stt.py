"""The speech recogniser: ``/v1/audio/transcriptions`` and ``/v1/realtime`` by Whisper."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from prometheus_client import Counter, Histogram
from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from agent.disconnect import until_disconnect
from agent.models import called, locate, size

from .errors import APIError
from .service import Service, Workers

if TYPE_CHECKING:
    from .whisper import Utterance, Whisper

LARGEST = 25 * 1024 * 1024
"""Bytes of one upload, OpenAI's limit."""

LATENCY = Histogram(
    "vllm:e2e_request_latency_seconds",
    "Request received to transcript sent.",
    buckets=(0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 1, 1.5, 2, 3, 5, 10, 30),
)
HEARD = Counter("vllm:audio_seconds", "Seconds of audio transcribed.")


class Transcriptions:
    """The engine and its routes."""

    def __init__(self) -> None:
        self._folder = locate("stt")
        self._whisper: Whisper | None = None
        self._workers = Workers(threads=1, limit=16, metrics="vllm")
        self.service = Service(
            "stt",
            called("stt"),
            [
                Route("/v1/audio/transcriptions", self._transcriptions, methods=["POST"]),
                WebSocketRoute("/v1/realtime", self._realtime),
            ],
            self._load,
        )

    def _load(self) -> None:
        import numpy as np

        from .whisper import SAMPLE_RATE, Whisper

        whisper = Whisper(self._folder, size.ear_threads())
        # The first call is slow, and faint noise takes the whole path, language detection too.
        noise = np.random.default_rng(0).normal(0, 0.01, 2 * SAMPLE_RATE).astype(np.float32)
        for language in (None, "zh"):
            list(whisper.transcribe(noise, language=language))
        self._whisper = whisper

    async def _transcriptions(self, request: Request) -> Response:
        start = time.monotonic()
        self.service.require_ready()
        async with request.form(max_part_size=LARGEST) as form:
            self.service.require_model(_text(form, "model"))
            fmt = _text(form, "response_format") or "json"
            if fmt not in ("json", "text", "verbose_json"):
                raise APIError(
                    f"response_format {fmt!r} is not supported: use json, text or verbose_json.",
                    param="response_format",
                )
            utterance = await until_disconnect(request, self._hear(form))
        LATENCY.observe(time.monotonic() - start)
        HEARD.inc(utterance.duration)
        if fmt == "text":
            return PlainTextResponse(utterance.text + "\n")
        if fmt == "verbose_json":
            return JSONResponse(_verbose(utterance))
        return JSONResponse(
            {
                "text": utterance.text,
                "usage": {"type": "duration", "seconds": round(utterance.duration)},
            }
        )

    async def _realtime(self, websocket: WebSocket) -> None:
        from .realtime import Session

        try:
            self.service.require_ready()
        except APIError as e:
            await websocket.send_denial_response(e.response())
            return
        assert self._whisper is not None
        session = Session(
            websocket, whisper=self._whisper, workers=self._workers, model=self.service.model
        )
        await session.run()

    async def _hear(self, form: FormData) -> Utterance:
        from .whisper import AudioError, LanguageError, decode

        assert self._whisper is not None
        whisper = self._whisper
        file = form.get("file")
        if not isinstance(file, UploadFile):
            raise APIError("The form has no audio file: send it as `file`.", param="file")
        data = await file.read()
        try:
            language = whisper.language(_text(form, "language"))
        except LanguageError as e:
            raise APIError(str(e), param="language") from e
        temperature = _temperature(_text(form, "temperature"))
        prompt = _text(form, "prompt")
        with self._workers.admit() as seat:
            try:
                audio = await seat.run(lambda: decode(data))
            except AudioError as e:
                raise APIError(str(e), param="file") from e
            work = whisper.transcribe(
                audio, language=language, prompt=prompt, temperature=temperature
            )
            while True:
                utterance = await seat.run(lambda: next(work))
                if utterance:
                    return utterance


def _text(form: FormData, key: str) -> str | None:
    value = form.get(key)
    return (value.strip() or None) if isinstance(value, str) else None


def _temperature(value: str | None) -> float:
    try:
        number = float(value or 0)
    except ValueError:
        number = -1
    if not 0 <= number <= 1:
        raise APIError(f"temperature {value!r} is not a number from 0 to 1.", param="temperature")
    return number


def _verbose(utterance: Utterance) -> dict[str, Any]:
    return {
        "task": "transcribe",
        "language": utterance.language,
        "duration": round(utterance.duration, 3),
        "text": utterance.text,
        "segments": [
            {
                "id": i,
                "seek": s.seek,
                "start": round(s.start, 2),
                "end": round(s.end, 2),
                "text": s.text,
                "tokens": s.tokens,
                "temperature": s.temperature,
                "avg_logprob": s.avg_logprob,
                "compression_ratio": s.compression_ratio,
                "no_speech_prob": s.no_speech_prob,
            }
            for i, s in enumerate(utterance.segments)
        ],
    }


def serve(host: str, port: int) -> None:
    """Serve until a signal."""
    Transcriptions().service.run(host, port)

"""Recognition over ``/v1/audio/transcriptions``: an utterance is one multipart request."""

from __future__ import annotations

import asyncio
import io
import json
import math
import wave
from collections.abc import Callable
from typing import Any

import httpx2 as httpx
from livekit.agents import (
    APIConnectionError,
    APIError,
    APIStatusError,
    APITimeoutError,
    LanguageCode,
)

from .._server.errors import response_error
from .._server.server import Server
from ..log import logger
from .guards import Segment
from .qwen import plain_text
from .recognition import BYTES_PER_SECOND, SAMPLE_RATE, RecognitionOptions, Transcript

# Whisper writes simplified or traditional characters as its context suggests.
SIMPLIFIED_CHINESE_PROMPT = "这是一段普通话对话，请用简体中文和标点记录。"

# Fast Chinese is some 15 tokens a second; a decoder caught in a loop is stopped by this instead
# of by the 448 tokens of the model (vLLM's own parameter; other servers ignore it).
TOKENS_PER_SECOND = 25
MIN_TOKENS = 32
# No log probability is so far from 0; a longer integer does not fit into a float.
_LARGEST = 10**6


class TranscriptionsTransport:
    """``/v1/audio/transcriptions`` of one server.

    Args:
        server: The server.
        http_client: HTTP client for the requests; the caller closes it.
        model: The model's name on the server.
        asked: The name that was asked for; None for the server's first.
    """

    streams = False

    def __init__(
        self,
        server: Server,
        *,
        http_client: httpx.AsyncClient,
        model: str,
        asked: str | None = None,
    ) -> None:
        self._url = f"{server.base_url}/audio/transcriptions"
        self._server = server
        self._http = http_client
        self._model = model
        self._asked = asked
        # vLLM gives verbose_json for Whisper and answers 400 for every other model.
        self._verbose: bool | None = None

    def open(
        self, options: RecognitionOptions, *, on_partial: Callable[[str], None] | None = None
    ) -> TranscriptionsRecognition:
        """Begin an utterance; nothing is sent before it is to be decoded."""
        return TranscriptionsRecognition(self, options)

    async def transcribe(self, pcm: bytes, options: RecognitionOptions) -> Transcript:
        """Send audio (PCM16, 16 kHz, mono) and wait for its text.

        Raises:
            APITimeoutError: No answer within ``options.timeout``.
            APIStatusError: The server refused.
            APIConnectionError: The server could not be reached.
        """
        try:
            async with asyncio.timeout(options.timeout):
                try:
                    return await self._in_best_form(pcm, options)
                except APIStatusError as e:
                    if e.status_code != 404 or not await self._renamed(options.timeout):
                        raise
                return await self._in_best_form(pcm, options)
        except (TimeoutError, httpx.TimeoutException) as e:
            raise APITimeoutError(
                f"no transcript from {self._url} within {options.timeout:g} s"
            ) from e
        except httpx.HTTPError as e:
            raise APIConnectionError(f"no connection to {self._url}") from e

    async def _in_best_form(self, pcm: bytes, options: RecognitionOptions) -> Transcript:
        if self._verbose is False:
            return await self._request(pcm, options, verbose=False)
        try:
            transcript = await self._request(pcm, options, verbose=True)
        except APIStatusError as e:
            if self._verbose or e.status_code not in (400, 422):
                raise
            transcript = await self._request(pcm, options, verbose=False)
            logger.debug("server has no verbose_json", extra={"model": self._model})
            self._verbose = False
        else:
            self._verbose = True
        return transcript

    async def _renamed(self, within: float) -> bool:
        """Whether the server has come back with another model, which is asked from now on."""
        name = await self._server.renamed(self._asked, self._model, timeout=within)
        if name is not None:
            self._model, self._verbose = name, None
        return name is not None

    async def _request(
        self, pcm: bytes, options: RecognitionOptions, *, verbose: bool
    ) -> Transcript:
        prompt = options.prompt
        if prompt is None and verbose and options.language == "zh":
            prompt = SIMPLIFIED_CHINESE_PROMPT
        seconds = len(pcm) / BYTES_PER_SECOND
        fields = {
            "model": self._model,
            "language": options.language,
            "prompt": prompt,
            "response_format": "verbose_json" if verbose else "json",
            "temperature": "0",
            "max_completion_tokens": str(MIN_TOKENS + math.ceil(seconds * TOKENS_PER_SECOND)),
        }
        response = await self._http.post(
            self._url,
            data={name: value for name, value in fields.items() if value},
            files={"file": ("speech.wav", wav(pcm), "audio/wav")},
            headers=self._server.headers,
            timeout=options.timeout,
            follow_redirects=True,
        )
        if not response.is_success:
            raise response_error(response, self._server.base_url)
        try:
            body = _body(response)
            # Some servers say null for nothing.
            raw = "" if body["text"] is None else body["text"]
            if not isinstance(raw, str):
                raise TypeError("the text is not a string")
        except (ValueError, KeyError, TypeError, RecursionError) as e:
            raise APIError(f"{self._url} sent something that is not a transcription") from e
        text, named = plain_text(raw)
        told = body.get("language")
        language = named or (told if isinstance(told, str) else "") or options.language or ""
        listed = body.get("segments")
        segments = tuple(
            _segment(segment)
            for segment in (listed if isinstance(listed, list) else ())
            if isinstance(segment, dict)
        )
        return Transcript(
            text=text.strip(),
            language=LanguageCode(language),
            confidence=_confidence(segments),
            request_id=response.headers.get("x-request-id", ""),
            segments=segments,
            prompt=prompt,
        )


class TranscriptionsRecognition:
    """One utterance: its audio, sent whole each time it is decoded."""

    def __init__(self, transport: TranscriptionsTransport, options: RecognitionOptions) -> None:
        self._transport = transport
        self._options = options
        self._pcm = bytearray()

    def push(self, pcm: bytes) -> None:
        """Add audio: PCM16, 16 kHz, mono."""
        self._pcm += pcm

    async def decode(self) -> Transcript:
        """Recognise everything pushed so far; cancelling it closes the connection."""
        return await self._transport.transcribe(bytes(self._pcm), self._options)

    async def aclose(self) -> None:
        """Drop the audio; nothing is open between decodes. May be called twice."""
        self._pcm.clear()


def wav(pcm: bytes) -> bytes:
    """PCM16, 16 kHz, mono as a WAV file."""
    file = io.BytesIO()
    with wave.open(file, "wb") as w:
        w.setnchannels(1)
        w.setsampwidth(2)
        w.setframerate(SAMPLE_RATE)
        w.writeframes(pcm)
    return file.getvalue()


def _body(response: httpx.Response) -> dict[str, Any]:
    """The answer, be it JSON or the bare words of a server that knows no other form."""
    written = response.content.decode("utf-8", "replace").removeprefix("\ufeff")
    if response.headers.get("content-type", "").startswith("text/plain"):
        return {"text": written}
    body: dict[str, Any] = json.loads(written)
    return body


def _segment(fields: dict[str, Any]) -> Segment:
    return Segment(
        text=str(fields.get("text") or ""),
        avg_logprob=_number(fields.get("avg_logprob")),
        no_speech_prob=_number(fields.get("no_speech_prob")),
    )


def _number(value: object) -> float | None:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    return float(value) if abs(value) < _LARGEST else None


def _confidence(segments: tuple[Segment, ...]) -> float:
    """Mean token probability, each segment weighing as much as its text is long."""
    known = [(s.avg_logprob, len(s.text)) for s in segments if s.avg_logprob is not None]
    weight = sum(length for _, length in known)
    if not weight:
        return 0.0
    mean = sum(logprob * length for logprob, length in known) / weight
    return math.exp(min(0.0, mean))

"""vLLM's WebSocket ``/v1/realtime``: audio comes as it is spoken, text as soon as it is sure.

The events are vLLM's: ``session.update`` names the model, ``input_audio_buffer.commit`` begins an
utterance and, with ``final``, ends it, ``input_audio_buffer.append`` carries PCM16 of 16 kHz in
base64. ``transcription.delta`` adds words, ``transcription.done`` has the whole text, which may
differ from what the deltas said. Beyond vLLM's own, ``session.update`` may carry ``language`` and
``prompt``, and ``transcription.done`` has the ``language`` and the ``confidence``, from 0 to 1.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import json
import logging
import time
import uuid
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect

from .errors import APIError
from .hearing import Hearing
from .service import Seat, Workers
from .whisper import LanguageError, Utterance, Whisper

logger = logging.getLogger(__name__)

LONGEST = 25 * 1024 * 1024
"""Bytes of one utterance: as much as an upload to ``/v1/audio/transcriptions``."""


class _EventError(Exception):
    """An event that cannot be obeyed; the connection goes on."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


class Session:
    """One connection, with one utterance after the other.

    Args:
        websocket: The WebSocket, not yet accepted.
        whisper: The model that transcribes.
        workers: The threads that it works in.
        model: The model's name.
    """

    def __init__(
        self, websocket: WebSocket, *, whisper: Whisper, workers: Workers, model: str
    ) -> None:
        self._websocket = websocket
        self._whisper = whisper
        self._workers = workers
        self._model = model
        self._named = False  # the client has named the model
        self._language: str | None = None
        self._prompt: str | None = None
        self._hearing = Hearing()
        self._ended = False
        self._changed = asyncio.Event()
        self._generation: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Serve until the client goes."""
        await self._websocket.accept()
        try:
            await self._send(
                "session.created", id=f"sess-{uuid.uuid4().hex}", created=int(time.time())
            )
            while True:
                message = await self._websocket.receive_text()
                try:
                    self._handle(message)
                except _EventError as e:
                    await self._send("error", error=str(e), code=e.code)
        except WebSocketDisconnect:
            pass
        finally:
            if self._generation is not None:
                self._generation.cancel()
                await asyncio.gather(self._generation, return_exceptions=True)

    def _handle(self, message: str) -> None:
        try:
            event = json.loads(message)
        except ValueError as e:
            raise _EventError("Invalid JSON", "invalid_json") from e
        kind = event.get("type") if isinstance(event, dict) else None
        match kind:
            case "session.update":
                self._update(event)
            case "input_audio_buffer.append":
                self._append(event.get("audio"))
            case "input_audio_buffer.commit":
                self._commit(final=bool(event.get("final")))
            case _:
                raise _EventError(f"Unknown event type: {kind}", "unknown_event")
        self._changed.set()

    def _update(self, event: dict[str, Any]) -> None:
        model = event.get("model")
        if model is None:
            raise _EventError("Missing required field: model", "invalid_event")
        if model != self._model:
            raise _EventError(f"The model `{model}` does not exist.", "model_not_found")
        try:
            self._language = self._whisper.language(event.get("language"))
        except LanguageError as e:
            raise _EventError(str(e), "invalid_event") from e
        self._prompt = event.get("prompt")
        self._named = True

    def _append(self, audio: object) -> None:
        try:
            pcm = base64.b64decode(audio, validate=True) if isinstance(audio, str) else b""
        except binascii.Error:
            pcm = b""
        if not pcm or len(pcm) % 2 or 2 * self._hearing.samples + len(pcm) > LONGEST:
            raise _EventError("Invalid audio data", "invalid_audio")
        if not self._ended:  # vLLM throws away what comes between the end and its answer
            self._hearing.push(pcm)

    def _commit(self, *, final: bool) -> None:
        if not self._named:
            raise _EventError(
                "Model not validated. Make sure to validate the model by sending a session.update"
                " event.",
                "model_not_validated",
            )
        if final:
            self._ended = True
        elif self._generation is None or self._generation.done():
            self._generation = asyncio.create_task(self._generate(), name="realtime utterance")

    async def _generate(self) -> None:
        try:
            await self._transcribe()
        except WebSocketDisconnect:
            pass  # the receiving side ends the session
        except Exception as e:
            if not isinstance(e, APIError):
                logger.exception("utterance failed")
                e = APIError("The engine failed; its log has the details.")
            with contextlib.suppress(WebSocketDisconnect):
                await self._send("error", error=str(e), code="processing_error")
        finally:
            self._hearing, self._ended = Hearing(), False

    async def _transcribe(self) -> None:
        hearing = self._hearing
        tokens, language, confidence = 0, self._language or "", 0.0
        searched = False
        with self._workers.admit() as seat:
            while not (self._ended and (hearing.complete or not hearing.samples)):
                start, samples = time.monotonic(), hearing.samples
                if not self._ended and not hearing.due(start):
                    await self._wait(hearing.rested - start)
                    continue
                # A second decode in the middle of speech would only delay its end.
                over = self._ended or hearing.paused
                # Words that nobody speaks are looked for once, or music would hold up real ones.
                utterance = await self._listen(seat, hearing, thorough=over, search=not searched)
                searched = searched or utterance.searched
                text = utterance.text if over or not utterance.doubtful else None
                now = time.monotonic()
                sure = hearing.decoded(
                    text,
                    samples,
                    confidence=utterance.confidence,
                    opening=utterance.opening,
                    spoken=utterance.spoken,
                    over=over,
                    seconds=now - start,
                    now=now,
                )
                tokens += sum(len(s.tokens) for s in utterance.segments)
                language, confidence = utterance.language, utterance.confidence
                if sure and not self._ended:
                    await self._send("transcription.delta", delta=sure)
        usage = {"prompt_tokens": 0, "completion_tokens": tokens, "total_tokens": tokens}
        await self._send(
            "transcription.done",
            text=hearing.text,
            language=language,
            confidence=round(confidence, 3),
            usage=usage,
        )

    async def _wait(self, rest: float) -> None:
        """Wait for the client, or for the end of the rest if that is still to come."""
        self._changed.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(rest if rest > 0 else None):
                await self._changed.wait()

    async def _listen(
        self, seat: Seat, hearing: Hearing, *, thorough: bool, search: bool
    ) -> Utterance:
        work = self._whisper.transcribe(
            hearing.audio(),
            language=self._language,
            prompt=self._prompt,
            begun=hearing.begun,
            thorough=thorough,
            search=search,
            opening=hearing.early,
        )
        while True:
            utterance = await seat.run(lambda: next(work))
            if utterance:
                return utterance

    async def _send(self, kind: str, **fields: object) -> None:
        await self._websocket.send_json({"type": kind, **fields})

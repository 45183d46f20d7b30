"""An exchange as an HTTP response: bare audio, or events of text and audio."""

from __future__ import annotations

import base64
import contextlib
import json
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive, Scope, Send

from agent.disconnect import until_disconnect
from agent.wav import wav_header

from .exchange import FRAME_MS, SAMPLE_RATE, Audio, Event, Exchange, Heard, Said
from .requests import Refused


class SpokenResponse:
    """Sends an exchange as it is made, and ends it when the client goes away.

    Args:
        exchange: The exchange to send.
        leave: Called when the client has gone before the end.
        events: Whether to send server-sent events instead of audio.
        wav: Whether the audio begins with a WAV header.
        segments: The number of units if it is known; otherwise those sent before the first audio.
    """

    def __init__(
        self,
        exchange: Exchange,
        leave: Callable[[], Awaitable[Any]],
        *,
        events: bool = False,
        wav: bool = False,
        segments: int | None = None,
    ) -> None:
        self._exchange = exchange
        self._leave = leave
        self._events = events
        self._wav = wav
        self._segments = segments

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the response."""
        try:
            with contextlib.suppress(ClientDisconnect):
                request = Request(scope, receive)
                await until_disconnect(request, self._write(scope, receive, send))
        finally:
            if self._exchange.record.outcome == "running":
                await self._leave()

    async def _write(self, scope: Scope, receive: Receive, send: Send) -> None:
        record = self._exchange.record
        started = False
        async for event in self._exchange.events:
            part = _server_sent(event) if self._events else self._bare(event, not started)
            if not part:
                continue
            if not started:
                await send(self._start())
                started = True
            await send({"type": "http.response.body", "body": part, "more_body": True})
        if not started:
            problem = record.error or "The language model wrote nothing to be spoken."
            if record.outcome == "stopped":
                refused = Refused(409, "stopped", "The reply was stopped before its first word.")
            else:
                refused = Refused(502, "no_reply", problem)
            await refused.response()(scope, receive, send)
            return
        last = _frame_event("done", record.as_dict()) if self._events else b""
        if record.outcome == "failed" and not self._events:
            # The body is left open, so that the client sees a broken stream, not a short reply.
            raise ConnectionAbortedError(record.error)
        await send({"type": "http.response.body", "body": last})

    def _bare(self, event: Event, first: bool) -> bytes:
        if not isinstance(event, Audio):
            return b""
        return wav_header(SAMPLE_RATE) + event.pcm if first and self._wav else event.pcm

    def _start(self) -> dict[str, Any]:
        record = self._exchange.record
        kind = "text/event-stream" if self._events else "audio/wav" if self._wav else "audio/pcm"
        headers = {
            "content-type": kind,
            "cache-control": "no-store",
            "x-request-id": record.id,
            "x-sample-rate": str(SAMPLE_RATE),
            "x-chunk-ms": str(FRAME_MS),
            "x-warm-request": str(int(record.warm)),
            "x-segments": str(len(record.units) if self._segments is None else self._segments),
            "server-timing": record.server_timing,
        }
        return {
            "type": "http.response.start",
            "status": 200,
            "headers": [(k.encode(), v.encode()) for k, v in headers.items()],
        }


def _server_sent(event: Event) -> bytes:
    match event:
        case Heard(text):
            return _frame_event("heard", {"text": text})
        case Said(text):
            return _frame_event("text", {"text": text})
        case Audio(pcm):
            return _frame_event("audio", {"pcm": base64.b64encode(pcm).decode()})


def _frame_event(name: str, data: dict[str, Any]) -> bytes:
    return f"event: {name}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n".encode()

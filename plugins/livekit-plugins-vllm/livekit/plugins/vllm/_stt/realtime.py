"""Recognition over vLLM's WebSocket ``/v1/realtime``: audio is sent while it is spoken.

The server begins an utterance with ``input_audio_buffer.commit``, reads appended audio until a
commit with ``final``, and answers ``transcription.done``. Two properties of it shape this module:

- After ``done`` it throws away audio that has already arrived for the next utterance, and a begin
  that comes a moment too early is ignored. So every utterance has a connection of its own.
- Nothing is acknowledged before ``done``. So the audio of the utterance is kept until then and
  sent again after a lost connection, or when a guess that it had ended proved wrong.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import re
from collections.abc import Callable
from typing import Any

import aiohttp
from livekit.agents import (
    APIConnectionError,
    APIError,
    APIStatusError,
    APITimeoutError,
    LanguageCode,
)
from livekit.agents.utils import aio

from .._server.errors import status_error
from .._server.server import Server
from ..log import logger
from .qwen import plain_text
from .recognition import BYTES_PER_SECOND, RecognitionOptions, Transcript

# One append carries at most this much: a replay of 30 s stays clear of frame limits.
MAX_APPEND_BYTES = BYTES_PER_SECOND
# A connection that breaks while somebody speaks is opened again after this many seconds.
RECONNECT_INTERVAL = 0.5
# Seconds between pings: a peer that vanished is noticed within two of them.
HEARTBEAT = 5.0
# The closing frame already ends the server's work; its answer is only courtesy.
CLOSE_TIMEOUT = 0.5


class RealtimeTransport:
    """``/v1/realtime`` of one server.

    Args:
        server: The server.
        session: HTTP session for the connections; the caller closes it.
        model: The model's name on the server.
        asked: The name that was asked for; None for the server's first.
    """

    streams = True

    def __init__(
        self,
        server: Server,
        *,
        session: aiohttp.ClientSession,
        model: str,
        asked: str | None = None,
    ) -> None:
        self.url = re.sub(r"^http", "ws", server.base_url) + "/realtime"
        self.model = model
        self._asked = asked
        self._server = server
        self._session = session

    def open(
        self, options: RecognitionOptions, *, on_partial: Callable[[str], None] | None = None
    ) -> RealtimeRecognition:
        """Begin an utterance; the connection is opened with the first audio."""
        return RealtimeRecognition(self, options, on_partial=on_partial)

    async def renamed(self, within: float) -> bool:
        """Whether the server has come back with another model, which is asked from now on."""
        name = await self._server.renamed(self._asked, self.model, timeout=within)
        self.model = name or self.model
        return name is not None

    async def is_offered(self, within: float) -> bool:
        """Whether the server has the interface.

        Raises:
            APIConnectionError: The server could not be reached, so nobody knows.
        """
        try:
            ws, _ = await self.connect(within)
        except APIStatusError:
            return False
        await ws.close()
        return True

    async def connect(self, within: float) -> tuple[aiohttp.ClientWebSocketResponse, str]:
        """Open a connection and wait for the server's greeting, which names the session.

        Args:
            within: Seconds allowed for both together.

        Raises:
            APIStatusError: The server answered, but not as ``/v1/realtime``.
            APITimeoutError: It did not answer in time.
            APIConnectionError: It could not be reached.
        """
        ws: aiohttp.ClientWebSocketResponse | None = None
        try:
            async with asyncio.timeout(within):
                ws = await self._session.ws_connect(
                    self.url,
                    headers=self._server.headers,
                    heartbeat=HEARTBEAT,
                    timeout=aiohttp.ClientWSTimeout(ws_close=CLOSE_TIMEOUT),
                )
                greeting = await _receive(ws)
                if greeting.get("type") != "session.created":
                    raise APIStatusError(
                        f"{self.url} is not a transcription session", status_code=404
                    )
                return ws, str(greeting.get("id", ""))
        except BaseException as e:
            if ws is not None:
                await ws.close()
            if isinstance(e, aiohttp.WSServerHandshakeError):
                raise status_error(e.status, e.message, self.url) from e
            if isinstance(e, TimeoutError):
                raise APITimeoutError(f"no session from {self.url} within {within:g} s") from e
            if isinstance(e, (aiohttp.ClientError, OSError)):
                raise APIConnectionError(f"no connection to {self.url}") from e
            raise


class RealtimeRecognition:
    """One utterance: its audio, and the connection that is being told it."""

    def __init__(
        self,
        transport: RealtimeTransport,
        options: RecognitionOptions,
        *,
        on_partial: Callable[[str], None] | None,
    ) -> None:
        self._transport = transport
        self._options = options
        self._on_partial = on_partial
        self._pcm = bytearray()
        self._link: _Link | None = None
        self._dropped: set[_Link] = set()
        self._retry_at = 0.0

    def push(self, pcm: bytes) -> None:
        """Add audio: PCM16, 16 kHz, mono."""
        self._pcm += pcm
        now = asyncio.get_running_loop().time()
        if self._link is not None and self._link.over:
            self._drop_link()
            self._retry_at = now + RECONNECT_INTERVAL
        if self._link is None and now >= self._retry_at:
            self._link = self._new_link()
        if self._link is not None:
            self._link.wake()

    async def decode(self) -> Transcript:
        """End the audio and wait for the text; cancelling it closes the connection."""
        try:
            async with asyncio.timeout(self._options.timeout):
                raw, session_id, done = await self._finished()
        except TimeoutError as e:
            self._drop_link()
            raise APITimeoutError(
                f"no transcript from {self._transport.url} within {self._options.timeout:g} s"
            ) from e
        except BaseException:
            # Cancelled: more speech came. This server has been told that the audio ended, so the
            # next push starts over on a new connection.
            self._drop_link()
            raise
        text, language = plain_text(raw)
        # vLLM's own event tells no language and no confidence; a server that knows them can.
        language = language or str(done.get("language") or self._options.language or "")
        usage = done.get("usage")
        return Transcript(
            text=text,
            language=LanguageCode(language),
            confidence=_share(done.get("confidence")),
            request_id=session_id,
            prompt=self._options.prompt,
            input_tokens=_count(usage, "prompt_tokens"),
            output_tokens=_count(usage, "completion_tokens"),
        )

    async def _finished(self) -> tuple[str, str, dict[str, Any]]:
        """What the server heard, asked again if it has come back with another model."""
        try:
            return await self._current_link().finish()
        except APIStatusError as e:
            if e.status_code != 404 or not await self._transport.renamed(self._options.timeout):
                raise
        self._drop_link()
        return await self._current_link().finish()

    def _current_link(self) -> _Link:
        if self._link is None or self._link.over:
            self._drop_link()
            self._link = self._new_link()
        return self._link

    async def aclose(self) -> None:
        """Close the connection, which aborts the server's request. May be called twice."""
        self._drop_link()
        await asyncio.gather(*(link.closed() for link in self._dropped))

    def _new_link(self) -> _Link:
        return _Link(self._transport, self._pcm, self._options, self._on_partial)

    def _drop_link(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            link.cancel()
            self._dropped.add(link)


class _Link:
    """One connection that is told the utterance from its first sample on."""

    def __init__(
        self,
        transport: RealtimeTransport,
        pcm: bytearray,
        options: RecognitionOptions,
        on_partial: Callable[[str], None] | None,
    ) -> None:
        self._transport = transport
        self._pcm = pcm
        self._options = options
        self._on_partial = on_partial
        self._more = asyncio.Event()
        self._ended = False
        self._session_id = ""
        self._task = asyncio.create_task(self._run(), name="vllm.STT.realtime")
        self._task.add_done_callback(_log_failure)

    @property
    def over(self) -> bool:
        """Whether the connection has ended."""
        return self._task.done()

    def wake(self) -> None:
        """Say that there is more audio."""
        self._more.set()

    async def finish(self) -> tuple[str, str, dict[str, Any]]:
        """End the audio; return the raw text, the session's id and the event that ended it."""
        self._ended = True
        self.wake()
        return await asyncio.shield(self._task)

    def cancel(self) -> None:
        """Begin to close. Once: a second cancellation would cut the closing short."""
        self._task.cancel()

    async def closed(self) -> None:
        """Wait until it is closed."""
        await asyncio.wait([self._task])

    async def _run(self) -> tuple[str, str, dict[str, Any]]:
        ws, session_id = await self._transport.connect(self._options.timeout)
        sender = asyncio.create_task(self._send(ws), name="vllm.STT.realtime.send")
        try:
            raw, done = await self._listen(ws)
            return raw, session_id, done
        except (aiohttp.ClientError, OSError) as e:
            raise APIConnectionError(f"lost the connection to {self._transport.url}") from e
        finally:
            try:
                await aio.cancel_and_wait(sender)
            finally:
                await ws.close()

    async def _send(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        options = self._options
        # vLLM reads only the model; a server that takes the hints finds them here.
        hints = {"language": options.language, "prompt": options.prompt}
        update = {"type": "session.update", "model": self._transport.model}
        sent = 0
        # A lost connection is reported by the receiving side.
        with contextlib.suppress(aiohttp.ClientError, OSError):
            await ws.send_json(update | {k: v for k, v in hints.items() if v is not None})
            await ws.send_json({"type": "input_audio_buffer.commit", "final": False})
            while True:
                while sent < len(self._pcm):
                    piece = bytes(self._pcm[sent : sent + MAX_APPEND_BYTES])
                    sent += len(piece)
                    audio = base64.b64encode(piece).decode()
                    await ws.send_json({"type": "input_audio_buffer.append", "audio": audio})
                if self._ended:
                    break
                self._more.clear()
                await self._more.wait()
            await ws.send_json({"type": "input_audio_buffer.commit", "final": True})

    async def _listen(self, ws: aiohttp.ClientWebSocketResponse) -> tuple[str, dict[str, Any]]:
        raw = ""
        while True:
            event = await _receive(ws)
            match event.get("type"):
                case "transcription.delta":
                    raw += _text(event.get("delta"))
                    if self._on_partial is not None and (text := plain_text(raw, partial=True)[0]):
                        self._on_partial(text)
                case "transcription.done":
                    if not self._ended:
                        raise APIError("the server ended the transcription before the speech did")
                    # An empty text takes back what was sent; only one that is missing does not.
                    whole = event.get("text")
                    return whole if isinstance(whole, str) else raw, event
                case "error":
                    raise self._error(event)

    def _error(self, event: dict[str, Any]) -> APIError:
        message, code = str(event.get("error")), event.get("code")
        wrong_model = code in ("model_not_found", "model_not_validated")
        return status_error(404 if wrong_model else 500, message, self._transport.url)


def _text(value: object) -> str:
    """A text field, which may be null."""
    return value if isinstance(value, str) else ""


def _count(usage: object, name: str) -> int:
    count = usage.get(name) if isinstance(usage, dict) else None
    return count if isinstance(count, int) else 0


def _share(value: object) -> float:
    """A number from 0 to 1, or 0."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return 0.0
    return float(value) if 0.0 <= value <= 1.0 else 0.0


async def _receive(ws: aiohttp.ClientWebSocketResponse) -> dict[str, Any]:
    message = await ws.receive()
    if message.type is not aiohttp.WSMsgType.TEXT:
        raise APIConnectionError(f"the server closed the session (code {ws.close_code})")
    try:
        event = json.loads(message.data)
    except (ValueError, RecursionError) as e:
        raise APIError("the server sent something that is not JSON") from e
    return event if isinstance(event, dict) else {}


def _log_failure(task: asyncio.Task[Any]) -> None:
    """Note a connection that broke while nobody waited for it: its audio is sent again."""
    if not task.cancelled() and (error := task.exception()) is not None:
        logger.debug("realtime connection over", exc_info=error)

"""A turn's answer from ``/v1/realtime`` of vllm-omni 0.30, over a connection of its own."""

from __future__ import annotations

import asyncio
import base64
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Any

import aiohttp
from livekit import rtc
from livekit.agents import APIConnectionError, APIError, APIStatusError, APITimeoutError
from livekit.plugins.turn_taking.playback.sink import SAMPLE_RATE

from .engine_settings import Engine
from .foreign_json import read_json

HEARD_AT = 16_000
"""Samples in a second of what it is told."""
BYTES_PER_SECOND = 2 * HEARD_AT
# The first event waits for both halves of the model, the later ones for a chunk. Seconds.
_BETWEEN_EVENTS = 15.0
# A message of half a second of sound: far below every limit of WebSocket servers.
_PIECE = BYTES_PER_SECOND // 2


class OmniServer:
    """The server.

    Args:
        engine: Where it is; it is asked for its model when none is named.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        headers = {"Authorization": f"Bearer {engine.key}"} if engine.key else {}
        self._http = aiohttp.ClientSession(headers=headers)
        self.model = engine.model
        """The model's name; None until it is known."""

    async def ask(
        self, turn: bytes, on_sent: Callable[[], None]
    ) -> AsyncGenerator[str | rtc.AudioFrame, None]:
        """Yield the words and the sound of the answer to a turn.

        Args:
            turn: What was heard: PCM16, mono, at 16 kHz.
            on_sent: Called when the server has all of it.

        Raises:
            APIError: There is no answer, or no more of it.
        """
        try:
            async with self._connect() as socket:
                for start in range(0, len(turn), _PIECE):
                    audio = base64.b64encode(turn[start : start + _PIECE]).decode()
                    await socket.send_json({"type": "input_audio_buffer.append", "audio": audio})
                # The first starts the generation, the second tells it that no more comes.
                for final in (False, True):
                    await socket.send_json({"type": "input_audio_buffer.commit", "final": final})
                on_sent()
                while True:
                    event = await socket.receive_json(loads=read_json, timeout=_BETWEEN_EVENTS)
                    if (piece := _piece(event)) == "":
                        return
                    if piece is not None:
                        yield piece
        except aiohttp.ClientResponseError as e:  # and that of a handshake
            raise APIStatusError(f"{e.status}: {e.message}", status_code=e.status) from e
        except aiohttp.ClientError as e:
            raise APIConnectionError(f"it cannot be reached: {e}") from e
        except TimeoutError as e:
            raise APITimeoutError("it took too long") from e
        # A connection that is closed is a TypeError of aiohttp's, too.
        except (TypeError, ValueError, LookupError) as e:
            raise APIConnectionError(f"it broke off, or sent no answer: {e}") from e

    async def aclose(self) -> None:
        """Close every connection; may be called twice."""
        await self._http.close()

    @contextlib.asynccontextmanager
    async def _connect(self) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
        """A connection for one turn, its model named."""
        async with asyncio.timeout(_BETWEEN_EVENTS):
            if self.model is None:
                async with self._http.get(f"{self._engine.url}/models") as response:
                    response.raise_for_status()
                    self.model = str((await response.json(encoding="utf-8"))["data"][0]["id"])
            socket = await self._http.ws_connect(f"{self._engine.url}/realtime")
        try:
            await socket.send_json({"type": "session.update", "model": self.model})
            yield socket
        finally:
            await socket.close()


def _piece(event: dict[str, Any]) -> str | rtc.AudioFrame | None:
    """What an event brings: words, sound at :data:`SAMPLE_RATE`, nothing, or with "" the end.

    Raises:
        APIError: The server reports an error.
        ValueError: It sent something else; so do TypeError and LookupError tell.
    """
    match event["type"]:
        case "transcription.delta":
            if not isinstance(event["delta"], str):
                raise ValueError("its words are no text")
            return event["delta"] or None
        case "response.output_audio.delta":
            pcm = base64.b64decode(event["audio"])
            if event["sample_rate_hz"] != SAMPLE_RATE:
                raise ValueError(f"its sound has {event['sample_rate_hz']!r} Hz")
            return rtc.AudioFrame(pcm[: len(pcm) & ~1], SAMPLE_RATE, 1, len(pcm) // 2)
        case "error":
            raise APIError(f"it reports {event['error']}")
        case "response.output_audio.done":
            return ""
    return None

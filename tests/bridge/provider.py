"""A caller of the bridge whose sound the tests look at."""

from __future__ import annotations

import asyncio
import audioop
import base64
import contextlib
import time
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import jwt
import numpy as np

from harness.media_stream import FRAME, NUMBER, RATE, MediaStream, signature
from harness.recording import Samples


class Provider(MediaStream):
    """Its clock is what was heard."""

    def __init__(
        self, socket: aiohttp.ClientWebSocketResponse, *, language: str | None = "en"
    ) -> None:
        super().__init__(socket, language=language)
        self._mouth = np.zeros(0, np.int16)
        self._heard = bytearray()

    @property
    def now(self) -> float:
        return len(self._heard) / 2 / RATE

    def say(self, samples: Samples) -> None:
        """Speak; mono, 16 bits, 8 kHz."""
        self._mouth = np.concatenate([self._mouth, samples])

    def speak(self) -> Samples:
        frame, self._mouth = self._mouth[:FRAME], self._mouth[FRAME:]
        return np.pad(frame, (0, FRAME - len(frame)))

    def hear(self, frame: Samples) -> None:
        self._heard += frame.tobytes()

    def sound(self, since: float = 0.0) -> Samples:
        """What was heard, from a moment on, in seconds of the call."""
        return np.frombuffer(bytes(self._heard), np.int16)[int(since * RATE) :]

    async def quiet(self, seconds: float, *, within: float = 60.0) -> None:
        """Wait until something was heard and then nothing for a while."""
        start = self.now
        async with asyncio.timeout(within):
            while True:
                await asyncio.sleep(0.05)
                loud = np.flatnonzero(np.abs(self.sound(start).astype(np.int32)) > 200)
                if len(loud) and self.now - start - loud[-1] / RATE > seconds and not self._queue:
                    return


class TelnyxProvider(Provider):
    """The same by way of Telnyx, in A-law, some of whose messages change places."""

    _held: dict[str, Any] | None = None

    async def begin(self) -> None:
        await self._socket.send_json({"event": "connected", "version": "1.0.0"})
        form = {"encoding": "PCMA", "sample_rate": 8000, "channels": 1}
        start = {"call_control_id": "v2:T0", "from": NUMBER, "to": "+442079460019"}
        said = {"media_format": form, "custom_parameters": self.parameters}
        await self._event("start", start=start | said)

    async def take(self, received: aiohttp.WSMessage) -> None:
        message: dict[str, Any] = received.json()
        match message["event"]:
            case "media":
                coded = base64.b64decode(message["media"]["payload"], validate=True)
                self.play(audioop.alaw2lin(coded, 2))
            case "mark":
                self.mark(message["mark"]["name"])
            case "clear":
                await self.clear()
            case other:
                raise AssertionError(f"the bridge sends {other}")

    async def send(self, pcm: bytes) -> None:
        self._chunk += 1
        payload = base64.b64encode(audioop.lin2alaw(pcm, 2)).decode()
        media = {"track": "inbound", "chunk": str(self._chunk), "payload": payload}
        if self._chunk % 5 == 0:
            self._held = media
            return
        await self._event("media", media=media)
        if held := self._held:
            self._held = None
            await self._event("media", media=held)

    async def _event(self, event: str, **fields: Any) -> None:
        with contextlib.suppress(ConnectionResetError):
            await self._socket.send_json({"event": event, "stream_id": "32DE0DEA", **fields})


class VonageProvider(Provider):
    """The same by way of Vonage, at 8 kHz."""

    async def begin(self) -> None:
        said = {"event": "websocket:connected", "content-type": "audio/l16;rate=8000"}
        await self._socket.send_json(said | self.parameters)

    async def take(self, received: aiohttp.WSMessage) -> None:
        if received.type is aiohttp.WSMsgType.BINARY:
            assert len(received.data) == 320  # or Vonage would not play it
            self.play(received.data)
            return
        message = received.json()
        match message["action"]:
            case "notify":
                self.mark(message["payload"]["mark"])
            case "clear":
                await self.clear()
            case other:
                raise AssertionError(f"the bridge sends {other}")

    async def clear(self) -> None:
        await super().clear()
        await self._socket.send_json({"event": "websocket:cleared"})

    async def marked(self, name: str) -> None:
        with contextlib.suppress(ConnectionResetError):
            told = {"event": "websocket:notify", "payload": {"mark": name}}
            await self._socket.send_json(told)

    async def send(self, pcm: bytes) -> None:
        with contextlib.suppress(ConnectionResetError):
            await self._socket.send_bytes(pcm)

    async def press(self, digit: str) -> None:
        await self._socket.send_json({"event": "websocket:dtmf", "digit": digit, "duration": 260})

    async def hang_up(self) -> None:
        await self._socket.close()


def _headers(kind: type[Provider], stream_url: str, token: str) -> dict[str, str]:
    if kind is TelnyxProvider:
        return {"x-telnyx-streaming-auth-token": token}
    if kind is VonageProvider:
        signed = jwt.encode({"iss": "Vonage", "iat": int(time.time())}, token, algorithm="HS256")
        return {"Authorization": f"Bearer {signed}"}
    return {"X-Twilio-Signature": signature(stream_url, token)}


@contextlib.asynccontextmanager
async def calling(
    url: str,
    stream_url: str,
    token: str,
    *,
    language: str | None = "en",
    kind: type[Provider] = Provider,
) -> AsyncIterator[Provider]:
    """A call to a bridge, signed with a token."""
    headers = _headers(kind, stream_url, token)
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(url, headers=headers) as socket,
    ):
        provider = kind(socket, language=language)
        running = asyncio.create_task(provider.run())
        try:
            yield provider
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

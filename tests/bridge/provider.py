"""The other end of a media stream: plays what it is sent to a caller, in real time."""

from __future__ import annotations

import asyncio
import audioop
import base64
import contextlib
import hmac
import time
from collections import deque
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import numpy as np

from harness.recording import Samples

RATE = 8000
FRAME = RATE // 50
SILENCE = bytes([0xFF]) * FRAME
"""20 ms of nothing in µ-law."""


def signature(text: str, token: str) -> str:
    return base64.b64encode(hmac.digest(token.encode(), text.encode(), "sha1")).decode()


class Provider:
    """A call, from ``connected`` to ``stop``.

    It sends a message of 20 ms every 20 ms, plays what it gets one piece after the other, gives a
    mark back when what came before it was played, and drops everything when it is told to clear.
    """

    def __init__(
        self, socket: aiohttp.ClientWebSocketResponse, *, language: str | None = "en"
    ) -> None:
        self._socket = socket
        self._language = language
        self.track = "inbound"
        """What the sound it sends is said to be."""
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done once the bridge has closed the stream."""
        self._number = 0
        self._chunk = 0
        self._mouth: deque[bytes] = deque()
        self._queue: deque[bytes | str] = deque()
        self._offset = 0
        self.heard = bytearray()
        """What the caller heard, in PCM; silence included."""
        self.clears: list[float] = []
        """Seconds heard by each ``clear``."""
        self.marks = 0

    def say(self, samples: Samples) -> None:
        """Speak; mono, 16 bits, 8 kHz."""
        coded = audioop.lin2ulaw(samples.tobytes(), 2)
        self._mouth += [
            coded[i : i + FRAME].ljust(FRAME, b"\xff") for i in range(0, len(coded), FRAME)
        ]

    async def press(self, digit: str) -> None:
        await self._event("dtmf", dtmf={"track": "inbound_track", "digit": digit})

    async def hang_up(self) -> None:
        await self._event("stop", stop={"accountSid": "AC0", "callSid": "CA0"})

    def sound(self, since: float = 0.0) -> Samples:
        """What was heard, from a moment on, in seconds of the call."""
        return np.frombuffer(bytes(self.heard), np.int16)[int(since * RATE) :]

    @property
    def now(self) -> float:
        """Seconds of the call."""
        return len(self.heard) / 2 / RATE

    async def quiet(self, seconds: float, *, within: float = 60.0) -> None:
        """Wait until something was heard and then nothing for a while."""
        start = self.now
        async with asyncio.timeout(within):
            while True:
                await asyncio.sleep(0.05)
                loud = np.flatnonzero(np.abs(self.sound(start).astype(np.int32)) > 200)
                if len(loud) and self.now - start - loud[-1] / RATE > seconds and not self._queue:
                    return

    async def run(self) -> None:
        """Keep the call going."""
        await self._socket.send_json({"event": "connected", "protocol": "Call", "version": "1.0.0"})
        await self._event(
            "start",
            start={
                "accountSid": "AC0",
                "streamSid": "MZ0",
                "callSid": "CA0",
                "tracks": ["inbound"],
                "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
                "customParameters": {"language": self._language} if self._language else {},
            },
        )
        async with asyncio.TaskGroup() as tasks:
            clock = tasks.create_task(self._tick())
            async for message in self._socket:
                await self._take(message.json())
            clock.cancel()
            self.ended.set_result(None)

    async def _take(self, message: dict[str, Any]) -> None:
        assert message["streamSid"] == "MZ0"
        match message["event"]:
            case "media":
                self._queue.append(base64.b64decode(message["media"]["payload"], validate=True))
            case "mark":
                self._queue.append(message["mark"]["name"])
                self.marks += 1
            case "clear":
                self.clears.append(self.now)
                names = [entry for entry in self._queue if isinstance(entry, str)]
                self._queue.clear()
                self._offset = 0
                for name in names:
                    await self._event("mark", mark={"name": name})
            case other:
                raise AssertionError(f"the bridge sends {other}")

    async def _tick(self) -> None:
        start = time.monotonic()
        for frame in range(1 << 30):
            await asyncio.sleep(start + 0.02 * frame - time.monotonic())
            payload = self._mouth.popleft() if self._mouth else SILENCE
            self._chunk += 1
            await self._event(
                "media",
                media={
                    "track": self.track,
                    "chunk": str(self._chunk),
                    "timestamp": str(20 * frame),
                    "payload": base64.b64encode(payload).decode(),
                },
            )
            await self._play()

    async def _play(self) -> None:
        coded = b""
        while len(coded) < FRAME and self._queue:
            entry = self._queue[0]
            if isinstance(entry, str):
                self._queue.popleft()
                await self._event("mark", mark={"name": entry})
                continue
            part = entry[self._offset : self._offset + FRAME - len(coded)]
            coded += part
            self._offset += len(part)
            if self._offset == len(entry):
                self._queue.popleft()
                self._offset = 0
        self.heard += audioop.ulaw2lin(coded.ljust(FRAME, b"\xff"), 2)

    async def _event(self, event: str, **fields: Any) -> None:
        self._number += 1
        with contextlib.suppress(ConnectionResetError):  # the bridge has hung up
            await self._socket.send_json(
                {
                    "event": event,
                    "sequenceNumber": str(self._number),
                    "streamSid": "MZ0",
                    **fields,
                }
            )


@contextlib.asynccontextmanager
async def calling(
    url: str, stream_url: str, token: str, *, language: str | None = "en"
) -> AsyncIterator[Provider]:
    """A call to a bridge, signed with a token."""
    headers = {"X-Twilio-Signature": signature(stream_url, token)}
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(url, headers=headers) as socket,
    ):
        provider = Provider(socket, language=language)
        running = asyncio.create_task(provider.run())
        try:
            yield provider
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

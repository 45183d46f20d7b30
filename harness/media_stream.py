"""The provider's end of a media stream, in real time: what it sends, plays and gives back."""

from __future__ import annotations

import asyncio
import audioop
import base64
import contextlib
import hmac
import time
from abc import ABC, abstractmethod
from collections import deque
from typing import Any

import aiohttp
import numpy as np

from .recording import Samples

RATE = 8000
"""Hz; the only rate there is."""
FRAME = RATE // 100
"""Samples that are spoken and played at a time: 10 ms, as WebRTC has it."""
NUMBER = "+442079460018"
"""Who calls: Ofcom gives it to nobody."""
_MESSAGE = RATE // 50
"""Samples in a message: 20 ms."""


def signature(text: str, token: str) -> str:
    """What a provider signs a text with."""
    return base64.b64encode(hmac.digest(token.encode(), text.encode(), "sha1")).decode()


class MediaStream(ABC):
    """A call, from ``connected`` to ``stop``.

    It sends a message of 20 ms every 20 ms, plays what it gets one piece after the other, gives a
    mark back when what came before it was played, and drops everything when it is told to clear.

    Args:
        socket: The connection to the bridge.
        language: Language that the stream names.
    """

    def __init__(
        self, socket: aiohttp.ClientWebSocketResponse, *, language: str | None = "en"
    ) -> None:
        self._socket = socket
        self._language = language
        self.track = "inbound"
        """What the sound it sends is said to be."""
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done once the stream is closed."""
        self._number = 0
        self._chunk = 0
        self._queue: deque[bytes | str] = deque()
        self._offset = 0
        self.clears: list[float] = []
        """Seconds of the call at each ``clear``."""
        self.marks = 0

    @property
    @abstractmethod
    def now(self) -> float:
        """Seconds of the call."""

    @abstractmethod
    def speak(self) -> Samples:
        """The caller's next :data:`FRAME`, 16 bits."""

    @abstractmethod
    def hear(self, frame: Samples) -> None:
        """Play a :data:`FRAME` to the caller; silence too."""

    async def press(self, digit: str) -> None:
        """Press a key of the phone."""
        await self._event("dtmf", dtmf={"track": "inbound_track", "digit": digit})

    async def hang_up(self) -> None:
        """Tell the bridge that the caller is gone."""
        await self._event("stop", stop={"accountSid": "AC0", "callSid": "CA0"})

    async def run(self) -> None:
        """Keep the call going until the bridge ends it."""
        await self.begin()
        try:
            async with asyncio.TaskGroup() as tasks:
                clock = tasks.create_task(self._tick())
                async for message in self._socket:
                    await self.take(message)
                clock.cancel()
        finally:
            self.ended.set_result(None)

    @property
    def parameters(self) -> dict[str, str]:
        """What our own answer to the provider said of the call."""
        return {"from": NUMBER} | ({"language": self._language} if self._language else {})

    async def begin(self) -> None:
        """Say which call it is."""
        await self._socket.send_json({"event": "connected", "protocol": "Call", "version": "1.0.0"})
        await self._event(
            "start",
            start={
                "accountSid": "AC0",
                "streamSid": "MZ0",
                "callSid": "CA0",
                "tracks": ["inbound"],
                "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
                "customParameters": self.parameters,
            },
        )

    async def take(self, received: aiohttp.WSMessage) -> None:
        """Do what the bridge says."""
        message: dict[str, Any] = received.json()
        assert message["streamSid"] == "MZ0"
        match message["event"]:
            case "media":
                coded = base64.b64decode(message["media"]["payload"], validate=True)
                self.play(audioop.ulaw2lin(coded, 2))
            case "mark":
                self.mark(message["mark"]["name"])
            case "clear":
                await self.clear()
            case other:
                raise AssertionError(f"the bridge sends {other}")

    def play(self, pcm: bytes) -> None:
        """Play this after what is to be played already."""
        self._queue.append(pcm)

    def mark(self, name: str) -> None:
        """Give a mark back once that is played."""
        self._queue.append(name)
        self.marks += 1

    async def clear(self) -> None:
        """Play no more of it."""
        self.clears.append(self.now)
        names = [entry for entry in self._queue if isinstance(entry, str)]
        self._queue.clear()
        self._offset = 0
        for name in names:
            await self.marked(name)

    async def marked(self, name: str) -> None:
        """Give a mark back."""
        await self._event("mark", mark={"name": name})

    async def _tick(self) -> None:
        start = time.monotonic()
        spoken = b""
        for frame in range(1 << 30):
            await asyncio.sleep(start + frame * FRAME / RATE - time.monotonic())
            spoken += self.speak().tobytes()
            if len(spoken) == 2 * _MESSAGE:
                await self.send(spoken)
                spoken = b""
            self.hear(np.frombuffer(await self._played(), np.int16))

    async def send(self, pcm: bytes) -> None:
        """Send what the caller says, 20 ms."""
        self._chunk += 1
        await self._event(
            "media",
            media={
                "track": self.track,
                "chunk": str(self._chunk),
                "timestamp": str(20 * (self._chunk - 1)),
                "payload": base64.b64encode(audioop.lin2ulaw(pcm, 2)).decode(),
            },
        )

    async def _played(self) -> bytes:
        pcm = b""
        while len(pcm) < 2 * FRAME and self._queue:
            entry = self._queue[0]
            if isinstance(entry, str):
                self._queue.popleft()
                await self.marked(entry)
                continue
            part = entry[self._offset : self._offset + 2 * FRAME - len(pcm)]
            pcm += part
            self._offset += len(part)
            if self._offset == len(entry):
                self._queue.popleft()
                self._offset = 0
        return pcm.ljust(2 * FRAME, bytes(1))

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

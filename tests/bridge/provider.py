"""A caller of the bridge whose sound the tests look at."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import aiohttp
import numpy as np

from harness.media_stream import FRAME, RATE, MediaStream, signature
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

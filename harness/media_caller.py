"""A caller on a provider's media stream: speaks and hears as :mod:`harness.caller` does in a room.

Everything is timed as there: 10 ms at a time, each when it is spoken or played.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

import aiohttp
import numpy as np
from livekit import rtc

from .caller import DelayLine
from .line import Line
from .media_stream import FRAME, RATE, MediaStream
from .recording import SAMPLE_RATE, Channel, Samples

_FRAME = SAMPLE_RATE // 100
_GOODBYE = 5.0
"""Longest wait for the bridge to close the stream of a caller who has hung up, in seconds."""


class MediaCaller(MediaStream):
    """A person on the phone. Made by :func:`dial`.

    Args:
        socket: The connection to the bridge.
        language: Language that the stream names.
        line: The telephone line that they speak through.
    """

    def __init__(
        self, socket: aiohttp.ClientWebSocketResponse, *, language: str, line: Line
    ) -> None:
        super().__init__(socket, language=language)
        self._line = line
        self.said, self.heard = Channel(), Channel()
        self._echo: DelayLine | None = None
        self._to_say: asyncio.Queue[tuple[Samples, asyncio.Future[float]]] = asyncio.Queue()
        self._speech: Samples = np.zeros(0, np.int16)
        self._sent: asyncio.Future[float] | None = None
        self._started = time.monotonic()
        # The others hold sound back for up to 75 ms; what the line lets through needs no filter.
        quick = rtc.AudioResamplerQuality.QUICK
        self._down = rtc.AudioResampler(SAMPLE_RATE, RATE, quality=quick)
        self._up = rtc.AudioResampler(RATE, SAMPLE_RATE, quality=quick)

    @property
    def now(self) -> float:
        """Seconds from the start, on the caller's clock."""
        return time.monotonic() - self._started

    async def say(self, samples: Samples) -> float:
        """Speak.

        Returns:
            When the last sample was spoken, in seconds from the start.
        """
        samples = await asyncio.to_thread(self._line.carry, samples)
        sent: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        self._to_say.put_nowait((samples, sent))
        return await sent

    def echo(self, line: DelayLine | None) -> None:
        """Have the microphone pick up what is heard, or no longer."""
        self._echo = line

    async def tick(self) -> None:
        """Let one frame go by.

        Raises:
            ConnectionResetError: The bridge has hung up.
        """
        if self.ended.done():
            raise ConnectionResetError("the stream was closed")
        await asyncio.sleep(_FRAME / SAMPLE_RATE)

    def speak(self) -> Samples:
        """The next frame, of speech or of silence."""
        if not len(self._speech) and not self._to_say.empty():
            self._speech, self._sent = self._to_say.get_nowait()
        frame, self._speech = self._speech[:_FRAME], self._speech[_FRAME:]
        frame = np.pad(frame, (0, _FRAME - len(frame)))
        if self._echo:
            frame = frame + self._echo.take(_FRAME)
        self.said.put(frame, self.now)
        if self._sent and not self._sent.done() and not len(self._speech):
            self._sent.set_result(self.now)
        narrow = _push(self._down, frame, SAMPLE_RATE)
        assert len(narrow) == FRAME
        return narrow

    def hear(self, frame: Samples) -> None:
        """Take what is played."""
        wide = _push(self._up, frame, RATE)
        self.heard.put(wide, self.now)
        if self._echo:
            self._echo.put(wide)


def _push(resampler: rtc.AudioResampler, frame: Samples, rate: int) -> Samples:
    frames = resampler.push(rtc.AudioFrame(frame.tobytes(), rate, 1, len(frame)))
    return np.concatenate([np.frombuffer(part.data, np.int16) for part in frames])


@contextlib.asynccontextmanager
async def dial(url: str, *, language: str, line: Line) -> AsyncIterator[MediaCaller]:
    """Call a bridge that asks for no signature, and hang up at the end.

    Args:
        url: Address of its media streams.
        language: Language that the stream names.
        line: The telephone line that the caller speaks through.

    Raises:
        aiohttp.ClientError: The bridge cannot be reached or refuses.
    """
    async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
        caller = MediaCaller(socket, language=language, line=line)
        running = asyncio.create_task(caller.run())
        try:
            yield caller
            await caller.hang_up()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_GOODBYE):
                    await asyncio.shield(running)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

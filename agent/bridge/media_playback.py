"""What was sent to the caller, and how much of it was heard: the provider tells by marks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from livekit import rtc

from . import media_messages as messages
from .exchange import SAMPLE_RATE, Audio, Exchange
from .media_messages import Mark

_PIECE = messages.SAMPLE_RATE * 2 // 5
"""Bytes of PCM in a message: 0.2 s, which is how exactly it is known what was heard."""

Send = Callable[[dict[str, Any]], Awaitable[None]]


class Playback:
    """Sends replies, one at a time.

    The provider keeps what it has not played, which is as much as we have made: a reply is made
    faster than it is heard.

    Args:
        stream: The stream's identifier.
        send: Sends a message.
    """

    def __init__(self, stream: str, send: Send) -> None:
        self._stream = stream
        self._send = send
        self._reply = 0
        self._sent = 0.0
        self.heard = 0.0
        """Seconds of the current reply that were played to the caller."""
        self._making = False

    @property
    def playing(self) -> bool:
        """Whether the caller hears a reply, or is about to."""
        return self._making or self.heard < self._sent

    async def play(self, exchange: Exchange) -> None:
        """Send a reply as it is made; returns once all of it is sent."""
        self._begin(making=True)
        resampler = rtc.AudioResampler(SAMPLE_RATE, messages.SAMPLE_RATE)
        try:
            async for event in exchange.events:
                if isinstance(event, Audio):
                    frame = rtc.AudioFrame(event.pcm, SAMPLE_RATE, 1, len(event.pcm) // 2)
                    await self._forward(resampler.push(frame))
            await self._forward(resampler.flush())
        finally:
            self._making = False

    async def clear(self) -> None:
        """Have the caller hear no more of the current reply."""
        self._begin(making=False)  # the marks that come back now are of sound nobody heard
        await self._send(messages.clear(self._stream))

    def marked(self, mark: Mark) -> None:
        """Take in what was heard."""
        reply, _, seconds = mark.mark.name.partition(":")
        if reply == str(self._reply):
            self.heard = float(seconds)

    def _begin(self, *, making: bool) -> None:
        self._reply += 1
        self._sent = self.heard = 0.0
        self._making = making

    async def _forward(self, frames: list[rtc.AudioFrame]) -> None:
        pcm = b"".join(bytes(frame.data) for frame in frames)
        for start in range(0, len(pcm), _PIECE):
            piece = pcm[start : start + _PIECE]
            self._sent += len(piece) / 2 / messages.SAMPLE_RATE
            await self._send(messages.media(self._stream, piece))
            await self._send(messages.mark(self._stream, f"{self._reply}:{self._sent}"))

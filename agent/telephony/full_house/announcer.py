"""The voice in which callers who wait are spoken to."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator

import aiohttp
from livekit import rtc
from livekit.agents import APIError

from ... import engines
from ...engine_settings import TTSSettings
from ...languages import Language

logger = logging.getLogger("parley")

RATE = 48_000
"""Hz, as LiveKit's mixer for tracks beside a voice has it."""

_WITHIN = 10.0
"""Seconds that a voice may take for a sentence: the calls in progress want it, too."""


class Announcer:
    """Speaks sentences in the profile's voice, each once.

    Args:
        settings: The ``tts`` section of the profile.
    """

    def __init__(self, settings: TTSSettings) -> None:
        self._settings = settings
        self._http: aiohttp.ClientSession | None = None
        self._spoken: dict[tuple[str, Language], list[rtc.AudioFrame]] = {}
        self._speaking = asyncio.Lock()

    async def aclose(self) -> None:
        """Close the connection to the voice; may be called twice."""
        if self._http:
            await self._http.close()
            self._http = None

    async def say(self, text: str, language: Language) -> AsyncIterator[rtc.AudioFrame] | None:
        """A sentence in frames of 50 ms; None if the voice does not speak."""
        key = text, language
        # One after the other: those who hold are many, and the calls in progress come first.
        async with self._speaking:
            if key not in self._spoken:
                try:
                    async with asyncio.timeout(_WITHIN):
                        self._spoken[key] = _cut(await self._speak(text, language))
                except (APIError, TimeoutError) as e:
                    logger.warning("callers who hold hear music alone", extra={"reason": repr(e)})
                    return None
        return _frames(self._spoken[key])

    async def _speak(self, text: str, language: Language) -> rtc.AudioFrame:
        self._http = self._http or aiohttp.ClientSession()
        voice = engines.tts(self._settings, language, http_session=self._http)
        try:
            async with voice.synthesize(text) as stream:
                return await stream.collect()
        finally:
            await voice.aclose()


def _cut(whole: rtc.AudioFrame) -> list[rtc.AudioFrame]:
    resampler = rtc.AudioResampler(whole.sample_rate, RATE)
    pcm = b"".join(bytes(f.data) for f in [*resampler.push(whole), *resampler.flush()])
    size = RATE // 20 * 2
    pcm += bytes(-len(pcm) % size)
    return [
        rtc.AudioFrame(pcm[at : at + size], RATE, 1, size // 2) for at in range(0, len(pcm), size)
    ]


async def _frames(frames: list[rtc.AudioFrame]) -> AsyncIterator[rtc.AudioFrame]:
    for frame in frames:
        yield frame

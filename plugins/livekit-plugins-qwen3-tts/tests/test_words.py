"""The words of a reply on their whole way through LiveKit, to an agent's `transcription_node`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterable, AsyncIterator
from typing import Any

import aiohttp
import pytest
from livekit import rtc
from livekit.agents import Agent, AgentSession
from livekit.agents.voice.io import AudioOutput, AudioOutputCapabilities
from livekit.plugins.qwen3_tts import TTS, SpokenWord

from .conftest import RATE, Start, says, tone


class Loudspeaker(AudioOutput):
    """Plays at once what it is given, and is done as soon as it has all."""

    def __init__(self) -> None:
        super().__init__(
            label="test", capabilities=AudioOutputCapabilities(pause=False), sample_rate=RATE
        )
        self._seconds = 0.0

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        await super().capture_frame(frame)
        if not self._seconds:
            self.on_playback_started(created_at=time.time())
        self._seconds += frame.duration

    def flush(self) -> None:
        super().flush()
        if self._seconds:
            self.on_playback_finished(playback_position=self._seconds, interrupted=False)
            self._seconds = 0.0

    def clear_buffer(self) -> None:
        """Nothing is ever kept."""


class Transcriber(Agent):
    """Keeps the words that it is given to show."""

    def __init__(self) -> None:
        super().__init__(instructions="")
        self.words: list[str] = []

    async def transcription_node(
        self, text: AsyncIterable[Any], model_settings: Any
    ) -> AsyncIterator[str]:
        async for word in text:
            self.words.append(word)
            yield word


async def test_how_long_the_voice_was_dry_survives_the_whole_way(
    start_server: Start, session: aiohttp.ClientSession
) -> None:
    # 0.3 s of sound and then nothing for 0.8 s: playback is dry for half a second.
    server = await start_server(says(tone(0.3), tone(1.0), every=0.8))
    tts = TTS(base_url=server.url, http_session=session)
    agent = Transcriber()
    speaking: AgentSession[None] = AgentSession(tts=tts, use_tts_aligned_transcript=True)
    tts.follow(speaking)
    speaking.output.audio = Loudspeaker()
    await speaking.start(agent)
    try:
        async with asyncio.timeout(20):
            await speaking.say("Good morning my friend.")
    finally:
        await speaking.aclose()
        await tts.aclose()
    assert "".join(agent.words) == "Good morning my friend."
    words = [word for word in agent.words if isinstance(word, SpokenWord)]
    assert len(words) == len(agent.words)
    assert words[0].dry == 0.0
    assert words[-1].dry == pytest.approx(0.5, abs=0.2)
    assert words[-1].end_time - words[-1].dry == pytest.approx(1.3, abs=0.1)

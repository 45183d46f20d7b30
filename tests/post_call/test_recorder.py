"""LiveKit's recorder around the agent's own playback: who is on which channel, and when."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from livekit import rtc
from livekit.agents.testing import fake_job_context
from livekit.agents.voice.io import AudioInput
from livekit.plugins.turn_taking import Endpointer

from agent import settings
from agent.assistant import Assistant
from agent.post_call import recording_options
from agent.post_call_settings import PostCallSettings
from agent.session import make
from harness.agents import silent
from harness.scripted import Llm, Stt, Tts

pytestmark = pytest.mark.slow

RATE = 48_000
ASKED = (1.0, 2.0)
"""Seconds of the call in which the caller makes a sound."""
ANSWER = "We open at nine in the morning."


class Line(AudioInput):
    """A line on which there is one sound of the caller's: a low tone, which is not a voice."""

    def __init__(self) -> None:
        super().__init__(label="line")
        self._frames, self._begun = 0, asyncio.get_running_loop().time()

    async def __anext__(self) -> rtc.AudioFrame:
        now = asyncio.get_running_loop().time
        await asyncio.sleep(self._begun + self._frames * 0.02 - now())
        at = self._frames * 0.02 + np.arange(320) / 16_000
        self._frames += 1
        sound = np.sin(2 * np.pi * 200 * at) * 8000 * ((at >= ASKED[0]) & (at < ASKED[1]))
        return rtc.AudioFrame(sound.astype(np.int16).tobytes(), 16_000, 1, 320)


class Nowhere:
    """Where the agent's sound goes, a frame every 10 ms."""

    unheard = 0.0

    def __init__(self) -> None:
        self._next = 0.0

    async def open(self) -> None: ...

    async def play(self, frame: Any, *, first: bool) -> None:
        now = asyncio.get_running_loop().time()
        self._next = now + 0.01 if first else self._next + 0.01
        await asyncio.sleep(self._next - now)

    async def drop(self) -> None: ...

    async def aclose(self) -> None: ...


def spans(channel: np.ndarray) -> list[tuple[float, float]]:
    """When there is sound, in seconds; gaps below half a second are bridged."""
    blocks = channel[: len(channel) // 480 * 480].reshape(-1, 480)
    loud = np.flatnonzero(np.sqrt((blocks**2).mean(axis=1)) > 0.02) / 100
    if not len(loud):
        return []
    cuts = np.flatnonzero(np.diff(loud) > 0.5) + 1
    return [(float(part[0]), float(part[-1]) + 0.01) for part in np.split(loud, cuts)]


def recorded(path: Path) -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
    """When the caller was heard, and when the agent."""
    with av.open(path) as container:
        assert container.streams.audio[0].rate == RATE
        stereo = np.concatenate([frame.to_ndarray() for frame in container.decode(audio=0)], axis=1)
    caller, agent = stereo
    return spans(caller), spans(agent)


async def test_each_side_is_on_its_channel_at_its_time() -> None:
    profile, clerk = settings.load("gpu"), silent("parley")
    given = PostCallSettings.model_validate({"folder": "calls", "recording": True})
    with fake_job_context(job_id="AJ_1") as job:
        conversation = make(
            profile,
            clerk,
            room=None,
            stt=Stt(streaming=False),
            llm=Llm(),
            tts=Tts(15),
            sink=Nowhere(),
            language="en",
            endpointer=Endpointer.load(profile.turns.options),
        )
        session = conversation.session
        try:
            options = recording_options(given, "ws://127.0.0.1:7880")
            await conversation.start(
                Assistant(clerk, profile, "en", conversation.floor), Line(), record=options
            )
            await asyncio.sleep(2.5)
            await session.say(ANSWER)
        finally:
            await conversation.aclose()
        report = job.make_session_report(session)
        assert report.audio_recording_path is not None
        caller, agent = recorded(report.audio_recording_path)
    asked, told = caller[0][0], caller[-1][1]
    # LiveKit goes by when sound arrives: on a busy machine some of it does so at once.
    assert 0.1 < told - asked < ASKED[1] - ASKED[0] + 0.3
    ((begins, ends),) = agent
    assert ends - begins == pytest.approx(len(ANSWER) / 15, abs=0.3)
    assert told < begins

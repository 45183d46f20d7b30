"""What one conversation is made of: however it hears, one Silero hears one person."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import numpy as np
import pytest
from livekit import rtc
from livekit.agents import vad
from livekit.agents.voice.io import AudioInput
from livekit.plugins.turn_taking import Endpointer, TurnTakingAgent

from agent import engines, settings
from agent.definition.loading import load_agent
from agent.session import make, turns_of
from harness.detectors import watch_opened, watch_windows
from harness.scripted import Llm, Stt, Tts

FRAMES = 100
"""Of 20 ms: what each conversation hears."""
WINDOWS = FRAMES * 20 // 32


class Hum(AudioInput):
    """Two seconds of sound, and then none."""

    def __init__(self) -> None:
        super().__init__(label="Hum")
        self._noise = np.random.default_rng(1)
        self._left = FRAMES

    async def __anext__(self) -> rtc.AudioFrame:
        if not self._left:
            await asyncio.Event().wait()
        self._left -= 1
        await asyncio.sleep(0.002)
        samples = self._noise.integers(-50, 50, 480).astype(np.int16)
        return rtc.AudioFrame(samples.tobytes(), 24_000, 1, 480)


@dataclass
class Detectors:
    """The Sileros that ran, by their thresholds, and how many windows they judged together."""

    thresholds: list[float] = field(default_factory=list)
    windows: int = 0


@pytest.fixture
def detectors(monkeypatch: pytest.MonkeyPatch) -> Detectors:
    seen = Detectors()

    def judged() -> None:
        seen.windows += 1

    watch_opened(monkeypatch, lambda threshold, _: seen.thresholds.append(threshold))
    watch_windows(monkeypatch, judged)
    return seen


@pytest.mark.parametrize("phone", [False, True])
@pytest.mark.parametrize("streaming", [True, False])
async def test_the_session_and_its_recogniser_share_one_detector(
    detectors: Detectors, streaming: bool, phone: bool
) -> None:
    profile = settings.load("phone")
    turns = turns_of(profile, phone=phone)
    endpointer = Endpointer.load(turns.options)
    real = engines.stt(profile.stt, "en", detector=endpointer)
    conversation = make(
        profile,
        load_agent("parley"),
        room=None,
        stt=real if streaming else Stt(streaming=False),
        llm=Llm(),
        tts=Tts(),
        phone=phone,
        endpointer=endpointer,
    )
    heard: list[vad.VADEvent] = []
    conversation.floor.microphone.listen(heard.append)
    conversation.session.input.audio = Hum()
    agent = TurnTakingAgent(conversation.floor, instructions="")
    try:
        await conversation.session.start(agent, record=False)
        async with asyncio.timeout(20):
            while len(heard) < WINDOWS:
                await asyncio.sleep(0.01)
        # Both read it: the session's stream and the recogniser's.
        assert len(endpointer._streams) == 2
        assert detectors.windows == WINDOWS
    finally:
        await conversation.aclose()
        await real.aclose()
    assert detectors.thresholds == [turns.vad_threshold]
    assert not endpointer._streams

"""A detector that already runs on the microphone, shared with the recognition."""

from __future__ import annotations

from typing import Any

import pytest
from livekit import rtc
from livekit.agents import inference, vad

from .conftest import ScriptedVAD, audio


class Shared(vad.VAD):
    """Repeats the events of one running stream; what is pushed to its own is ignored."""

    def __init__(self, running: vad.VADStream) -> None:
        super().__init__(capabilities=vad.VADCapabilities(update_interval=0.032))
        self.running = running
        self.opened = 0

    def stream(self) -> vad.VADStream:
        self.opened += 1
        return Repeating(self)


class Repeating(vad.VADStream):
    def push_frame(self, frame: rtc.AudioFrame) -> None:
        pass

    async def _main_task(self) -> None:
        assert isinstance(self._vad, Shared)
        async for event in self._vad.running:
            self._event_ch.send_nowait(event)


async def test_the_windows_of_a_shared_detector_are_used_and_no_silero_is_made(
    bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_: Any) -> None:
        raise AssertionError("a second detector")

    monkeypatch.setattr(inference, "VAD", refuse)
    running = ScriptedVAD().stream()
    shared = Shared(running)
    talker = bench.talk(vad=shared, speculate_after=None)
    # Only the running detector hears these: every window must have come from it.
    for frame in (*audio(10, 0.9), *audio(8, 0.0)):
        running.push_frame(frame)
    assert (await talker.until("final_transcript"))[-1] == ("final_transcript", "18 windows")
    assert shared.opened == 1
    await talker.aclose()
    await running.aclose()


async def test_speech_that_goes_on_after_a_flush_is_recognised_though_no_beginning_is_told(
    bench: Any,
) -> None:
    running = ScriptedVAD().stream()
    talker = bench.talk(vad=Shared(running), speculate_after=None)
    for frame in audio(12, 0.9):
        running.push_frame(frame)
        talker.stream.push_frame(frame)
    talker.stream.flush()
    assert (await talker.until("final_transcript"))[-1] == ("final_transcript", "12 windows")
    for frame in (*audio(10, 0.9), *audio(8, 0.0)):
        running.push_frame(frame)
        talker.stream.push_frame(frame)
    assert (await talker.until("final_transcript", 2))[-1] == ("final_transcript", "18 windows")
    await talker.aclose()
    await running.aclose()

"""What the decision about a sound over the agent's speech costs the processor.

Run with ``make bench-overlap``. A voice that stays undecided costs most: every window of it is
compared with what was played. Beside it is what is spent while nobody speaks over the agent, and
while the agent is silent. Silero's own work is not counted: it is done in any case.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence

import numpy as np
from livekit import rtc
from livekit.agents import vad
from livekit.plugins.turn_taking.barge_in.policy import WordsFirst
from livekit.plugins.turn_taking.barge_in.sound import WINDOW
from livekit.plugins.turn_taking.barge_in.tracker import OverlapTracker
from livekit.plugins.turn_taking.languages.phrases import tokens
from livekit.plugins.turn_taking.playback.buffer import FRAMES_PER_SECOND, Samples
from livekit.plugins.turn_taking.playback.played import Played
from livekit.plugins.turn_taking.playback.sink import SAMPLE_RATE

from harness import report

SECONDS = 20.0
_FRAME = SAMPLE_RATE // FRAMES_PER_SECOND
_PER = 0.1
"""Seconds of sound for which the processor's time is given."""


class _Stage:
    """An agent that speaks noise, and goes on whatever is decided."""

    def __init__(self) -> None:
        self.now = 0.0
        self.sound = Played(SAMPLE_RATE, clock=lambda: self.now)
        self._rng = np.random.default_rng(0)

    def play(self, seconds: float) -> None:
        for _ in range(round(seconds * FRAMES_PER_SECOND)):
            self.now += 1 / FRAMES_PER_SECOND
            self.sound.add(self.noise(_FRAME))

    def noise(self, size: int) -> Samples:
        return self._rng.normal(0, 3000, size).astype(np.int16)

    def duck(self, ducked: bool) -> None: ...

    def stop(self) -> bool:
        return False

    def resume(self) -> None: ...

    def played(self, seconds: float) -> Samples:
        return self.sound.last(seconds)

    def spoken(self) -> Sequence[str]:
        return tokens("the old museum by the river opens early in the morning")


def _cost(*, speaking: bool, voice: bool) -> list[float]:
    """Milliseconds of processor time for each 100 ms of sound."""
    stage = _Stage()
    undecided = WordsFirst(held=float("inf"))
    overlap = OverlapTracker(stage, undecided, doubt=1.0, threshold=0.5, clock=lambda: stage.now)
    overlap.on_agent(speaking)
    stage.play(2.0)
    costs = []
    for i in range(round(SECONDS / WINDOW)):
        stage.play(0.03 if i % 5 else 0.04)  # 32 ms, in whole frames
        window = stage.noise(round(WINDOW * SAMPLE_RATE))
        event = vad.VADEvent(
            type=vad.VADEventType.INFERENCE_DONE,
            samples_index=0,
            timestamp=0.0,
            speech_duration=0.0,
            silence_duration=0.0,
            probability=0.9 if voice else 0.05,
            frames=[rtc.AudioFrame(window.tobytes(), SAMPLE_RATE, 1, window.size)],
        )
        began = time.process_time()
        overlap.on_voice(event)
        costs.append((time.process_time() - began) * 1000 * _PER / WINDOW)
    return costs


def main() -> None:
    """Measure and report."""
    argparse.ArgumentParser(prog="python -m bench.overlap", description=__doc__).parse_args()
    metrics = {
        "processor.overlap": report.percentiles(_cost(speaking=True, voice=True), "ms"),
        "processor.no_overlap": report.percentiles(_cost(speaking=True, voice=False), "ms"),
        "processor.agent_silent": report.percentiles(_cost(speaking=False, voice=False), "ms"),
    }
    report.write("overlap", metrics, profile="cpu")


if __name__ == "__main__":
    main()

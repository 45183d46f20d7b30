"""Which voice detectors run, whoever opened them: there is to be one for each person."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from livekit.agents import inference, vad
from livekit.agents.inference import vad as livekits
from livekit.plugins.turn_taking.end_of_turn import silero

Opened = Callable[[float, vad.VADStream], None]


def watch_opened(monkeypatch: pytest.MonkeyPatch, opened: Opened) -> None:
    """Tell of each stream of a detector that is opened, LiveKit's and the turn-taking plugin's.

    Args:
        monkeypatch: Undoes it.
        opened: Is given the threshold of a detector and its stream.
    """
    livekits_open, open_ = inference.VAD.stream, silero.Silero.stream

    def of_livekit(detector: inference.VAD) -> vad.VADStream:
        stream = livekits_open(detector)
        opened(detector._opts.activation_threshold, stream)
        return stream

    def of_plugin(detector: silero.Silero) -> vad.VADStream:
        stream = open_(detector)
        opened(detector.threshold, stream)
        return stream

    monkeypatch.setattr(inference.VAD, "stream", of_livekit)
    monkeypatch.setattr(silero.Silero, "stream", of_plugin)


def watch_windows(monkeypatch: pytest.MonkeyPatch, judged: Callable[[], None]) -> None:
    """Tell of each window of sound that a model judges.

    Args:
        monkeypatch: Undoes it.
        judged: Is called for each window.
    """
    native = vars(livekits)["_NativeVAD"]

    class Watched:
        def __init__(self) -> None:
            self._native = native()
            self.reset = self._native.reset

        def predict(self, window: Any) -> float:
            judged()
            return float(self._native.predict(window))

    monkeypatch.setattr(livekits, "_NativeVAD", Watched)
    monkeypatch.setattr(silero, "Model", Watched)

"""What counts as a first word on the simulated clock."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from bench import simulated


class Told:
    """Hears what is told, one text a decode, as a checkout that gives out any text does."""

    texts: tuple[str, ...] = ()

    def __init__(self) -> None:
        self.samples = 0
        self.paused = False
        self.sure = ""
        self._texts = iter(self.texts)

    def push(self, pcm: bytes) -> None:
        self.samples += len(pcm) // 2

    def due(self, now: float) -> bool:
        return True

    def audio(self) -> np.ndarray[Any, Any]:
        return np.zeros(self.samples, np.float32)

    def decoded(self, text: str | None, samples: int, *, seconds: float, now: float) -> str:
        return next(self._texts, "")


class Silent:
    """A model that takes no time."""

    def transcribe(self, audio: Any, **options: Any) -> Any:
        yield SimpleNamespace(text="", doubtful=False, confidence=0.0, searched=False)


@pytest.mark.parametrize(
    ("texts", "found"),
    [
        (("Stop",), "Stop"),
        (("...", "", "Stop"), "...Stop"),
        (("♪", "。", "停"), "♪。停"),
        (("...",), ""),
    ],
)
def test_marks_alone_are_no_first_word(
    texts: tuple[str, ...], found: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Told, "texts", texts)
    # A decode takes as long as a frame, or the clock would stand still.
    clock = iter(n * 0.01 for n in range(10_000))
    monkeypatch.setattr("time.process_time", lambda: next(clock))
    kind: Any = Told
    whisper: Any = Silent()
    samples = np.full(24_000, 1000, np.int16)
    text, seconds = simulated.first_word(kind, whisper, samples, "en", patience=0.5)
    assert text == found
    assert (seconds < 0.5) is bool(found)

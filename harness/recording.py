"""A two-channel recording on one clock: what the caller said, what the caller heard."""

from __future__ import annotations

import wave
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.int16]

SAMPLE_RATE = 24_000
"""Hz; Qwen3-TTS speaks at 24 kHz, so nothing of it is lost."""

SILENCE_DBFS = -50.0
"""A sample above this is speech; the threshold of the definition of voice to voice."""

_THRESHOLD = int(10 ** (SILENCE_DBFS / 20) * 32768)


class Channel:
    """Audio laid on a time line as it comes in.

    Args:
        slack: Seconds by which a frame may come late without leaving a gap of silence. Smaller
            delays are the jitter of the event loop.
    """

    def __init__(self, slack: float = 0.04) -> None:
        self._slack = int(slack * SAMPLE_RATE)
        self._buffer = np.zeros(60 * SAMPLE_RATE, np.int16)
        self._length = 0
        self._gap = slice(0, 0)
        self.last_loud: float | None = None
        """When the newest sound ended, to within a frame, in seconds from the start."""

    def put(self, samples: Samples, at: float) -> None:
        """Lay samples down at a time.

        Args:
            samples: Mono s16, at :data:`SAMPLE_RATE`.
            at: When the last of them was sent or received, in seconds from the start.
        """
        late = int(at * SAMPLE_RATE) - len(samples) - self._length
        if late > self._slack:
            self._gap = slice(self._length, self._length + late)
            self._append(np.zeros(late, np.int16))
        elif late < 0:
            self._close_gap(-late)
        self._append(samples)
        if _loud(samples).any():
            self.last_loud = self.duration

    @property
    def duration(self) -> float:
        """Seconds recorded."""
        return self._length / SAMPLE_RATE

    def samples(self) -> Samples:
        """All that was recorded, from the start; read it before more comes in."""
        return self._buffer[: self._length]

    def first_sound(self, after: float) -> float | None:
        """Time of the first sample above the threshold after a moment, in seconds."""
        return first_sound(self.samples(), after=after)

    def last_sound(self, before: float) -> float | None:
        """Time of the last sample above the threshold before a moment, in seconds."""
        return last_sound(self.samples(), before=before)

    def between(self, start: float, end: float) -> Samples:
        """A part of the recording; times in seconds."""
        return self.samples()[int(start * SAMPLE_RATE) : int(end * SAMPLE_RATE)].copy()

    def _append(self, samples: Samples) -> None:
        end = self._length + len(samples)
        if end > len(self._buffer):
            self._buffer = np.concatenate([self._buffer, np.zeros(end, np.int16)])
        self._buffer[self._length : end] = samples
        self._length = end

    def _close_gap(self, early: int) -> None:
        """Take back a gap that was not one: the reader was held up, and frames come in a burst."""
        gap = self._gap
        closed = min(early, gap.stop - gap.start)
        if not closed:
            return
        self._buffer[gap.stop - closed : self._length - closed] = self._buffer[
            gap.stop : self._length
        ].copy()
        self._length -= closed
        self._gap = slice(gap.start, gap.stop - closed)


def first_sound(samples: Samples, *, after: float) -> float | None:
    """Time of the first sample above the threshold after a moment, in seconds."""
    start = max(int(after * SAMPLE_RATE), 0)
    loud = np.flatnonzero(_loud(samples[start:]))
    return (start + int(loud[0])) / SAMPLE_RATE if len(loud) else None


def last_sound(samples: Samples, *, before: float) -> float | None:
    """Time of the last sample above the threshold before a moment, in seconds."""
    # Second by second, from its end: a conversation may be long.
    for stop in range(min(int(before * SAMPLE_RATE), len(samples)), 0, -SAMPLE_RATE):
        start = max(stop - SAMPLE_RATE, 0)
        if len(loud := np.flatnonzero(_loud(samples[start:stop]))):
            return (start + int(loud[-1])) / SAMPLE_RATE
    return None


def trim(samples: Samples) -> Samples:
    """Cut silence off both ends, so that the last sample is the last of the speech."""
    loud = np.flatnonzero(_loud(samples))
    return samples[loud[0] : loud[-1] + 1] if len(loud) else samples[:0]


def write(file: Path | IO[bytes], said: Channel, heard: Channel) -> None:
    """Write both channels as one stereo WAV: said left, heard right."""
    left, right = said.samples(), heard.samples()
    both = np.zeros((max(len(left), len(right)), 2), np.int16)
    both[: len(left), 0] = left
    both[: len(right), 1] = right
    if isinstance(file, Path):
        file.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(file) if isinstance(file, Path) else file, "wb") as written:
        written.setnchannels(2)
        written.setsampwidth(2)
        written.setframerate(SAMPLE_RATE)
        written.writeframes(both.tobytes())


def _loud(samples: Samples) -> NDArray[np.bool_]:
    # int16's minimum has no positive twin, so compare from both sides instead of taking abs().
    return (samples > _THRESHOLD) | (samples < -_THRESHOLD)

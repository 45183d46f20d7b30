"""The sound of one unit: trimmed of silence and faded at its edges, untouched inside.

Units are independent takes of a voice. Put end to end they click, because the first sample of one
does not continue the last of the other, and they breathe irregularly, because a model leaves
anything from 0 to 600 ms of silence around a sentence.
"""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from .client import SAMPLE_RATE

Samples = NDArray[np.int16]

_FADE = SAMPLE_RATE * 5 // 1000
# -46 dBFS: above the noise floor of a neural codec, below the softest consonant.
_QUIET = 164
# Kept around the sound that is loud enough, for consonants that rise and die away.
_BEFORE = SAMPLE_RATE * 25 // 1000
_AFTER = SAMPLE_RATE * 50 // 1000

_PAUSES = (
    # Seconds of silence that a reader leaves after each mark.
    (re.compile(r"\n\s*$"), 0.5),
    (re.compile(r"(…|\.\.\.|。。。)[\W_]*$"), 0.45),
    (re.compile(r"[。！？．｡.!?][^\w\s]*\s*$"), 0.3),
    (re.compile(r"[；;：:][^\w\s]*\s*$"), 0.2),
    (re.compile(r"[，、､,—–][^\w\s]*\s*$"), 0.12),
)


def pause_after(text: str) -> float:
    """Return the seconds of silence between a unit and the next, 0 in the middle of a phrase."""
    return next((seconds for mark, seconds in _PAUSES if mark.search(text)), 0.0)


class UnitAudio:
    """Shapes the PCM of one unit as it streams.

    Silence before the sound is dropped. Silence after it is passed on for as long as `pause`
    lasts and held beyond that, so that a pause inside the unit loses nothing. The last 5 ms are
    always held, to be faded when the unit turns out to end there.

    Args:
        pause: Seconds of silence wanted after the unit.
    """

    def __init__(self, pause: float) -> None:
        self._pause = int(pause * SAMPLE_RATE)
        self._allowed = max(self._pause, _AFTER)
        self._started = False
        self._held = silence(0)
        self._skipped = 0
        self._passed = 0  # samples passed on since the last loud one

    @property
    def skipped(self) -> float:
        """Seconds of silence dropped at the beginning."""
        return self._skipped / SAMPLE_RATE

    @property
    def rest(self) -> float:
        """Seconds of the pause that are still to be filled when the unit has ended."""
        return max(0, self._pause - self._passed) / SAMPLE_RATE

    def push(self, pcm: bytes) -> Samples:
        """Add whole samples and return those that may be played."""
        self._held = np.concatenate([self._held, np.frombuffer(pcm, dtype="<i2").astype(np.int16)])
        if not self._started:
            loud = np.flatnonzero(_loudness(self._held) >= _QUIET)
            begin = max(0, (int(loud[0]) if loud.size else self._held.size) - _BEFORE)
            self._held = self._held[begin:]
            self._skipped += begin
            if not loud.size or self._held.size < _FADE:
                return silence(0)
            self._start()
        # The silence that is passed on now leaves enough of itself to fade at the end.
        playable = self._playable(self._allowed - _FADE)
        return self._pass(max(0, min(playable, self._held.size - _FADE)))

    def finish(self) -> Samples:
        """Return the end of the unit, faded; what is held beyond its pause is dropped."""
        if not self._started:
            if not sound_end(self._held):
                return silence(0)
            self._start()
        return _faded_out(self._pass(self._playable(self._allowed)))

    def _start(self) -> None:
        self._started = True
        self._held = _faded_in(self._held)

    def _playable(self, allowed: int) -> int:
        """Return how many of the held samples may be played: the sound, and `allowed` after it."""
        sound = sound_end(self._held)
        passed = 0 if sound else self._passed
        return min(self._held.size, sound + max(0, allowed - passed))

    def _pass(self, size: int) -> Samples:
        sound = sound_end(self._held[:size])
        self._passed = size - sound if sound else self._passed + size
        passed, self._held = self._held[:size], self._held[size:]
        return passed


def silence(seconds: float) -> Samples:
    """Return that much silence."""
    return np.zeros(round(seconds * SAMPLE_RATE), dtype=np.int16)


def _loudness(samples: Samples) -> NDArray[np.int32]:
    return np.abs(samples.astype(np.int32))


def sound_end(samples: Samples) -> int:
    """Return the end of the last sound, 0 when there is none."""
    loud = np.flatnonzero(_loudness(samples) >= _QUIET)
    return int(loud[-1]) + 1 if loud.size else 0


def first_sound(samples: Samples) -> int | None:
    """Return where the first sound begins, None when there is none."""
    loud = np.flatnonzero(_loudness(samples) >= _QUIET)
    return int(loud[0]) if loud.size else None


def _faded_in(samples: Samples) -> Samples:
    size = min(_FADE, samples.size)
    ramp = np.linspace(0, 1, size, endpoint=False)
    return np.concatenate([(samples[:size] * ramp).astype(np.int16), samples[size:]])


def _faded_out(samples: Samples) -> Samples:
    size = min(_FADE, samples.size)
    ramp = np.linspace(1, 0, size)
    start = samples.size - size
    return np.concatenate([samples[:start], (samples[start:] * ramp).astype(np.int16)])

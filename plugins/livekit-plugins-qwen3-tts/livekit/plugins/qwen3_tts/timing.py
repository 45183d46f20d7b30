"""When each word of a unit is heard.

The model tells nothing about its words, so time is shared out over the sound (silences excluded)
by the syllables of each word: by the measured rate of the voice while the unit still streams, by
the unit's own rate once all of it is there. The times are exact at the edges of a unit and where
the voice pauses at a comma.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

import numpy as np
from livekit.agents.types import TimedString
from numpy.typing import NDArray

from .audio import Samples, pause_after
from .client import SAMPLE_RATE, AlignedWord
from .measure import pieces, syllables

# Sound is looked for in steps of 20 ms, and a silence is one from 80 ms on: shorter ones are the
# closures of stop consonants, inside words.
_STEP = SAMPLE_RATE // 50
_LOUD = 330
_SILENCE_STEPS = 4
# A mark inside a unit is heard as the pause nearest to where it is expected, within 0.6 s. Against
# the durations that Kokoro's own model gives 958 words and characters, this puts English within a
# word at 98 of 100 random moments, without it at 95; Chinese is within two characters either way.
_MARK_STEPS = 30


class SpokenWord(TimedString):
    """A word with its times, in seconds since the first audio of the reply was heard."""

    start_time: float
    end_time: float
    dry: float = 0.0
    """Seconds for which playback had run dry before the end of the word, because the server was
    late. `start_time` and `end_time` count them; less `dry`, they are places in the audio."""


class WordTimer:
    """Times the words of one unit.

    Args:
        text: What is shown for the unit; joined, the words handed out are exactly this.
        start: Seconds into the reply at which the unit's audio begins.
        per_syllable: The expected seconds of sound per syllable.
    """

    def __init__(self, text: str, start: float, per_syllable: float) -> None:
        self._words = pieces(text)
        # A word of signs alone takes no time.
        self._ends = [0, *accumulate(syllables(word) for word in self._words)]
        self._start = start
        self._per_syllable = per_syllable
        self._next = 0
        self._last_end = start
        self._samples = 0
        self._aligned: tuple[list[float], list[float]] | None = None
        self._loud: list[NDArray[np.bool_]] = []
        self._left = np.zeros(0, dtype=np.int16)

    @property
    def sound(self) -> float:
        """Seconds of sound so far, silences excluded."""
        return float(np.count_nonzero(self._sounding())) * _STEP / SAMPLE_RATE

    @property
    def trailing_silence(self) -> float:
        """Seconds since the last sound."""
        sounding = np.flatnonzero(self._sounding())
        steps = sum(loud.size for loud in self._loud)
        return (steps - int(sounding[-1]) - 1 if sounding.size else steps) * _STEP / SAMPLE_RATE

    @property
    def total_syllables(self) -> int:
        """The number of syllables in the unit."""
        return self._ends[-1]

    def push(self, samples: Samples) -> None:
        """Add audio of the unit."""
        self._samples += samples.size
        samples = np.concatenate([self._left, samples])
        whole = samples.size // _STEP * _STEP
        self._left = samples[whole:]
        peaks = np.abs(samples[:whole].astype(np.int32)).reshape(-1, _STEP).max(axis=1)
        self._loud.append(peaks >= _LOUD)

    def due(self, until: float) -> list[SpokenWord]:
        """Return the words that, at the expected rate, end before `until` seconds into the reply.

        The last word waits for `finish`, which knows where it ends.

        Args:
            until: At most the end of the audio pushed.
        """
        sounding = np.flatnonzero(self._sounding())
        found: list[SpokenWord] = []
        while self._next < len(self._words) - 1:
            expected = self._ends[self._next + 1] * self._per_syllable
            steps = round(expected * SAMPLE_RATE / _STEP)
            if steps > sounding.size or (end := self._after(sounding, steps)) > until:
                break
            found.append(self._take(end))
        return found

    def align(self, words: Sequence[AlignedWord], skipped: float) -> None:
        """Take the words of a forced aligner, whose times then stand for the unit's rate.

        Args:
            words: The words of the spoken text, which may differ from the one shown.
            skipped: Seconds of the aligned audio that come before the unit's.
        """
        done = list(accumulate((syllables(word.text) for word in words), initial=0))
        if done[-1]:
            times = [words[0].start, *(word.end for word in words)]
            self._aligned = (
                [share / done[-1] for share in done],
                [self._start + time - skipped for time in times],
            )

    def finish(self) -> list[SpokenWord]:
        """Return the words that are left, the last of which ends with the audio."""
        end = self._start + self._samples / SAMPLE_RATE
        found: list[SpokenWord] = []
        if self._aligned:
            shares, times = self._aligned
            while self._next < len(self._words) - 1:
                share = self._ends[self._next + 1] / self.total_syllables
                found.append(self._take(min(float(np.interp(share, shares, times)), end)))
        sounding = np.flatnonzero(self._sounding())
        anchors = self._anchors(sounding)
        while self._next < len(self._words) - 1:
            steps = round(float(np.interp(self._ends[self._next + 1], *anchors)))
            found.append(self._take(min(self._after(sounding, steps), end)))
        if self._next < len(self._words):
            found.append(self._take(end))
        return found

    @property
    def rest(self) -> str:
        """The words not handed out."""
        return "".join(self._words[self._next :])

    def _sounding(self) -> NDArray[np.bool_]:
        """Return which steps are sound, the short gaps inside words included."""
        loud = np.concatenate(self._loud) if self._loud else np.zeros(0, dtype=np.bool_)
        edges = np.flatnonzero(loud)
        gaps = np.diff(edges)
        for index in np.flatnonzero((gaps > 1) & (gaps <= _SILENCE_STEPS)):
            loud[edges[index] : edges[index + 1]] = True
        return loud

    def _anchors(self, sounding: NDArray[np.intp]) -> tuple[list[int], list[int]]:
        """Return numbers of syllables, and of the steps of sound by which they are spoken.

        They are known where the words begin that are not handed out, at marks that are heard as
        pauses, and at the end.
        """
        spoken = [self._ends[self._next]]
        begin = (self._last_end - self._start) * SAMPLE_RATE / _STEP
        steps = [int(np.searchsorted(sounding, round(begin)))]
        pauses = np.flatnonzero(np.diff(sounding) > 1) + 1
        for index in range(self._next, len(self._words) - 1):
            later = pauses[pauses > steps[-1]]
            left = self._ends[-1] - spoken[-1]
            if not later.size or not left or not pause_after(self._words[index]):
                continue
            share = (self._ends[index + 1] - spoken[-1]) / left
            expected = steps[-1] + share * (sounding.size - steps[-1])
            nearest = later[np.argmin(np.abs(later - expected))]
            if abs(nearest - expected) <= _MARK_STEPS:
                spoken.append(self._ends[index + 1])
                steps.append(int(nearest))
        return [*spoken, self._ends[-1]], [*steps, sounding.size]

    def _after(self, sounding: NDArray[np.intp], steps: int) -> float:
        """Return when so many steps of sound are over, in seconds into the reply."""
        return self._start + (int(sounding[steps - 1]) + 1 if steps else 0) * _STEP / SAMPLE_RATE

    def _take(self, end: float) -> SpokenWord:
        start, self._last_end = self._last_end, max(self._last_end, end)
        word = self._words[self._next]
        self._next += 1
        return SpokenWord(word, start_time=start, end_time=self._last_end)

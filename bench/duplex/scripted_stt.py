"""An STT that knows what will be said, and gives each word when its sound has come in.

It stands in for a recogniser that is never wrong and never late: the transcript of a word is there
as the word ends in the audio that the system under test received. It knows nothing of turns: words
become final after 100 ms without voice, be that a pause or the end.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np

from harness.recording import SILENCE_DBFS, Samples

from .align import Word

RATE = 16_000
"""Sample rate of what it is given, in Hz."""

FINAL_AFTER = 0.1
"""Silence after which words are final, in seconds."""

_BLOCK = RATE // 100
_THRESHOLD = 10 ** (SILENCE_DBFS / 20) * 32768


class Heard(NamedTuple):
    """A transcript of what was said since the last final one; times in seconds of the stream."""

    kind: Literal["interim", "final"]
    text: str
    start: float
    end: float


class ScriptedStt:
    """Makes words out of a stream of audio.

    Args:
        joint: What stands between words: a space, or nothing in Chinese.
    """

    def __init__(self, joint: str) -> None:
        self._joint = joint
        self._rest = np.zeros(0, np.int16)
        self._loud: list[bool] = []
        self._words: Sequence[Word] = ()
        self._onset: int | None = None
        self._next = 0
        self._said: list[Word] = []

    def expect(self, words: Sequence[Word]) -> None:
        """Be ready for an utterance: the next sound begins it.

        Args:
            words: The words, timed from its first sound; none for a sound without words.
        """
        self._words, self._next, self._said = words, 0, []
        self._onset = None

    def feed(self, samples: Samples) -> list[Heard]:
        """Take some audio: mono s16 at 16 kHz."""
        samples = np.concatenate([self._rest, samples])
        whole = len(samples) // _BLOCK
        self._rest = samples[whole * _BLOCK :]
        heard: list[Heard] = []
        for block in samples[: whole * _BLOCK].reshape(-1, _BLOCK):
            self._loud.append(bool(np.abs(block.astype(np.int32)).max() > _THRESHOLD))
            heard += self._advance()
        return heard

    def _advance(self) -> list[Heard]:
        if self._onset is None:
            if not (self._words and self._loud[-1]):
                return []
            self._onset = len(self._loud) - 1
        now = len(self._loud)
        heard: list[Heard] = []
        while self._next < len(self._words):
            word = self._words[self._next]
            if self._said and min(word.start, self._now(now)) > self._said[-1].end + FINAL_AFTER:
                heard.append(self._final())
            if now < self._block(word.end):
                break
            self._next += 1
            # A sound that broke off was not heard.
            if any(self._loud[self._block(word.start) : self._block(word.end)]):
                self._said.append(word)
                heard.append(self._transcript("interim"))
        if self._said and self._now(now) > self._said[-1].end + FINAL_AFTER and self._paused():
            heard.append(self._final())
        return heard

    def _paused(self) -> bool:
        """Whether the next word is not already being said."""
        now = self._now(len(self._loud))
        return self._next == len(self._words) or self._words[self._next].start > now

    def _final(self) -> Heard:
        transcript = self._transcript("final")
        self._said = []
        return transcript

    def _transcript(self, kind: Literal["interim", "final"]) -> Heard:
        assert self._onset is not None
        offset = self._onset * _BLOCK / RATE
        text = self._joint.join(word.text for word in self._said)
        return Heard(kind, text, offset + self._said[0].start, offset + self._said[-1].end)

    def _block(self, seconds: float) -> int:
        assert self._onset is not None
        return self._onset + round(seconds * RATE / _BLOCK)

    def _now(self, blocks: int) -> float:
        """Seconds since the utterance began."""
        assert self._onset is not None
        return (blocks - self._onset) * _BLOCK / RATE

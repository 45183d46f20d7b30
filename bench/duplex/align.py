"""Words of a known text, and where they lie in its sound."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from harness import alignment
from harness.recording import SAMPLE_RATE, Samples, first_sound

_WORD = re.compile(r"[㐀-鿿]|[^\W㐀-鿿]+(?:['’-][^\W㐀-鿿]+)*")


@dataclass(frozen=True)
class Word:
    """A word (in Chinese, a character), and where it is, in seconds from the beginning."""

    text: str
    start: float
    end: float


def words(text: str) -> list[str]:
    """The words of a text as they are written, in Chinese its characters; no punctuation."""
    return _WORD.findall(text)


def key(word: str) -> str:
    """What of a word is the same wherever it stands."""
    return word.lower().replace("’", "'")


def contains(said: Sequence[str], part: Sequence[str]) -> bool:
    """Whether words occur in others together and in their order."""
    size = len(part)
    return any(list(said[i : i + size]) == list(part) for i in range(len(said) - size + 1))


class Aligner(alignment.Aligner):
    """Finds words that are known to be there."""

    def align(self, samples: Samples, text: str, language: str) -> list[Word]:
        """Find the words of a text.

        Args:
            samples: Mono s16 at 24 kHz, without silence at its ends, up to 30 s.
            text: What is said.
            language: ``en`` or ``zh``.
        """
        found = words(text)
        blank = "" if language == "zh" else " "
        ends = self.ends(samples, [f"{word}{blank}" for word in found], language)
        # The last ends with the sound, and each begins with the first sound after the one before.
        ends = [*ends[:-1], len(samples) / SAMPLE_RATE]
        out: list[Word] = []
        for word, end in zip(found, ends, strict=True):
            before = out[-1].end if out else 0.0
            end = max(end, before)
            start = min(first_sound(samples, after=before) or before, end)
            out.append(Word(word, round(start, 3), round(end, 3)))
        return out

"""Any other language: what its lists say, for want of a grammar."""

from __future__ import annotations

import re
from functools import cache

from ...languages import words

_PIECES = 4
"""Figures of a piece of a number that is told in pieces; a longer one is all of it."""
_FEWEST = 3
"""Words of a clause whose last word comes after everything else, to be more than that word."""
# A clause in one of these has no blanks between its words.
_UNSPACED = re.compile("[ぁ-ゖァ-ヺ㐀-鿿]")
_TOKEN = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")


class Listed:
    """Tells by the last words alone.

    Args:
        language: One of :data:`.LANGUAGES`.
    """

    def __init__(self, language: str) -> None:
        ends = words(language).ends
        self._complete = frozenset(ends.complete)
        self._leads_on = frozenset(ends.leads_on) | frozenset(ends.hesitations)
        self._longest = max((text.count(" ") + 1 for text in self._leads_on), default=0)
        self._endings = ends.endings
        self._finished_by = frozenset(ends.finished_by)
        self._digits = frozenset(ends.digits)
        self._dictation = ends.dictation

    def is_unfinished(self, clause: str, text: str) -> bool:
        """Whether something has to follow.

        Args:
            clause: The last one, without the punctuation that ends it.
            text: All of the turn.
        """
        said = _words(clause)
        plain = " ".join(said)
        if not said or plain in self._complete:
            return False
        if _UNSPACED.search(plain):
            led_on = plain.endswith(tuple(self._leads_on))
        else:
            last = [" ".join(said[-n:]) for n in range(1, self._longest + 1)]
            led_on = not self._leads_on.isdisjoint(last)
        return led_on or plain.endswith(self._endings) or self._is_dictation(said, text)

    def is_finished(self, clause: str) -> bool:
        """Whether it wants nothing more; told of a clause that is not unfinished."""
        said = _words(clause)
        plain = " ".join(said)
        if plain in self._complete:
            return True
        if _UNSPACED.search(plain):
            return plain.endswith(tuple(self._finished_by))
        return len(said) >= _FEWEST and said[-1] in self._finished_by

    def _is_dictation(self, said: list[str], text: str) -> bool:
        """Whether a number is being told piece by piece."""
        tail = 0
        for word in reversed(said):
            if word not in self._digits and not (word.isdigit() and len(word) <= _PIECES):
                break
            tail += 1
        return tail >= 3 or bool(tail and any(word in text.lower() for word in self._dictation))


@cache
def listed(language: str) -> Listed:
    """The rules of a language; made once."""
    return Listed(language)


def _words(clause: str) -> list[str]:
    return _TOKEN.findall(clause.lower().replace("’", "'"))

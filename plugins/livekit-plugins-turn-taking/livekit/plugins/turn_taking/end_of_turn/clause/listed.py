"""Any other language: what its lists say, for want of a grammar."""

from __future__ import annotations

import re
from functools import cache

from ...languages import words

_PIECES = 3
"""Pieces of a number that say by themselves that it is told in pieces."""
_PIECE = 4
"""Figures of such a piece at most; a longer one is all of the number."""
_FEWEST = 3
"""Words of a clause whose last one comes after everything else, so that it is more than that."""
# A clause in one of these has no blanks between its words.
_UNSPACED = re.compile("[ぁ-ゖァ-ヺ㐀-鿿]")
_TOKEN = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")


class Listed:
    """Tells by the last words, or, where there are endings, by how the last word ends.

    Args:
        language: One of :data:`.LANGUAGES`.
    """

    def __init__(self, language: str) -> None:
        ends = words(language).ends
        self._complete = frozenset(map(_plain, ends.complete))
        self._leads_on = tuple(map(_plain, (*ends.leads_on, *ends.hesitations)))
        self._longest = max(text.count(" ") + 1 for text in self._leads_on)
        self._endings = ends.endings
        self._finished_by = tuple(map(_plain, ends.finished_by))
        self._dictation = tuple(map(_plain, ends.dictation))
        digits = sorted(map(_plain, ends.digits), key=len, reverse=True)
        self._piece = re.compile(rf"{'|'.join(digits)}|\d+")
        # In a language with blanks a digit is no part of a word.
        begins = "" if _UNSPACED.search("".join(digits)) else r"(?<!\w)"
        self._number = re.compile(rf"{begins}(?:(?:{self._piece.pattern})[\s-]*)+$")

    def is_unfinished(self, clause: str, text: str) -> bool:
        """Whether something has to follow.

        Args:
            clause: The last one, without the punctuation that ends it.
            text: All of the turn.
        """
        plain = _plain(clause)
        if not plain or plain in self._complete:
            return False
        return self._is_led_on(plain) or self._is_dictation(plain, _plain(text))

    def is_finished(self, clause: str) -> bool:
        """Whether it wants nothing more; told of a clause that is not unfinished."""
        plain = _plain(clause)
        if plain in self._complete:
            return True
        if self._endings:
            return plain.endswith(self._finished_by)
        said = plain.split()
        return len(said) >= _FEWEST and said[-1] in self._finished_by

    def _is_led_on(self, plain: str) -> bool:
        if self._endings and plain.endswith(self._endings):
            return True
        if _UNSPACED.search(plain):
            return plain.endswith(self._leads_on)
        said = plain.split()
        last = {" ".join(said[-n:]) for n in range(1, self._longest + 1)}
        return not last.isdisjoint(self._leads_on)

    def _is_dictation(self, plain: str, text: str) -> bool:
        """Whether a number is being told piece by piece."""
        tail = self._number.search(plain)
        if not tail:
            return False
        pieces = self._piece.findall(tail.group())
        if any(piece.isdecimal() and len(piece) > _PIECE for piece in pieces):
            return False
        return len(pieces) >= _PIECES or any(word in text for word in self._dictation)


@cache
def listed(language: str) -> Listed:
    """The rules of a language; made once."""
    return Listed(language)


def _plain(text: str) -> str:
    """A text in lower case and without punctuation, its words one blank apart."""
    return " ".join(_TOKEN.findall(text.lower().replace("’", "'").replace("ё", "е")))

"""What is said before the matter itself: a greeting, thanks, an excuse, a word that stops."""

from __future__ import annotations

from functools import cache

from ...languages import words
from ...languages.phrases import Phrases, tokens
from ...languages.tags import read_together


class _Prefaces:
    def __init__(self, languages: tuple[str, ...]) -> None:
        read = [words(language).ends for language in languages]
        self._prefaces = Phrases(text for each in read for text in each.prefaces)
        self._beside = Phrases(text for each in read for text in each.beside)

    def are_all_of(self, said: tuple[str, ...]) -> bool:
        found = False
        while said:
            preface = self._prefaces.at_front(said)
            taken = preface or self._beside.at_front(said)
            if not taken:
                return False
            found = found or preface > 0
            said = said[taken:]
        return found


_read = cache(_Prefaces)


def is_preface(text: str, language: str = "") -> bool:
    """Whether a text only greets, thanks, excuses or stops, in whatever order.

    Args:
        text: With or without punctuation.
        language: Its language, if the recogniser knows it; see :func:`.read_together`.
    """
    said = tokens(text)
    return _read(read_together(language, " ".join(said))).are_all_of(said)

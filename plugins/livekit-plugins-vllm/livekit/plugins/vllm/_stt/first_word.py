"""The first word of an utterance, which stops an agent that is spoken over."""

from __future__ import annotations

import re

from .recognition import PROBABLE, Transcript

# Chinese and Japanese characters are words of their own; "uh-huh" is one word, which "uh" is not.
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\W_]+(?:['’-][^\W_]+)*")


class FirstWord:
    """Whether the early decodes of an utterance, taken one after the other, have a first word.

    Of a sound whose beginning alone is known a recogniser writes words, whatever it is: a cough is
    "Oh", the half of "uh-huh" is "Uh". A server that says how sure it is says that it is not. Of
    another the first word counts once two decodes in a row have it.
    """

    def __init__(self) -> None:
        self._last = ""

    def known(self, heard: Transcript) -> bool:
        """Take a decode; whether its first word can be believed."""
        word = first_word(heard.text)
        last, self._last = self._last, word
        if heard.confidence:
            return bool(word) and heard.confidence >= PROBABLE
        return bool(word) and word == last


def first_word(text: str) -> str:
    """The first word in lower case, empty if there is none."""
    found = _WORD.search(text)
    return found.group().casefold() if found else ""

"""Digits from a caller, by key or by voice: an order number, a date, a PIN."""

from __future__ import annotations

import re

from ..settings import Language
from .keys import Keys
from .question import Question

_AGAIN: dict[Language, str] = {
    "en": "Sorry, I didn't get that. Please enter the digits, then the hash key.",
    "zh": "抱歉，没有听清。请输入数字，按井号键结束。",
}
# fmt: off
_UNITS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
_TEENS = [
    "ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen",
    "eighteen", "nineteen",
]
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
# fmt: on
_WORDS = {
    **{word: str(n) for n, word in enumerate(_UNITS)},
    **{word: str(n) for n, word in enumerate(_TEENS, 10)},
    **{word: str(n) for n, word in enumerate(_TENS, 2)},
    **dict.fromkeys(("oh", "o"), "0"),
    # Words that sound like digits: among digits nothing else is meant.
    "to": "2",
    "too": "2",
    "for": "4",
    "fore": "4",
    "ate": "8",
    "won": "1",
    **{character: str(n) for n, character in enumerate("零一二三四五六七八九")},
    "〇": "0",
    "幺": "1",
    "两": "2",
}
_TOKEN = re.compile(r"[0-9]|[a-z]+|[〇零一二三四五六七八九幺两]")
# Sounds like digits and is said before them as often: counts only after one.
_DOUBTFUL = {"to", "too", "for", "fore", "ate", "won", "o"}
_TIMES = {"double": 2, "triple": 3}


def spoken_digits(words: str) -> str:
    """The digits in what was said, in English or Chinese; empty if there are none.

    >>> spoken_digits("It's four two, double seven, oh one.")
    '427701'
    """
    found, times = "", 1
    tokens = _TOKEN.findall(words.lower())
    for i, token in enumerate(tokens):
        if token in _TIMES:
            times = _TIMES[token]
            continue
        digit = token if token.isascii() and token.isdigit() else _WORDS.get(token, "")
        if token in _DOUBTFUL and not found:
            digit = ""
        if token in _TENS and (i + 1 == len(tokens) or tokens[i + 1] not in _UNITS[1:]):
            digit += "0"  # "forty two" is 42, "forty" alone 40
        found += digit * times
        times = 1
    return found


class Keypad:
    """Gathers the keys of one answer. The hash key ends it, the star key begins it again.

    Args:
        least: Fewest digits of an answer.
        most: Most digits; the last of them ends it, too.
    """

    def __init__(self, least: int, most: int) -> None:
        self._least, self._most = least, most
        self._keys = ""

    def press(self, key: str) -> str | None:
        """Take a key, and return the whole answer, or None while it is not complete."""
        if key == "*":
            self._keys = ""
        elif key.isdigit():
            self._keys += key
        return self._keys if len(self._keys) == self._most or key == "#" and self.enough() else None

    def take(self) -> str | None:
        """Return the answer if the keys so far are one, and begin anew either way."""
        keys, whole = self._keys, self.enough()
        self._keys = ""
        return keys if whole else None

    def enough(self) -> bool:
        """Whether the keys so far are an answer."""
        return self._least <= len(self._keys) <= self._most


class AskForDigits(Question[str]):
    """Asks for digits.

    Args:
        ask: The question, such as "Enter your order number, then the hash key."
        least: Fewest digits of an answer.
        most: Most digits.
        language: Language of the caller.
        keys: Tells of the keys that are pressed.
        answer_timeout: Longest silence before it is asked again, in seconds.
    """

    def __init__(
        self,
        ask: str,
        *,
        least: int,
        most: int,
        language: Language,
        keys: Keys,
        answer_timeout: float,
    ) -> None:
        super().__init__(ask=ask, again=_AGAIN[language], keys=keys, answer_timeout=answer_timeout)
        self._keypad = Keypad(least, most)
        self._least, self._most = least, most

    def pressed(self, key: str) -> str | None:
        """Gather keys."""
        return self._keypad.press(key)

    def said(self, words: str) -> str | None:
        """Take the digits of a sentence, if they are as many as there should be."""
        digits = spoken_digits(words)
        return digits if self._least <= len(digits) <= self._most else None

    def timed_out(self) -> str | None:
        """Take what was keyed in, if it is enough."""
        return self._keypad.take()

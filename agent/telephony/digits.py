"""Digits from a caller, by key or by voice: an order number, a date, a PIN."""

from __future__ import annotations

import re
import unicodedata
from functools import cache

from ..languages import Language, heard_with, words
from ..spoken_sums import chinese_number, english_number
from .keys import Keys
from .question import Question

# fmt: off
_TEENS = [
    "ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen",
    "eighteen", "nineteen",
]
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
# fmt: on
_UNITS = [texts.split()[0] for texts in words("en").answers.digits[1:]]
_TIMES = {"double": 2, "triple": 3, "treble": 3, "quadruple": 4}
# A digit of any script, or a word; Chinese writes both without blanks.
_TOKEN = re.compile(r"[0-9]|[〇㐀-鿿]|[^\W\d_〇㐀-鿿]+")
_BETWEEN = frozenset(
    ["and", "und", "et", "y", "e", "и", "um", "uh", "er", "äh", "ähm", "euh", "eh", "э"]
)
"""Said between the words of a number, or while somebody thinks of the next one."""

_HANGUL = re.compile("[가-힣]{2,}")

_TO_99 = r"(?:(?:{tens})(?: (?:{units}))?|{teens}|{units})".format(
    tens="|".join(_TENS), teens="|".join(_TEENS), units="|".join(_UNITS)
)
_FURTHER = "|".join(
    [r"\d", "zero", "oh?", *_UNITS, *_TEENS, *_TENS, *_TIMES, "hundred", "thousand"]
)
_LAST = rf" {_TO_99}\b(?![ ,]+(?:{_FURTHER})\b)"
"""Of "eight hundred four" the four is a part; of "eight hundred four one four" none may be."""
_HUNDREDS = rf"(?:a|{_TO_99}) hundred(?:,? and {_TO_99}\b|{_LAST})?"
_THOUSANDS = rf"(?:a|{_TO_99} hundred(?: and)?(?: {_TO_99})?|{_TO_99}) thousand"
_ENGLISH = re.compile(
    rf"\b(?:{_THOUSANDS}(?:,? (?:and )?{_HUNDREDS}|,? and {_TO_99}\b|,?{_LAST})?|{_HUNDREDS})\b"
)
"""A number with a hundred or a thousand; "nineteen eighty four" is digits."""
_ROUND = re.compile(rf"00,? (?:{'|'.join(_TENS + _TEENS)})\b")
"""2026 and a one, or 2000, 20 and 61."""

_PER_CENT = (
    r"%|(?:per ?cent|prozent|pour ?cent|por cien(?:to)?|por cento)\b"
    "|процент|퍼센트|프로|パーセント"
)
_D = "[一二两三四五六七八九]"
_ANY_D = "[〇零幺一二两三四五六七八九]"
_POWER = "[十百千万亿億萬廿卅]"
_NO_NUMBER = re.compile(
    rf"(?:\d+(?:[.,]\d+)?|\b(?:{_HUNDREDS}|{_TO_99})) ?(?:{_PER_CENT})"
    rf"|百分之(?:{_POWER}|{_ANY_D}|[\d.点])+"
    r"|(?<![一二两三四五六七八九])十[分足全]"
    r"|\ba (?:hundred|thousand) (?:thanks|times)\b"
    rf"|(?<!{_ANY_D})(?<!{_POWER})(?<![\d\s个])[百千万]+(?!{_ANY_D}|{_POWER}|[\d\s])"
    # "Oh, 4271" and "Oh, it is four two", but not "oh, four two".
    rf"|^\W*oh?\b(?=[,.!…]+ ?\d|\W+(?!(?:{_FURTHER})\b)[a-z])"
)
"""How sure somebody is, how grateful, how surprised."""
_HANZI = re.compile(f"{_ANY_D}*{_POWER}(?:{_ANY_D}|{_POWER})*")
_TO_9999 = f"(?:{_D}千零?)?(?:{_D}百零?)?(?:{_D}?十)?"
_HANZI_NUMBER = re.compile(f"(?:{_TO_9999}{_D}?万零?)?{_TO_9999}{_D}?")
_SHORTENED = re.compile("[百千万][一二两三四五六七八九]$")
"""150 as often as 105."""
_APART = re.compile(
    rf"{_POWER}\s+{_ANY_D}|{_ANY_D}\s+{_POWER}|\d\s*{_POWER}|{_POWER}\s*\d"
    rf"|{_POWER}个(?:{_ANY_D}|\d)|个{_ANY_D}+{_POWER}"
)
"""One number or two."""
_SO_MANY = re.compile(rf"({_D})个({_ANY_D}|\d)")
"""三个五 is 555."""


class _Digits:
    """The words of the digits in some languages."""

    def __init__(self, languages: tuple[Language, ...]) -> None:
        own = [words(language).answers for language in languages]
        self.doubtful = {word for each in own for word in each.doubtful_digits.split()}
        self.of_word = {
            word: str(n)
            for each in own
            for n, texts in enumerate(each.digits)
            for word in texts.split()
        }
        if "en" in languages:
            self.of_word |= {word: str(n) for n, word in enumerate(_TEENS, 10)}
            self.of_word |= {word: str(n) for n, word in enumerate(_TENS, 2)}
        self._larger = [
            re.compile(each.larger_numbers, re.I) for each in own if each.larger_numbers
        ]

    def of(self, token: str) -> str:
        """The digits of a token; none if it has another meaning."""
        if token.isascii() and token.isdigit():
            return token
        if _HANGUL.fullmatch(token):  # 공일공 is one word
            syllables = [self.of_word.get(syllable, "") for syllable in token]
            if all(syllables):
                return "".join(syllables)
        return self.of_word.get(token, "")

    def is_larger_number_among(self, tokens: list[str]) -> bool:
        """Whether a larger number stands beside another: its digits alone would be a wrong one.

        By itself it is no part of an answer: *mil gracias*, *tausend Dank*.
        """
        larger = [self._is_larger(token) for token in tokens]
        known = [
            large or token in _TIMES or bool(self.of(token))
            for token, large in zip(tokens, larger, strict=True)
        ]
        pairs = zip(larger, larger[1:], known, known[1:], strict=False)
        return any((a and second) or (b and first) for a, b, first, second in pairs)

    def _is_larger(self, token: str) -> bool:
        return not self.of(token) and any(each.fullmatch(token) for each in self._larger)


_read = cache(_Digits)


def spoken_digits(said: str, language: Language = "en") -> str:
    """The digits in what was said; empty if there are none, or a number that cannot be read.

    >>> spoken_digits("It's four two, double seven, oh one.")
    '427701'

    Args:
        said: The words.
        language: Their language; English and Chinese are read together.
    """
    languages = heard_with(language)
    digits = _read(languages)
    said = " ".join(unicodedata.normalize("NFKC", said).lower().replace("-", " ").split())
    said = _NO_NUMBER.sub(" ", said)
    if _APART.search(said):
        return ""
    said = _SO_MANY.sub(lambda found: found[2] * int(chinese_number(found[1])), said)
    if any(not _is_number(run[0]) for run in _HANZI.finditer(said)):
        return ""
    said = _HANZI.sub(lambda run: f" {chinese_number(run[0])} ", said)
    if "en" in languages:
        said = _ENGLISH.sub(lambda run: english_number(run[0]), said)
        if _ROUND.search(said):
            return ""
    tokens = [each for each in _TOKEN.findall(said) if each not in _BETWEEN or digits.of(each)]
    if digits.is_larger_number_among(tokens):
        return ""
    found, times = "", 1
    for i, token in enumerate(tokens):
        if token in _TIMES:
            times = _TIMES[token]
            continue
        if times > 1 and (token in _TENS or token in _TEENS):
            return ""  # "double forty two" is 4242, or 442
        digit = "" if token in digits.doubtful and not found else digits.of(token)
        if token in _TENS and (i + 1 == len(tokens) or tokens[i + 1] not in _UNITS):
            digit += "0"  # "forty two" is 42, "forty" alone 40
        found += digit * times
        times = 1
    return found


def _is_number(hanzi: str) -> bool:
    return bool(_HANZI_NUMBER.fullmatch(hanzi)) and not _SHORTENED.search(hanzi)


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
        super().__init__(
            ask=ask,
            again=words(language).answers.digits_again,
            keys=keys,
            answer_timeout=answer_timeout,
        )
        self._language = language
        self._keypad = Keypad(least, most)
        self._least, self._most = least, most

    def pressed(self, key: str) -> str | None:
        """Gather keys."""
        return self._keypad.press(key)

    def said(self, words: str) -> str | None:
        """Take the digits of a sentence, if they are as many as there should be."""
        digits = spoken_digits(words, self._language)
        return digits if self._least <= len(digits) <= self._most else None

    def timed_out(self) -> str | None:
        """Take what was keyed in, if it is enough."""
        return self._keypad.take()

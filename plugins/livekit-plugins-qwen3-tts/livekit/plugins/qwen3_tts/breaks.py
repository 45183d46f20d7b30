"""Where a text may be cut: what each punctuation mark means in its place."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from typing import Literal

from .measure import CJK

Meaning = Literal["hard", "soft", "none", "wait"]
"""Hard marks end a sentence, soft ones allow a pause, some end nothing ("3.14"), and what some mean
only the text still to come can tell."""


def words(text: str) -> frozenset[str]:
    """Return the words of a list that is written as one text."""
    return frozenset(text.split())


OPENERS = frozenset("“「『（《【〈〔［｛([{")
CLOSERS = frozenset("”」』）》】〉〕］｝)]}")
PAIRED = OPENERS | CLOSERS | {'"'}
_HARD = frozenset("。！？；…｡．\n")
_SOFT = frozenset("，、､—")
_LATIN = frozenset(".!?;,:：")
_TRAILERS = (_HARD | _SOFT | _LATIN | CLOSERS) - {"\n"}

# Every mark except the dots and commas inside numbers and words, which end nothing whatever comes
# after them; most texts hold more of those than of any other.
MARK = re.compile(
    f"[{re.escape(''.join(sorted(_HARD | _SOFT | PAIRED)))}!?;:：]|"
    r"\.(?![A-Za-z0-9.])|(?<!\d),|,(?!\d)"
)
PAIRED_MARK = re.compile(f"[{re.escape(''.join(sorted(PAIRED)))}\\n]")

_CJK_CHAR = re.compile(f"[{CJK}]")

# Never the end of a sentence, whatever follows the dot.
_TITLES = words(
    "mr mrs ms mx dr prof rev gen col capt lt sgt hon st mt vs fig figs eq sec ch vol no nos "
    "pp approx e.g i.e cf viz al dept est ave blvd jan feb mar apr jun jul aug sep sept oct "
    "nov dec mon tue tues wed thu thur thurs fri sat sun"
)
# The end of a sentence only when a capital follows.
_ENDINGS = words("etc inc ltd co corp jr sr a.m p.m u.s u.k u.n e.u d.c ph.d b.a m.a")

_LAST_WORD = re.compile(r"[^\W\d_](?:[^\W\d_]|\.(?=[^\W\d_]))*$")
_LIST_NUMBER = re.compile(r"(?:^|\n)\s*\d{1,3}$")
_URL = re.compile(r"(?:\w+://|www\.)\S*$", re.IGNORECASE)
_URL_GLUE = frozenset("/-_@~&=?%#+:")

# Characters that nearly always end, or begin, a Chinese word, and the words that break the rule.
_WORD_ENDS = frozenset("的了吗呢吧啊呀嘛们是说和与跟把被让")
_WORD_STARTS = frozenset("我你您他她它这那但")
_UNBROKEN = words(
    "的确 的士 了解 了不 是否 是不 说明 说话 说法 说服 和平 和谐 让步 被子 被动 把握 把手 "
    "与其 吧台 们的 了吗 了吧 了呢 的吗 的吧 的呢 说的 是的 们是 不但 非但"
)
_NO_SPACE_CUT = re.compile(
    r"(?:(?:^|\s)(?:" + "|".join(map(re.escape, sorted(_TITLES))) + r")\.|\d)\s*$", re.IGNORECASE
)


def meaning(text: str, start: int, index: int, ended: bool) -> Meaning:
    """Say what a mark means that is neither a bracket nor a quotation mark.

    Args:
        text: The text so far.
        start: Where the pending unit begins; nothing before it is looked at.
        index: The position of the mark, as found by `MARK`.
        ended: Whether no more text will come.
    """
    mark = text[index]
    if mark in _HARD:
        return "hard"
    if mark in _SOFT:
        return "soft"
    after = text[index + 1 : index + 2]
    if mark == ".":
        return _dot(text, start, index, after, ended)
    if mark in "!?;":
        if not _URL.search(text, max(start, index - 200), index):
            return "hard"
        return _by_next(after, ended, lambda: after.isspace(), "hard")
    # A comma or a colon: part of a number, a time or a URL?
    before = text[index - 1] if index > start else ""
    if before.isdigit():
        return _by_next(after, ended, lambda: not after.isdigit(), "soft")
    if mark == ":" and before.isalpha():
        return _by_next(after, ended, lambda: after not in "/\\", "soft")
    return "soft"


def _by_next(after: str, ended: bool, is_mark: Callable[[], bool], then: Meaning) -> Meaning:
    if not after:
        return then if ended else "wait"
    return then if is_mark() else "none"


def _dot(text: str, start: int, index: int, after: str, ended: bool) -> Meaning:
    if not after:
        return "hard" if ended else "wait"
    if after in _URL_GLUE:
        return "none"
    if not after.isascii() and after.isalnum() and not _CJK_CHAR.match(after):
        return "none"
    blank = text.rfind(" ", max(start, index - 24), index)
    word = text[blank + 1 : index] if blank >= 0 else text[max(start, index - 24) : index]
    if not word.isalpha():
        if word.endswith("."):
            return "hard"
        if _LIST_NUMBER.search(text, max(start, index - 24), index):
            return "none"
        match = _LAST_WORD.search(word)
        word = match.group() if match else ""
    if len(word) == 1 and word.isupper() and word != "I":
        return "none"  # an initial
    word = word.lower()
    if word in _TITLES:
        return "none"
    if word in _ENDINGS:
        rest = index + 1
        while rest < len(text) and text[rest].isspace():
            rest += 1
        if rest == len(text):
            return "hard" if ended else "wait"
        return "hard" if text[rest].isupper() else "none"
    return "hard"


def is_trailer(text: str, index: int) -> bool:
    """Whether a character belongs to the mark before it: a second mark, an accent on the first."""
    return text[index] in _TRAILERS or _joined(text, index)


def word_break(text: str, start: int, least: int, most: int) -> int | None:
    """Return the last word boundary in `least..most` of a unit that begins at `start`."""
    for index in range(most, max(least, start + 1) - 1, -1):
        left, right = text[index - 1], text[index] if index < len(text) else ""
        if left.isspace() and not right.isspace():
            number = _NO_SPACE_CUT.search(text, max(start, index - 16), index)
            if not (number and right.isalnum()):
                return index
        elif _CJK_CHAR.match(left) and (not right or _CJK_CHAR.match(right)):
            natural = left in _WORD_ENDS or right in _WORD_STARTS
            if natural and left + right not in _UNBROKEN:
                return index
    return None


def grapheme_break(text: str, start: int, index: int) -> int:
    """Return the last position in `start..index` that does not split a user-perceived character."""
    while index > start and _joined(text, index):
        index -= 1
    return index


def _joined(text: str, index: int) -> bool:
    if index >= len(text):
        return False
    left, right = text[index - 1], text[index]
    if right in "\u200d\ufe0e\ufe0f\u20e3" or left == "\u200d":
        return True
    if unicodedata.category(right) in ("Mn", "Mc", "Me") or "\U0001f3fb" <= right <= "\U0001f3ff":
        return True
    if "\ud7b0" <= right <= "\ud7ff" or "\u1160" <= right <= "\u11ff":  # Hangul vowels and tails
        return True
    if left == "\r" and right == "\n":
        return True
    if "\U0001f1e6" <= right <= "\U0001f1ff" and "\U0001f1e6" <= left <= "\U0001f1ff":
        flags = 0
        while index - 1 - flags >= 0 and "\U0001f1e6" <= text[index - 1 - flags] <= "\U0001f1ff":
            flags += 1
        return flags % 2 == 1
    return False

"""What each punctuation mark means in its place, in the ten languages."""

from __future__ import annotations

import re

from .dotted_words import MONTHS
from .full_stops import LOOK_BACK, Meaning, breaks_off, by_next, full_stop, next_of, numbers_item
from .graphemes import joined
from .measure import CJK
from .quotations import CLOSERS, PAIRED

_HARD = frozenset("。！？；…｡．\n")
_SOFT = frozenset("，、､—")
_LATIN = frozenset(".!?;,:：")
_ENDS = (_HARD | frozenset(".!?")) - {"\n", "；"}
_TRAILERS = (_HARD | _SOFT | _LATIN | CLOSERS) - {"\n"}

# Every mark except the dots and commas inside numbers and words, which end nothing whatever comes
# after them; most texts hold more of those than of any other.
MARK = re.compile(
    f"[{re.escape(''.join(sorted(_HARD | _SOFT | PAIRED)))}!?;:：]|"
    r"\.(?![A-Za-z0-9.])|(?<!\d),|,(?!\d)"
)

# "a ! = b", "5! = 120"
# An emoticon's eyes: ":D", ";-)". What is behind them may be yet to come.
_MOUTH = re.compile(r"['’]?-?[)(DPpOo3/\\\]\[]")
_MOUTH_BEGUN = re.compile(r"['’]?-?$")
# Names that hold a mark.
_NAME = re.compile(r"(?:モーニング娘|(?<!\w)(?:Yahoo|Jeopardy|Wham))$")
_VARIABLE = re.compile(r"(?<!\w)\w $|\d$|(?<![A-Za-z0-9_])[A-Za-z]$")
_VECTOR = re.compile(r"<-?\d[\d., -]{0,24}$")  # <1, 2, 3>
_ENTITY = re.compile(r"&#?\w{2,8}$")
_URL = re.compile(r"(?:\w+://|www\.)\S*$", re.IGNORECASE)
# The first of two days or hours: 5月1日—5日.
_COUNTED = frozenset("年月日号点时分周期元")
_DAY = re.compile(
    rf"(?:\b(?:{'|'.join(sorted(MONTHS))})\.?\s\d{{1,2}}(?:st|nd|rd|th)?"
    rf"|\b\d{{1,2}}(?:st|nd|rd|th)?\s(?:of\s)?(?:{'|'.join(sorted(MONTHS))}))$",
    re.IGNORECASE,
)


def meaning(text: str, start: int, index: int, ended: bool) -> Meaning:
    """Say what a mark means that is neither a bracket nor a quotation mark.

    Args:
        text: The text so far.
        start: Where the pending unit begins; before it only the line is looked at.
        index: The position of the mark, as found by `MARK`.
        ended: Whether no more text will come.
    """
    mark = text[index]
    after = text[index + 1 : index + 2]
    before = text[index - 1] if index > start else ""
    if mark in "—．" and (before.isdigit() or (mark == "—" and before in _COUNTED)):
        then: Meaning = "soft" if mark == "—" else "hard"
        return by_next(after, ended, lambda: not after.isdigit(), then)
    if mark == "、" and numbers_item(text, index):
        return "none"
    if mark in "。!" and _NAME.search(text, max(0, index - 8), index):
        rest = next_of(text, index + 1)
        return by_next(text[rest : rest + 1], ended, lambda: not _goes_on(text[rest]), "hard")
    if mark in _HARD:
        return "hard"
    if mark in _SOFT:
        return "soft"
    if mark == ".":
        return full_stop(text, start, index, ended)
    if mark == "!" and _VARIABLE.search(text, max(start, index - 3), index):
        rest = next_of(text, index + 1)
        return by_next(text[rest : rest + 1], ended, lambda: text[rest] != "=", "hard")
    if mark == "!" and before == "<":  # a comment
        return "none"
    if mark == ";" and _ENTITY.search(text, max(start, index - 10), index):
        return "none"
    if mark in ":;" and not before.strip() and index > start:
        mouth = _MOUTH.match(text, index + 1)
        if mouth and mouth.end() < len(text):
            return "soft" if text[mouth.end()].isalnum() else "none"
        if mouth or _MOUTH_BEGUN.match(text, index + 1):
            return ("none" if mouth else "soft") if ended else "wait"
    if mark in "!?;":
        if not _URL.search(text, start, index):
            return "hard"
        return by_next(after, ended, lambda: after.isspace(), "hard")
    # A comma or a colon: part of a number, a time, a date or a URL?
    if (
        mark == ","
        and (not after or after.isspace())
        and any(p.search(text, max(start, index - LOOK_BACK), index) for p in (_DAY, _VECTOR))
    ):
        rest = next_of(text, index + 1)
        return by_next(text[rest : rest + 1], ended, lambda: not text[rest].isdigit(), "soft")
    if before.isdigit():
        return by_next(after, ended, lambda: not after.isdigit(), "soft")
    if mark == ":" and _URL.search(text, max(start, index - 64), index):  # a port
        return by_next(after, ended, lambda: not after.isalnum() and after not in "/\\", "soft")
    if mark == ":" and text[max(start, index - 3) : index].lower() == "doi":
        return by_next(after, ended, lambda: not after.isdigit(), "soft")
    if mark == ":" and before.isalpha():
        return by_next(after, ended, lambda: after not in "/\\", "soft")
    return "soft"


def _goes_on(after: str) -> bool:
    """Whether what comes after a name that holds a mark goes on with its sentence."""
    return after.islower() or after in "'’-" or bool(re.match(f"[{CJK}]", after))


def goes_on(text: str, index: int, ended: bool) -> bool | None:
    """Whether a sentence goes on behind the mark before a position; None if it is yet to come.

    "meteor. si", "Yahoo! in", and a quotation: "This is great." she said.
    """
    rest = next_of(text, index)
    if rest == len(text):
        return False if ended else None
    return text[rest].islower() or text[rest] in ",–"


def is_trailer(text: str, index: int) -> bool:
    """Whether a character belongs to the mark before it: a second mark, an accent on the first."""
    return text[index] in _TRAILERS or joined(text, index)


def is_whole(text: str) -> bool:
    """Whether a text ends with a sentence, as far as that can be told without what comes next."""
    text = text.rstrip().rstrip("".join(CLOSERS))
    if not text or text[-1] not in _ENDS:
        return False
    return text[-1] != "." or text.endswith("...") or not breaks_off(text, 0, len(text) - 1)

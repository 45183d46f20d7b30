"""What each punctuation mark means in its place, in the ten languages."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Literal

from .abbreviations import (
    BEFORE_A_FIGURE,
    BEFORE_A_SMALL_LETTER,
    BEFORE_AN_ORDINAL,
    BEGINNINGS,
    GERMAN_MONTHS,
    MONTHS,
    NEVER,
    STATES,
)
from .graphemes import joined
from .measure import CJK
from .quotations import CLOSERS, PAIRED

Meaning = Literal["hard", "soft", "none", "wait"]
"""Hard marks end a sentence, soft ones allow a pause, some end nothing ("3.14"), and what some mean
only the text still to come can tell."""

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

_CJK_CHAR = re.compile(f"[{CJK}]")

# The word before a full stop, with the parts before it that end in one: "z. B", "p. ej", "U.S".
_ABBREVIATED = re.compile(
    r"(?:(?<!\w)(?:ad |[^\W\d_]{1,3}\.[ \u00a0\u202f]?)){0,3}[^\W\d_]+(?:-[^\W\d_]+)?$"
)
_LOOK_BACK = 32
# The number or the letter of an item, at the head of its line.
_ITEM = re.compile(
    r"(?:^|\n)[\s>*•⁃▪\-–]*[(（]?(?:\d{1,3}|[a-z]|[ivx]{2,4}|[一二三四五六七八九十]{1,3})$"
)
_VARIABLE = re.compile(r"(?<!\w)\w $")
_URL = re.compile(r"(?:\w+://|www\.)\S*$", re.IGNORECASE)
_URL_GLUE = frozenset("/-_@~&=?%#+:")
_DAY = re.compile(
    rf"(?:\b(?:{'|'.join(sorted(MONTHS))})\.?\s\d{{1,2}}(?:st|nd|rd|th)?"
    rf"|\b\d{{1,2}}(?:st|nd|rd|th)?\s(?:of\s)?(?:{'|'.join(sorted(MONTHS))}))$",
    re.IGNORECASE,
)
_ORDINAL = re.compile(r"(?:(?<!\w)([^\W\d_]+|[-–])\s)?\d{1,3}$")
_NUMBER = re.compile(r"(?<!\d)[1-9]\d?$")
_GERMAN = re.compile(
    r"[äöüßÄÖÜ]|\b(?:der|die|das|und|ist|am|vom|zum|im|den|dem|ein|eine|einen|nicht|wir|ich|Sie|mit|von|"
    r"für|auf|auch|wird|haben|hat|bis|seit|ab)\b"
)
_NEXT_WORD = re.compile(r"[^\W\d_]*")
# "z. B.", "d. h.", "u. a.", "p. ej.", "т. е.", and what may be left of their second part.
_FIRST_PARTS = frozenset("zdupsiтнпсид")
_SECOND_PART = re.compile(r"[^\W\d_]{0,2}(?:\.|$)")
_KNOWN = NEVER | BEFORE_A_FIGURE | STATES
_LAST_PARTS = {name.rpartition(".")[2] for name in _KNOWN | BEFORE_A_SMALL_LETTER}
_BLANKS = frozenset(" \t\u00a0\u202f")
_OPENING = frozenset("\"'“‘„«»([¿¡")


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
    if mark in "—．" and before.isdigit():
        then: Meaning = "soft" if mark == "—" else "hard"
        return _by_next(after, ended, lambda: not after.isdigit(), then)
    if mark == "、" and _ITEM.search(text, max(0, index - _LOOK_BACK), index):
        return "none"
    if mark in _HARD:
        return "hard"
    if mark in _SOFT:
        return "soft"
    if mark == ".":
        return _dot(text, start, index, after, ended)
    if mark == "!" and _VARIABLE.search(text, max(start, index - 3), index):  # "a ! = b"
        rest = _next(text, index + 1)
        return _by_next(text[rest : rest + 1], ended, lambda: text[rest] != "=", "hard")
    if mark in "!?;":
        if not _URL.search(text, start, index):
            return "hard"
        return _by_next(after, ended, lambda: after.isspace(), "hard")
    # A comma or a colon: part of a number, a time, a date or a URL?
    if (
        mark == ","
        and (not after or after.isspace())
        and _DAY.search(text, max(start, index - _LOOK_BACK), index)
    ):
        rest = _next(text, index + 1)
        return _by_next(text[rest : rest + 1], ended, lambda: not text[rest].isdigit(), "soft")
    if before.isdigit():
        return _by_next(after, ended, lambda: not after.isdigit(), "soft")
    if mark == ":" and before.isalpha():
        return _by_next(after, ended, lambda: after not in "/\\", "soft")
    return "soft"


def _by_next(after: str, ended: bool, is_mark: Callable[[], bool], then: Meaning) -> Meaning:
    if not after:
        return then if ended else "wait"
    return then if is_mark() else "none"


def _next(text: str, index: int, skipped: frozenset[str] = _BLANKS) -> int:
    """Return the position from `index` on of what is not skipped."""
    while index < len(text) and text[index] in skipped:
        index += 1
    return index


def _dot(text: str, start: int, index: int, after: str, ended: bool) -> Meaning:
    if not after:
        return "hard" if ended else "wait"
    if after in _URL_GLUE or after in ",;":
        return "none"
    if not after.isascii() and after.isalnum() and not _CJK_CHAR.match(after):
        return "none"
    before = text[index - 1] if index > start else " "
    if before.isspace():  # ". . ."
        return "none"
    from_ = max(start, index - _LOOK_BACK)
    # Most sentences end with a word that is in no table.
    last = text[text.rfind(" ", from_, index) + 1 or from_ : index]
    if len(last) > 4 and last.isalpha() and last.lower() not in _LAST_PARTS:
        return "hard"
    if _ITEM.search(text, max(0, index - _LOOK_BACK), index):
        return "none"
    if before.isdigit():
        return _after_figure(text, from_, index, ended)
    if before in "°º№":  # "N°. 12"
        rest = _next(text, index + 1)
        return _by_next(text[rest : rest + 1], ended, lambda: not text[rest].isdigit(), "hard")
    match = _ABBREVIATED.search(text, from_, index)
    if not match:
        return "hard"
    whole = match.group()
    word = whole.rpartition(".")[2].strip()
    names = _names(whole)
    rest = _next(text, index + 1)
    following = text[rest : rest + 1]
    if names & STATES:
        return _before_a_beginning(text, rest, ended)
    if word in ("г", "гг") and not re.search(r"\d\s?$", text[from_ : match.start()]):
        return "none"  # a town; behind a figure, a year
    if names & NEVER:
        return "none"
    if names & BEFORE_A_SMALL_LETTER:
        return _before_a_capital(text, rest, ended, titled=bool(names & {"a.m", "p.m"}))
    if names & BEFORE_A_FIGURE:
        if not following:
            return "hard" if ended else "wait"
        if following.isdigit() or following in "#+(№":
            return "none"
    stands = text[match.start() - 1 : match.start()] if match.start() > from_ else ""
    if (
        len(word) == 1
        and (word.isupper() or whole != word)
        and word != "I"
        and stands not in ("°", "/")
    ):
        return "none"  # an initial, or a part of an abbreviation of letters
    if word in _FIRST_PARTS and after in _BLANKS:
        part = _SECOND_PART.match(text[rest : rest + 3])
        if part and not part.group().endswith("."):
            return "hard" if ended else "wait"
        return "none" if part else "hard"
    return "hard"


def _after_figure(text: str, from_: int, index: int, ended: bool) -> Meaning:
    """Say what the full stop behind a figure means: in German it may make it an ordinal."""
    if _continues_list(text, index):
        return "none"
    match = _ORDINAL.search(text, from_, index)
    if not match or text[index + 1] not in _BLANKS:
        return "hard"
    before = (match[1] or "").lower()
    if before not in BEFORE_AN_ORDINAL and not _GERMAN.search(text, max(0, index - 200), index):
        return "hard"
    rest = _next(text, index + 1)
    word = _NEXT_WORD.match(text, rest)
    assert word
    if word.end() == len(text):
        return "hard" if ended and not word.group() else "none" if ended else "wait"
    if not word.group():
        return "none" if text[rest] in "-–" else "hard"
    if word.group()[0].islower() or word.group().lower() in GERMAN_MONTHS:
        return "none"
    return (
        "none"
        if before in BEFORE_AN_ORDINAL and word.group().lower() not in _GERMAN_BEGINNINGS
        else "hard"
    )


def _continues_list(text: str, index: int) -> bool:
    """Whether a figure numbers the next item of a list that is written in one line."""
    match = _NUMBER.search(text, max(0, index - 3), index)
    if not match:
        return False
    line = text[max(text.rfind("\n", 0, index) + 1, index - 200) : index]
    before = int(match.group()) - 1
    return before > 0 and (f"{before}. " in line or f"{before}.) " in line or f"{before}) " in line)


_GERMAN_BEGINNINGS = frozenset(
    "der die das den dem es er sie wir ich ihr man ein eine dann danach also und aber bitte wenn da so "
    "möchten können haben ist sind soll wollen dort hier heute morgen".split()
)


def _before_a_capital(text: str, rest: int, ended: bool, *, titled: bool) -> Meaning:
    rest = _next(text, rest, _BLANKS | _OPENING | {"\n"})
    if rest == len(text):
        return "hard" if ended else "wait"
    if not text[rest].isupper() and not _CJK_CHAR.match(text[rest]):
        return "none"
    if titled and text[rest] in "MD":  # "at 5 a.m. Mr. Smith"
        title = re.match(r"(?:Mr|Ms|Mrs|Dr)\.", text[rest : rest + 4])
        if not title and len(text) < rest + 4 and not ended:
            return "wait"
        return "none" if title else "hard"
    return "hard"


def _before_a_beginning(text: str, rest: int, ended: bool) -> Meaning:
    word = _NEXT_WORD.match(text, rest)
    assert word
    if word.end() == len(text) and not ended:
        return "wait"
    begins = word.group()[:1].isupper() and word.group().lower() in BEGINNINGS
    return "hard" if begins or rest == len(text) or text[rest] == "\n" else "none"


def breaks_off(text: str, start: int, index: int) -> bool:
    """Whether the full stop at a position belongs to a word that what comes next goes on from."""
    if text[index - 1 : index].isdigit():
        return True
    match = _ABBREVIATED.search(text, max(start, index - _LOOK_BACK), index)
    if not match:
        return False
    return len(match.group()) == 1 or bool(_names(match.group()) & _KNOWN)


def _names(word: str) -> set[str]:
    """Return what an abbreviation may stand under in the tables: "z. B" under "z.b" and "b"."""
    parts = re.sub(r"\s", "", word).lower().split(".")
    last = word.rpartition(".")[2].strip()
    names = {".".join(parts[i:]) for i in range(len(parts))} | {last}
    # A capital tells a German gentleman from an English hour.
    return names - {"hr", "mm"} if last in ("Hr", "MM") else names


def goes_on(text: str, index: int, ended: bool) -> bool | None:
    """Whether a sentence goes on behind the mark that ends at a position; None if it is yet to come.

    "meteor. si", "Yahoo! in", and a quotation: "This is great." she said.
    """
    rest = _next(text, index)
    if rest == len(text):
        return False if ended else None
    return text[rest].islower() or text[rest] in ",–"


def is_trailer(text: str, index: int) -> bool:
    """Whether a character belongs to the mark before it: a second mark, an accent on the first."""
    return text[index] in _TRAILERS or joined(text, index)

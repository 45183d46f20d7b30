"""What a full stop ends: a sentence, or an abbreviation, an ordinal, the number of an item."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, Literal

from .dotted_words import (
    BEFORE_A_FIGURE,
    BEFORE_A_SMALL_LETTER,
    BEFORE_AN_ORDINAL,
    BEGINNINGS,
    GERMAN,
    GERMAN_BEGINNINGS,
    GERMAN_NOUNS,
    NEVER,
    STATES,
)
from .measure import CJK

Meaning = Literal["hard", "soft", "none", "wait"]
"""Hard marks end a sentence, soft ones allow a pause, some end nothing ("3.14"), and what some mean
only the text still to come can tell."""

LOOK_BACK: Final = 32
"""No abbreviation, date or number of an item is longer than this."""

_CJK_CHAR = re.compile(f"[{CJK}]")
# The word before a full stop, with the parts before it that end in one: "z. B", "p. ej", "U.S".
_ABBREVIATED = re.compile(
    r"(?:(?<!\w)(?:ad |[^\W\d_]{1,3}\.[ \u00a0\u202f]?)){0,3}[^\W\d_]+(?:-[^\W\d_]+)?$"
)
# The number or the letter of an item, at the head of its line.
_ITEM = re.compile(
    r"(?:^|\n)[\s>*•⁃▪\-–]*[(（]?(?:\d{1,3}|[a-z]|[ivx]{2,4}|[一二三四五六七八九十]{1,3})$"
)
_ZONE = re.compile(r"(?:[ECMP][SD]?T|UTC|GMT)(?!\w)")
# As words in small letters these end sentences: "one more rep."
_TITLES = frozenset(("Rep", "App", "Gent"))
_URL_GLUE = frozenset("/-_@~&=?%#+:")
_ORDINAL = re.compile(r"(?:(?<!\w)([^\W\d_]+|[-–])\s)?\d{1,3}$")
_NUMBER = re.compile(r"(?<!\d)[1-9]\d?$")
_GERMAN = re.compile(
    r"[äöüßÄÖÜ]|\b(?:der|die|das|und|ist|am|vom|zum|im|den|dem|ein|eine|einen|nicht|wir|ich|Sie|mit|von|"
    r"für|auf|auch|wird|haben|hat|bis|seit|ab|bei|zu|sind|oder|nach|pro|Der|Das|Wir|Bitte|bitte)\b"
)
_NEXT_WORD = re.compile(r"[^\W\d_]*")
# "z. B.", "d. h.", "u. a.", "p. ej.", "т. е.", and what may be left of their second part.
_FIRST_PARTS = frozenset("zdupsaivтнпсид")
_SECOND_PART = re.compile(r"[^\W\d_]{0,2}(?:\.|$)")
_KNOWN = NEVER | BEFORE_A_FIGURE | STATES
_LAST_PARTS = {name.rpartition(".")[2] for name in _KNOWN | GERMAN | BEFORE_A_SMALL_LETTER}
_WINDS = frozenset(("N", "S", "E", "W", "NW", "NE", "SW", "SE"))
_ROMAN = re.compile("[IVXL]{1,6}")
_FIRMS = frozenset(("KG", "OHG", "KGaA", "GmbH"))
# "A yes or a no. 5 people": the answer, not the abbreviation of a number.
A_NO = re.compile(
    r"(?:(?<!\w)(?:a|or|yes|says?|said|answer (?:is|was)|answered|firm|big|hard|just|simply|means?)"
    r"|[,;:—]) $"
)
_BLANKS = frozenset(" \t\u00a0\u202f")
_OPENING = frozenset("\"'“‘„«»([¿¡")


def numbers_item(text: str, index: int) -> bool:
    """Whether the mark at a position stands behind an item's number, at the head of its line."""
    return bool(_ITEM.search(text, max(0, index - LOOK_BACK), index))


def by_next(after: str, ended: bool, is_mark: Callable[[], bool], then: Meaning) -> Meaning:
    """Return what a mark means by what comes after it, which may be yet to come."""
    if not after:
        return then if ended else "wait"
    return then if is_mark() else "none"


def next_of(text: str, index: int, skipped: frozenset[str] = _BLANKS) -> int:
    """Return the position from `index` on of what is not skipped."""
    while index < len(text) and text[index] in skipped:
        index += 1
    return index


def full_stop(text: str, start: int, index: int, ended: bool) -> Meaning:
    """Say what a full stop means; see `breaks.meaning` for the arguments."""
    after = text[index + 1 : index + 2]
    if not after:
        return "hard" if ended else "wait"
    if after in _URL_GLUE or after in ",;":
        return "none"
    if not after.isascii() and after.isalnum() and not _CJK_CHAR.match(after):
        return "none"
    before = text[index - 1] if index > start else " "
    if before.isspace():  # ". . ."
        return "none"
    from_ = max(start, index - LOOK_BACK)
    # Most sentences end with a word that is in no table.
    last = text[text.rfind(" ", from_, index) + 1 or from_ : index]
    if len(last) > 4 and last.isalpha() and last.lower() not in _LAST_PARTS:
        return "hard"
    if numbers_item(text, index):
        return "none"
    if before.isdigit():
        return _after_figure(text, from_, index, ended)
    if before in "°º№":  # "N°. 12"
        rest = next_of(text, index + 1)
        return by_next(text[rest : rest + 1], ended, lambda: not text[rest].isdigit(), "hard")
    match = _ABBREVIATED.search(text, from_, index)
    if not match:
        return "hard"
    whole = match.group()
    word = whole.rpartition(".")[2].strip()
    names = _names(whole)
    if names & GERMAN and _GERMAN.search(text, max(0, index - 200), index):
        return "none"
    rest = next_of(text, index + 1)
    following = text[rest : rest + 1]
    if names & STATES:
        return _before_a_beginning(text, rest, ended)
    if word in ("г", "гг") and not re.search(r"\d\s?$", text[from_ : match.start()]):
        return "none"  # a town; behind a figure, a year
    if names & NEVER or word in _TITLES:
        return "none"
    if word == "Co" and (goes := _in_a_firm(text, rest, ended)):
        return goes
    if names & BEFORE_A_SMALL_LETTER:
        return _before_a_capital(text, rest, ended, titled=bool(names & {"a.m", "p.m"}))
    if word == "no" and A_NO.search(text, max(0, index - LOOK_BACK), match.start()):
        return "hard"
    if names & BEFORE_A_FIGURE:
        if not following:
            return "hard" if ended else "wait"
        if following.isdigit() or following in "#+(№":
            return "none"
        if roman := _ROMAN.match(text, rest):
            if roman.end() == len(text) and not ended:
                return "wait"
            if roman.group() != "I" and not text[roman.end() : roman.end() + 1].isalnum():
                return "none"
    if len(word) > 1 and _ROMAN.fullmatch(word):  # German: "Friedrich III. war"
        return by_next(following, ended, lambda: not following.islower(), "hard")
    if len(word) == 1 and (word.isupper() or whole != word) and word != "I":
        # An initial, or a part of an abbreviation of letters; "35 °C" and "km/h" are neither.
        return "hard" if text[max(from_, match.start() - 1)] in "°/" else "none"
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
    match = _ORDINAL.search(text, max(0, index - LOOK_BACK), index)
    if not match or text[index + 1] not in _BLANKS:
        return "hard"
    before = (match[1] or "").lower()
    if before == "am" and text[: match.start()].endswith("I "):  # English
        return "hard"
    if before not in BEFORE_AN_ORDINAL and not _GERMAN.search(text, max(0, index - 200), index):
        return "hard"
    rest = next_of(text, index + 1)
    word = _NEXT_WORD.match(text, rest)
    assert word
    if word.end() == len(text) and not ended:
        return "wait"
    if not word.group():
        return "none" if text[rest : rest + 1] in ("-", "–") else "hard"
    noun = word.group().lower()
    ordinal = before in BEFORE_AN_ORDINAL and noun not in GERMAN_BEGINNINGS
    return "none" if ordinal or word.group()[0].islower() or noun in GERMAN_NOUNS else "hard"


def _continues_list(text: str, index: int) -> bool:
    """Whether a figure numbers the next item of a list that is written in one line."""
    match = _NUMBER.search(text, max(0, index - 3), index)
    if not match:
        return False
    line = text[max(text.rfind("\n", 0, index) + 1, index - 200) : index]
    before = int(match.group()) - 1
    return before > 0 and (f"{before}. " in line or f"{before}.) " in line or f"{before}) " in line)


def _before_a_capital(text: str, rest: int, ended: bool, *, titled: bool) -> Meaning:
    rest = next_of(text, rest, _BLANKS | _OPENING | {"\n"})
    if rest == len(text):
        return "hard" if ended else "wait"
    if not text[rest].isupper() and not _CJK_CHAR.match(text[rest]):
        return "none"
    word = _NEXT_WORD.match(text, rest)
    assert word
    if word.end() == len(text) <= rest + 2 and text[rest] in "NSEW" and not ended:
        return "wait"
    if word.group() in _WINDS:  # "5th Ave. NW"
        return "none"
    if titled and text[rest] in "ECMPUG":  # "3 p.m. EST"
        zone = _ZONE.match(text[rest : rest + 4])
        if len(text) < rest + 4 and not ended and text[rest:].isupper():
            return "wait"
        if zone:
            return "none"
    if titled and text[rest] in "MD":  # "at 5 a.m. Mr. Smith"
        title = re.match(r"(?:Mr|Ms|Mrs|Dr)\.", text[rest : rest + 4])
        if not title and len(text) < rest + 4 and not ended:
            return "wait"
        return "none" if title else "hard"
    return "hard"


def _in_a_firm(text: str, rest: int, ended: bool) -> Meaning | None:
    """Say that the full stop of "& Co. KG" ends nothing; None for any other word behind it."""
    word = _NEXT_WORD.match(text, rest)
    assert word
    if word.group() and word.end() == len(text) and not ended:
        return "wait" if any(firm.startswith(word.group()) for firm in _FIRMS) else None
    return "none" if word.group() in _FIRMS else None


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
    match = _ABBREVIATED.search(text, max(start, index - LOOK_BACK), index)
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

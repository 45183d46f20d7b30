"""What the words say about the end of a turn: a clause that is finished, unfinished, or neither.

A transcript is the best witness against an end: nobody stops after "with the" or "因为". Of an end
it says less, for most sentences could go on; the voice has to say the rest. Punctuation is hardly
used: a recogniser puts a full stop behind whatever it was given.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import Protocol

from ...languages import LANGUAGES
from ...languages.tags import primary, read_together
from . import en as clause_en
from . import zh as clause_zh
from .listed import listed
from .preface import is_preface


class Clause(Enum):
    """How a transcript ends."""

    FINISHED = "finished"
    """A question, an answer or a request that wants nothing more."""
    OPEN = "open"
    """It may be all; it may go on."""
    PREFACE = "preface"
    """A greeting, thanks, an excuse or a word that stops the agent, and nothing else yet."""
    WISH = "wish"
    """Something is wanted that has to be arranged, and nothing is said yet of when or how many."""
    UNFINISHED = "unfinished"
    """In the middle of a clause or a number, or with a hesitation."""


class _Grammar(Protocol):
    def is_unfinished(self, clause: str, text: str) -> bool: ...

    def is_finished(self, clause: str) -> bool: ...


# A recogniser that writes these heard the voice go on, or trail off.
_TRAILING_OFF = re.compile(r"(?:[,，、：:—–-]|\.\.\.|…)\s*$")
_CHINESE = re.compile(r"[\u3400-\u9fff]")
_LATIN = re.compile(r"[A-Za-z]")


def read(text: str, language: str = "") -> Clause:
    """Say how a transcript ends.

    Args:
        text: All of the turn so far, with or without punctuation.
        language: The language that the recogniser heard, as a tag of ISO 639 or BCP-47; told from
            the script, where Latin letters are English, if it is empty. Of a language that there
            are no words of only a mark that trails off is read: the clause is open otherwise.
    """
    if not any(c.isalnum() for c in text):
        return Clause.OPEN
    if _TRAILING_OFF.search(text):
        return Clause.UNFINISHED
    if is_preface(text, language):
        # "Hello?" and "Sorry?" want an answer.
        return Clause.FINISHED if text.rstrip().endswith(("?", "？")) else Clause.PREFACE
    # The last clause decides: "I was there. And then the" is as unfinished as "and then the".
    last = re.split(r"[。！？!?；;]|\.(?:\s|$)", text.strip().rstrip("。！？!?；;."))[-1]
    grammar = _grammar(text, last, language)
    if grammar is None:
        return Clause.OPEN
    if grammar.is_unfinished(last, text):
        return Clause.UNFINISHED
    # What is thanked for was said before.
    if grammar.is_finished(last) or is_preface(last, language):
        return Clause.FINISHED
    return Clause.WISH if grammar is clause_zh and clause_zh.is_wish(last) else Clause.OPEN


def _grammar(text: str, last: str, language: str) -> _Grammar | None:
    """The rules by which a clause is read; None if there are none."""
    read_in = read_together(language, text)
    if len(read_in) == 1:
        return listed(read_in[0])
    foreign = any(map(str.isalpha, text)) and not (_CHINESE.search(text) or _LATIN.search(text))
    if primary(language) not in LANGUAGES if language else foreign:
        return None
    # A Chinese speaker may end in English, and the other way round: the script decides.
    return clause_zh if _CHINESE.search(last) else clause_en

"""Cuts text into stretches, each of which one voice speaks in one breath."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Language = Literal["zh", "en"]

HAN = re.compile(r"[\u3400-\u9fff]")
_LATIN_WORD = re.compile(r"[A-Za-z][A-Za-z'’-]*")
# A clause ends at a Chinese mark, or at a Latin one before a space: not in 3.14 or 7:30.
_CLAUSE = re.compile(r".+?(?:[。！？；，、：…]+[”’』」）]*|[.!?;:,]+[\"')]*(?=\s|$)|\n|$)", re.S)

FEW_WORDS = 3
"""Most English words with which a clause within Chinese text stays with the Chinese voice."""

GROWTH = 2
"""How much longer a Chinese stretch may be than the one before it: at a real-time factor of 0.4 it
is made while the other plays. The first is a single clause, so that speech begins soon."""

LONGEST = 60
"""Characters of one Chinese stretch; the voice reads about 100 at most."""


@dataclass(frozen=True)
class Stretch:
    """Text for one voice."""

    text: str
    language: Language

    @property
    def pause(self) -> float:
        """Silence to leave after it, in seconds."""
        mark = self.text.rstrip("”’』」）\"') \n")[-1:]
        if mark in "。！？.!?…":
            return 0.25
        return 0.12 if mark in "，；：、,;:" else 0.03


def stretches(text: str, default: Language) -> list[Stretch]:
    """Split text where the language changes, and Chinese also at the end of a clause.

    Args:
        text: The text to be spoken.
        default: Language of what has neither Chinese characters nor Latin letters, such as 42.
    """
    chinese = bool(HAN.search(text))
    found: list[Stretch] = []
    for clause in _CLAUSE.findall(text):
        last = found[-1] if found else None
        if not re.search(r"\w", clause):
            language = last.language if last else default
        else:
            language = _language(clause, "zh" if chinese else default, chinese)
        if last and last.language == language and _fits(found, clause):
            found[-1] = Stretch(last.text + clause, language)
        else:
            found.append(Stretch(clause, language))
    return [stretch for stretch in found if re.search(r"\w", stretch.text)]


def _language(clause: str, default: Language, mixed: bool) -> Language:
    if HAN.search(clause):
        return "zh"
    words = len(_LATIN_WORD.findall(clause))
    if words == 0:
        return default
    return "zh" if mixed and words <= FEW_WORDS else "en"


def _fits(found: list[Stretch], clause: str) -> bool:
    """Whether a clause may join the last stretch.

    English always may, as its voice cuts sentences itself and takes no time; so may a mark
    without words.
    """
    last = found[-1]
    if last.language == "en" or not re.search(r"\w", clause):
        return True
    length = len(last.text) + len(clause)
    return len(found) > 1 and length <= min(GROWTH * len(found[-2].text), LONGEST)

"""Whether a question is all that somebody says: "excuse me, what time is it?"."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import product

from .languages import Language, words

_TYPED = str.maketrans(
    # Full-width signs and figures, as Chinese and Japanese keyboards write them.
    {chr(code): chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)}
    | {"’": "'", "\u3000": " ", "\u00a0": " ", "\u202f": " ", "¿": "", "¡": ""}
)
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|(?<=[。!?])(?=\w)|\n")
_MOST_AROUND = 6
"""Of such words on either side; more of them are no plain question."""
_AT_THE_ENDS = " \t\n.,;:!?…。、~\"'“”«»()"


def asked(text: str, language: Language, questions: Iterable[str]) -> Iterator[re.Match[str]]:
    """The sentences of a text, or all of it, that are one of some questions and nothing else.

    A greeting or a "please" may stand around a question.

    Args:
        text: What somebody said or typed.
        language: Whose words may stand around it.
        questions: Regular expressions.
    """
    patterns = [_compiled(question) for question in questions]
    said = text.translate(_TYPED)
    # All of it first: a point ends no sentence in "St. Petersburg".
    for sentence in dict.fromkeys((said, *_SENTENCE_END.split(said))):
        plain = " ".join(sentence.strip(_AT_THE_ENDS).split())
        # The shortest first, so that "in Tokyo right now" is Tokyo.
        starts, ends = _starts(plain, language), _ends(plain, language)
        for start, end in product(reversed(starts), reversed(ends)):
            for pattern in patterns:
                if found := pattern.fullmatch(plain, start, end):
                    yield found


def _starts(text: str, language: Language) -> list[int]:
    """Where the question may begin: first of all, and after each word that stands before it."""
    before, starts = _around(language)[0], [0]
    while len(starts) <= _MOST_AROUND and (found := before.match(text, starts[-1])):
        starts.append(found.end())
    return starts


def _ends(text: str, language: Language) -> list[int]:
    """Where it may end: last of all, and before each word that stands after it."""
    after, ends = _around(language)[1], [len(text)]
    while len(ends) <= _MOST_AROUND and (found := after.search(text, 0, ends[-1])):
        ends.append(found.start())
    return ends


@cache
def _around(language: Language) -> tuple[re.Pattern[str], re.Pattern[str]]:
    around = rf"(?:{words(language).facts.around})"
    # Between words of Chinese and Japanese there is nothing to be seen.
    between = r"(?:[\s,、!]+|(?<=[\u3040-\u30ff\u4e00-\u9fff]))"
    return (
        re.compile(rf"{around}{between}", re.IGNORECASE),
        re.compile(rf"{between}{around}$", re.IGNORECASE),
    )


@cache
def _compiled(question: str) -> re.Pattern[str]:
    return re.compile(question, re.IGNORECASE)

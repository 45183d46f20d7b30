"""Whether a question is all that somebody says: "excuse me, what time is it?"."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache

from .languages import Language, words

_TYPED = str.maketrans(
    # Full-width signs and figures, as Chinese and Japanese keyboards write them.
    {chr(code): chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)}
    | {"’": "'", "\u3000": " ", "\u00a0": " ", "\u202f": " ", "¿": "", "¡": ""}
)
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|(?<=[。!?])(?=\w)|\n")
_AT_THE_ENDS = " \t\n.,;:!?…。、~\"'“”«»()"


def asked(text: str, language: Language, questions: Iterable[str]) -> Iterator[re.Match[str]]:
    """The sentences of a text, or all of it, that are one of some questions and nothing else.

    A greeting or a "please" may stand around a question.

    Args:
        text: What somebody said or typed.
        language: Whose words may stand around it.
        questions: Regular expressions.
    """
    patterns = [_whole(language, question) for question in questions]
    said = text.translate(_TYPED)
    # All of it first: a point ends no sentence in "St. Petersburg".
    for sentence in dict.fromkeys((said, *_SENTENCE_END.split(said))):
        plain = " ".join(sentence.strip(_AT_THE_ENDS).split())
        for pattern in patterns:
            if found := pattern.fullmatch(plain):
                yield found


@cache
def _whole(language: Language, question: str) -> re.Pattern[str]:
    # Between words of Chinese and Japanese there is nothing to be seen.
    around = rf"(?:{words(language).facts.around})(?:\b|(?<=[\u3040-\u9fff]))"
    return re.compile(
        rf"(?:{around}[\s,、!]*)*(?:{question})(?:[\s,、!]*(?:\b|(?<=[\u3040-\u9fff=])){around})*",
        re.IGNORECASE,
    )

"""Which languages' words are looked for in what somebody says."""

from __future__ import annotations

import re

from . import LANGUAGES

# Whoever speaks Chinese says "okay" and "stop" too, and a recogniser takes one for the other.
_TOGETHER = ("en", "zh")
# What recognisers write that do not say which language they heard.
_UNSAID = frozenset({"", "und", "mul", "multi", "auto"})
# Writing by which a language is told: one alone has each of the first three, and Latin letters are
# English.
_SCRIPTS = (
    ("ja", re.compile("[ぁ-ゖァ-ヺ]")),
    ("ko", re.compile("[가-힣ㄱ-ㅣ]")),
    ("ru", re.compile("[а-яё]", re.IGNORECASE)),
    ("zh", re.compile("[\u3400-\u9fff]")),
    ("en", re.compile("[a-z]", re.IGNORECASE)),
)


def primary(tag: str) -> str:
    """The language of a tag of BCP-47, as :data:`.LANGUAGES` has it: ``zh`` of ``yue-HK``."""
    first = re.split("[-_]", tag.lower(), maxsplit=1)[0]
    return "zh" if first in ("yue", "cmn") else first


def language_of(tag: str, text: str) -> str:
    """The language of some words, told from the script where no tag says it.

    Args:
        tag: The language that a recogniser heard, as a tag of BCP-47; may be empty.
        text: The words.

    Returns:
        A language as :func:`primary` gives it; ``und`` for letters that no language here is
        written in, and nothing where there are no letters.
    """
    if (language := primary(tag)) not in _UNSAID:
        return language
    if found := next((name for name, script in _SCRIPTS if script.search(text)), ""):
        return found
    return "und" if any(map(str.isalpha, text)) else ""


def read_together(tag: str, text: str) -> tuple[str, ...]:
    """The languages whose words are looked for in a text.

    English and Chinese are read together. Of the languages in Latin letters each is read by itself,
    for "um" and "er" are words in some of them.

    Args:
        tag: The language that a recogniser heard; told from the script if it is empty, by which
            Latin letters are English.
        text: The words.
    """
    language = language_of(tag, text)
    if language in _TOGETHER or language not in LANGUAGES:
        return _TOGETHER
    return (language,)

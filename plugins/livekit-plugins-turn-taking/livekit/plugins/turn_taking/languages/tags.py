"""Which languages' words are looked for in what somebody says."""

from __future__ import annotations

import re

from . import LANGUAGES

# Whoever speaks Chinese says "okay" and "stop" too, and a recogniser takes one for the other.
_TOGETHER = ("en", "zh")
# Writing that only one of the languages has; in it nothing is mistaken for a word of another.
_SCRIPTS = (
    ("ja", re.compile("[ぁ-ゖァ-ヺ]")),
    ("ko", re.compile("[가-힣ㄱ-ㅣ]")),
    ("ru", re.compile("[а-яё]", re.IGNORECASE)),
)


def primary(tag: str) -> str:
    """The language of a tag of BCP-47, as :data:`.LANGUAGES` has it: ``zh`` of ``yue-HK``."""
    first = re.split("[-_]", tag.lower(), maxsplit=1)[0]
    return "zh" if first in ("yue", "cmn") else first


def read_together(tag: str, text: str) -> tuple[str, ...]:
    """The languages whose words are looked for in a text.

    English and Chinese are read together. Of the languages in Latin letters each is read by itself,
    for "um" and "er" are words in some of them.

    Args:
        tag: The language that a recogniser heard; told from the script if it is empty, by which
            Latin letters are English.
        text: The words.
    """
    language = primary(tag)
    if not language:
        language = next((name for name, script in _SCRIPTS if script.search(text)), "en")
    if language in _TOGETHER or language not in LANGUAGES:
        return _TOGETHER
    return (language,)

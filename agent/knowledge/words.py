"""Text as a full-text index takes it: words, and characters where there are no spaces.

Chinese, Japanese and Korean are found by their pairs of neighbouring characters, and Chinese and
Korean by single ones as well. Of 30 questions in Chinese about a folder of 25 passages that finds
25 at first place and 28 among three; with the words of a dictionary (jieba) in place of pairs it is
24 and 28, with both 23 and 28, and with the words alone 18 and 22. Pairs need no dictionary, and
know names and kanji as well as any other word.
"""

from __future__ import annotations

import re
import unicodedata
from itertools import pairwise
from pathlib import Path

_HANZI = "\u3400-\u4dbf\u4e00-\u9fff々"
_HIRAGANA, _KATAKANA, _HANGUL = "\u3041-\u309f", "\u30a0-\u30ff", "\uac00-\ud7a3"
_RUN = re.compile(
    rf"(?P<hanzi>[{_HANZI}]+)|(?P<kana>[{_HIRAGANA}]+|[{_KATAKANA}]+)|(?P<hangul>[{_HANGUL}]+)"
    rf"|(?P<word>[^\W_{_HANZI}{_HIRAGANA}{_KATAKANA}{_HANGUL}]+)"
)
_STOP_HANZI = frozenset("的了吗呢吧啊呀我你您他她它们是在和与或也都就还很请什么怎哪谁这那把被")
"""Characters of which words of grammar are made: nothing is looked for by them."""
_GRAMMAR = re.compile(rf"[{_HIRAGANA}]+")
"""A pair of hiragana is an ending or a particle, in nearly every case."""

_WIDE = re.compile(f"[{_HANZI}{_HIRAGANA}{_KATAKANA}{_HANGUL}]")
_FEW = 3

_STOP = frozenset(Path(__file__).with_name("stop_words.txt").read_text(encoding="utf-8").split())
"""What questions are asked with, in the languages that are spoken. A word that is one in German and
means something in English, such as "die", is not among them."""


def index_words(text: str) -> str:
    """The words of a text, for the index, with spaces between them."""
    return " ".join(_words(text))


def query_words(text: str) -> list[str]:
    """The words of a question that are worth looking for, each once, in their order."""
    found = (
        word
        for word in _words(text)
        if word not in _STOP
        and not _STOP_HANZI.intersection(word)
        and not _GRAMMAR.fullmatch(word)
        and (len(word) > 1 or not "a" <= word <= "z")
    )
    return list(dict.fromkeys(found))


def says_little(text: str) -> bool:
    """Whether a question has so few words that it goes on from the one before: "on Sundays?"."""
    # Each character of a language without spaces is a word, and so is each pair of them.
    words = [word for word in query_words(text) if not (len(word) == 2 and _WIDE.search(word))]
    return len(words) < _FEW


def _words(text: str) -> list[str]:
    found: list[str] = []
    for run in _RUN.finditer(unicodedata.normalize("NFKC", text).casefold()):
        of = run.group()
        match run.lastgroup:
            case "kana":
                found += _pairs(of)
            case "hanzi" | "hangul":
                found += of
                found += _pairs(of)
            case _:
                found.append(of)
    return found


def _pairs(run: str) -> list[str]:
    return [a + b for a, b in pairwise(run)]

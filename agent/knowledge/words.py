"""Text as a full-text index takes it: words, and pairs of characters where there are no spaces.

Chinese is cut into words by a dictionary. A name that is in no dictionary, Japanese (whose kanji a
Chinese dictionary cuts wrongly) and Korean (whose words carry their particles) are found by every
pair of neighbouring characters, so hanzi are indexed both ways.
"""

from __future__ import annotations

import re
import unicodedata
from itertools import pairwise
from pathlib import Path

import rjieba

_HANZI = "\u3400-\u4dbf\u4e00-\u9fff々"
_HIRAGANA, _KATAKANA, _HANGUL = "\u3041-\u309f", "\u30a0-\u30ff", "\uac00-\ud7a3"
_RUN = re.compile(
    rf"(?P<hanzi>[{_HANZI}]+)|(?P<kana>[{_HIRAGANA}{_KATAKANA}]+)|(?P<hangul>[{_HANGUL}]+)"
    rf"|(?P<word>[^\W_{_HANZI}{_HIRAGANA}{_KATAKANA}{_HANGUL}]+)"
)
_GRAMMAR = re.compile(rf"[{_HIRAGANA}]+")
"""A pair of hiragana is an ending or a particle, in nearly every case."""

_STOP = frozenset(Path(__file__).with_name("stop_words.txt").read_text(encoding="utf-8").split())
"""What questions are asked with, in the languages that are spoken. A word that is one in German and
means something in English, such as "die", is not among them."""
_STOP_HANZI = frozenset("的了吗呢吧啊呀我你您他她它们是在和与或也都就还很请什么怎哪谁这那把被")
"""A pair of characters with one of these in it runs across two words."""


def index_words(text: str) -> str:
    """The words of a text, for the index, with spaces between them."""
    return " ".join(_words(text))


def query_words(text: str) -> list[str]:
    """The words of a question that are worth looking for, each once, in their order."""
    found = (
        word
        for word in _words(text)
        if word not in _STOP
        and (len(word) > 1 or word.isdigit() or _is_hanzi(word))
        and not _GRAMMAR.fullmatch(word)
    )
    return list(dict.fromkeys(found))


def _words(text: str) -> list[str]:
    found: list[str] = []
    for run in _RUN.finditer(unicodedata.normalize("NFKC", text).casefold()):
        of = run.group()
        match run.lastgroup:
            case "hanzi":
                words = rjieba.cut_for_search(of)
                known = set(words)
                found += words
                found += [
                    pair
                    for pair in _pairs(of)
                    if pair not in known and not _STOP_HANZI.intersection(pair)
                ]
            case "kana" | "hangul":
                found += _pairs(of)
            case _:
                found.append(of)
    return found


def _pairs(run: str) -> list[str]:
    return [a + b for a, b in pairwise(run)] or [run]


def _is_hanzi(word: str) -> bool:
    return re.fullmatch(f"[{_HANZI}]", word) is not None


def tokens(text: str) -> int:
    """About how many tokens a language model takes a text for.

    Four letters a token and one for each character of Chinese, Japanese or Korean, which is what
    the vocabularies of large models come to, to a fifth.
    """
    wide = len(re.findall(rf"[{_HANZI}{_HIRAGANA}{_KATAKANA}{_HANGUL}]", text))
    return wide + -(-(len(text) - wide) // 4)

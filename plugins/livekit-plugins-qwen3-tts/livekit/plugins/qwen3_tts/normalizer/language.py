"""Which language each part of a text is in: Chinese or English, by the words around it."""

from __future__ import annotations

import re
from collections.abc import Iterator

HAN = "\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"

# A language may change after these and nowhere else: "他说：I have 3 apples。"
_CLAUSE = re.compile(r"(?<=[。！？；，：\n“”「」])|(?<=[.!?:;\"])(?=\s)|(?<=\s)(?=\")", re.ASCII)
_HAN = re.compile(rf"[{HAN}]")
# Up to three letters after a figure are its unit (5kg, 3 pm), not words of a sentence.
_WORD = re.compile(
    r"(?<![A-Za-z0-9./@:_'-])(?:(?<!\d )[A-Za-z]|(?<=\d )[A-Za-z]{4})[A-Za-z']*(?![\w@/])", re.ASCII
)
_NO_WORD = re.compile(r"https?://\S+|\S+@\S+")

# Particles and pronouns say which sentence a foreign word stands in: in "He said 你好 3 times"
# they are English, in "我用 pip install 安装" Chinese. Each outweighs the nouns it governs.
_ENGLISH_PARTICLES = frozenset(
    [
        "i",
        "a",
        "an",
        "the",
        "is",
        "are",
        "was",
        "were",
        "be",
        "been",
        "it",
        "he",
        "she",
        "we",
        "you",
        "they",
        "my",
        "your",
        "his",
        "her",
        "its",
        "our",
        "their",
        "this",
        "that",
        "of",
        "to",
        "in",
        "on",
        "at",
        "by",
        "for",
        "from",
        "with",
        "and",
        "or",
        "not",
        "do",
        "does",
        "did",
        "has",
        "have",
        "had",
        "will",
        "can",
    ]
)
_CHINESE_PARTICLES = frozenset(
    "的了是在我你他她它有和个吗呢吧这那不也就都要把被给到用请为跟与比从对"
)
_PARTICLE_WEIGHT = 2


def _vote(text: str) -> str | None:
    """Returns the language of a clause, or None if it holds only names and figures."""
    words = _WORD.findall(_NO_WORD.sub(" ", text))
    # A capital inside a Chinese sentence is a name (iPhone, Python) and has no vote.
    # A letter or two are a variable or a unit ("x", "ma"), unless they are a particle.
    english = sum(word.islower() and len(word) > 2 for word in words)
    english += _PARTICLE_WEIGHT * sum(word.lower() in _ENGLISH_PARTICLES for word in words)
    han: list[str] = _HAN.findall(text)
    chinese = len(han) + _PARTICLE_WEIGHT * sum(char in _CHINESE_PARTICLES for char in han)
    if chinese == english == 0:
        return None
    return "zh" if chinese > english else "en"


def split_by_language(text: str, hint: str | None) -> Iterator[tuple[str, str | None]]:
    """Yields the text in pieces, each with its language.

    A clause without words of its own takes the language of the whole text, then the hint, then
    that of its punctuation; it is None only where there is nothing to tell it by.
    """
    whole = _vote(text)
    if whole is None:
        whole = hint
    if whole is None and re.search(r"[。！？；，：、￥]", text):
        whole = "zh"
    if whole is None and re.search(r"[A-Za-z]{2}", text):
        whole = "en"
    piece, language = "", whole
    for clause in _CLAUSE.split(text):
        vote = _vote(clause) or whole
        if vote != language and piece:
            yield piece, language
            piece = ""
        piece, language = piece + clause, vote
    if piece:
        yield piece, language

"""What a user says between two parts of a long answer, in any of the languages."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ..languages import LANGUAGES, words

_UNSPACED = "㐀-鿿ぁ-ゖァ-ヺー"
_HANGUL = "가-힣"
_SYLLABLES = 2
"""Of a Korean word, which has its particles at its end."""
_LETTERS = 5
"""Of a word, which may have another ending."""
_TERM = re.compile(
    rf"[㐀-鿿]|[{_HANGUL}]{{{_SYLLABLES},}}|[^\W\d_{_UNSPACED}{_HANGUL}]{{{_LETTERS - 1},}}"
)


def _any(texts: Iterable[str]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{text})" for text in texts))


_WORDS = [words(language).long_answers for language in LANGUAGES]
_GO_ON = _any(text for each in _WORDS for text in each.go_on)
_ATTENTION = _any(text for each in _WORDS for text in each.attention)
_HOLD = _any(text for each in _WORDS for text in each.hold)
_EMPTY = _any(
    text if re.search(f"[{_UNSPACED}]", text) else rf"\b{text}\b"
    for each in _WORDS
    for text in each.empty
)


def asks_to_go_on(text: str) -> bool:
    """Whether a text asks for the next part, and nothing more."""
    return bool(_GO_ON.fullmatch(_plain(text)))


def shows_attention(text: str) -> bool:
    """Whether a text shows that somebody listens, and nothing more."""
    return bool(_ATTENTION.fullmatch(_plain(text)))


def asks_to_wait(text: str) -> bool:
    """Whether a text asks for a moment, and nothing more."""
    return bool(_HOLD.fullmatch(_plain(text)))


def topics(text: str) -> set[str]:
    """What a text is about: the beginnings of its longer words, and its Chinese characters."""
    bare = _EMPTY.sub(" ", text.lower())
    return {
        term[: _SYLLABLES if re.match(f"[{_HANGUL}]", term) else _LETTERS]
        for term in _TERM.findall(bare)
    }


def _plain(text: str) -> str:
    return " ".join(re.sub(r"[^\w]+", " ", text.lower()).split())

"""Phrases, and what is recognised, as they are compared.

Case, punctuation and the difference between writing systems are taken away, so that "Uh-huh." and
"uh huh", 對 and 对 are one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

# Traditional characters and simplified ones, and the letter that Russians seldom write.
_SAME = str.maketrans(
    "對嗎這樣來說夠閉靜會兒當實錯懂訴聽請著們個時還麼誒氣ё",
    "对吗这样来说够闭静会儿当实错懂诉听请着们个时还么诶气е",
)
# Chinese and Japanese are written without blanks.
_UNSPACED = "㐀-鿿ぁ-ゖァ-ヺー"
_TOKEN = re.compile(rf"[{_UNSPACED}]|[^\W_{_UNSPACED}]+(?:'[^\W_{_UNSPACED}]+)*")


def tokens(text: str) -> tuple[str, ...]:
    """Return the words of a text, without case or punctuation.

    In Chinese and Japanese each character is one.
    """
    plain = text.lower().replace("’", "'").translate(_SAME)
    return tuple(_TOKEN.findall(plain))


class Phrases:
    """A set of phrases, as they are compared."""

    def __init__(self, texts: Iterable[str]) -> None:
        self.all = frozenset(tokens(text) for text in texts)
        self._longest = max(map(len, self.all), default=0)

    def at_front(self, said: Sequence[str]) -> int:
        """How many words the longest one at the front of some words has; 0 if there is none."""
        most = min(self._longest, len(said))
        return next((n for n in range(most, 0, -1) if tuple(said[:n]) in self.all), 0)

    def taken_from(self, said: Sequence[str]) -> tuple[str, ...]:
        """What remains of some words when phrases are taken from the front, the longest first."""
        left = tuple(said)
        while taken := self.at_front(left):
            left = left[taken:]
        return left

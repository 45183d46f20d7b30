"""Sets of words, written as they are read."""

from __future__ import annotations


def any_of(words: str, separator: str = " ") -> frozenset[str]:
    """The words of a line of text."""
    return frozenset(words.split(separator))

"""User-perceived characters: a letter with its accents, an emoji of several, a flag."""

from __future__ import annotations

import unicodedata


def grapheme_break(text: str, start: int, index: int) -> int:
    """Return the last position in `start..index` that does not split a user-perceived character."""
    while index > start and joined(text, index):
        index -= 1
    return index


def joined(text: str, index: int) -> bool:
    """Whether the characters before and after a position are one to the eye."""
    if index >= len(text):
        return False
    left, right = text[index - 1], text[index]
    if right in "\u200d\ufe0e\ufe0f\u20e3" or left == "\u200d":
        return True
    if unicodedata.category(right) in ("Mn", "Mc", "Me") or "\U0001f3fb" <= right <= "\U0001f3ff":
        return True
    if "\ud7b0" <= right <= "\ud7ff" or "\u1160" <= right <= "\u11ff":  # Hangul vowels and tails
        return True
    if left == "\r" and right == "\n":
        return True
    if "\U0001f1e6" <= right <= "\U0001f1ff" and "\U0001f1e6" <= left <= "\U0001f1ff":
        flags = 0
        while index - 1 - flags >= 0 and "\U0001f1e6" <= text[index - 1 - flags] <= "\U0001f1ff":
            flags += 1
        return flags % 2 == 1
    return False

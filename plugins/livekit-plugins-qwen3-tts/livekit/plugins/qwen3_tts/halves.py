r"""Halves of characters, as a cut between the two escapes of an emoji leaves them.

A Python string can hold the half that ``\ud83d`` is; no request can carry it.
"""

from __future__ import annotations

import re

_HALF = re.compile("[\ud800-\udfff]")


def whole(text: str) -> str:
    """Return the text with the halves of each character joined, and lone halves replaced."""
    if not _HALF.search(text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


class Joiner:
    """Joins the halves of characters across the pieces of a text."""

    def __init__(self) -> None:
        self._first_half = ""

    def push(self, text: str) -> str:
        """Return the piece with what was held before it, without a first half at its end."""
        text = self._first_half + text
        self._first_half = ""
        if text and "\ud800" <= text[-1] <= "\udbff":
            text, self._first_half = text[:-1], text[-1]
        return whole(text)

    def flush(self) -> str:
        """Return what stands for a half whose other half never came."""
        half, self._first_half = self._first_half, ""
        return whole(half)

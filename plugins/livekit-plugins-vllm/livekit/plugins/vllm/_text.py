r"""Text that can be sent anywhere: without halves of characters.

JSON writes an emoji as a pair of escapes, "\ud83d\ude00". A server that cuts between the two,
or a tool that does, leaves half a character, which a Python string can hold but no encoding can:
once in the history, it would fail every later request.
"""

from __future__ import annotations

import re
from typing import Any

_HALF = re.compile("[\ud800-\udfff]")
REPLACEMENT = "\ufffd"
"""What stands for a character of which half is lost."""


def whole(text: str) -> str:
    """Text with the halves of each character joined, and lone halves replaced."""
    if not _HALF.search(text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def whole_deep(value: Any) -> Any:
    """The same for every string in JSON-like data; returned as it is where nothing is wrong."""
    if isinstance(value, str):
        return whole(value)
    if isinstance(value, dict):
        return {whole_deep(key): whole_deep(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [whole_deep(entry) for entry in value]
    return value


class Joiner:
    """Joins the halves of characters across the pieces of a stream."""

    def __init__(self) -> None:
        self._first_half = ""

    def feed(self, text: str) -> str:
        """The piece with what was held before it, without a first half at its end."""
        text = self._first_half + text
        self._first_half = ""
        if text and "\ud800" <= text[-1] <= "\udbff":
            text, self._first_half = text[:-1], text[-1]
        return whole(text)

    def finish(self) -> str:
        """What stands for a half whose other half never came."""
        half, self._first_half = self._first_half, ""
        return whole(half)

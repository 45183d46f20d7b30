"""What a text is expected to hold: words, or a regular expression between two slashes."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator


def found(pattern: str, text: str) -> bool:
    """Whether a text holds what is expected, in upper or lower case."""
    if expression := _expression(pattern):
        return re.search(expression, text, re.IGNORECASE) is not None
    return pattern.casefold() in text.casefold()


def same(pattern: str, text: str) -> bool:
    """Whether a text is what is expected, from its first letter to its last."""
    if expression := _expression(pattern):
        return re.fullmatch(expression, text, re.IGNORECASE) is not None
    return pattern.strip().casefold() == text.strip().casefold()


def _expression(pattern: str) -> str | None:
    return pattern[1:-1] if len(pattern) > 2 and pattern[0] == pattern[-1] == "/" else None


def _readable(pattern: str) -> str:
    if not pattern.strip():
        raise ValueError("must not be empty")
    try:
        re.compile(_expression(pattern) or "")
    except re.error as e:
        raise ValueError(f"{pattern} is not a regular expression: {e}") from e
    return pattern


Pattern = Annotated[str, AfterValidator(_readable)]
"""A text, or ``/a regular expression/``."""

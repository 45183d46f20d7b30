"""Which brackets and quotations are open, in any of the ten languages.

What is open is kept as a text of its opening marks, the innermost last. Two marks open in one
language what they close in another: “ closes „ in German and opens in English, » closes « in French
and opens in German. Each closes when its partner is open.
"""

from __future__ import annotations

import re
from typing import Final

OPENERS: Final = frozenset("“„「『（《【〈〔［｛([{«")
CLOSERS: Final = frozenset("”」』）》】〉〕］｝)]}»")
PAIRED: Final = OPENERS | CLOSERS | {'"'}
_PARTNERS: Final = {"“": "„", "»": "«", "«": "»"}
_QUOTES: Final = frozenset('"«»')
# More than these are no text that a person wrote.
_DEEPEST: Final = 8

_MARK = re.compile(f"[{re.escape(''.join(sorted(PAIRED)))}\\n]")


def after(span: str, opened: str = "") -> str:
    """Return what is open after a span, given what was open before it."""
    for mark in _MARK.findall(span):
        if mark == "\n":  # a paragraph leaves nothing open
            opened = ""
        elif closes(mark, opened):
            opened = opened[: _partner(mark, opened)]
        elif mark in OPENERS or mark in _QUOTES:
            opened = (opened + mark)[:_DEEPEST]
    return opened


def closes(mark: str, opened: str) -> bool:
    """Whether a mark closes something that is open."""
    return _partner(mark, opened) >= 0


def _partner(mark: str, opened: str) -> int:
    if mark == '"':
        return opened.rfind('"')
    if mark in _PARTNERS:
        return opened.rfind(_PARTNERS[mark])
    if mark in CLOSERS:
        return max((i for i, other in enumerate(opened) if other not in _QUOTES), default=-1)
    return -1

"""JSON that somebody else wrote."""

from __future__ import annotations

import json
import re
from typing import Any

_HALF = re.compile("[\ud800-\udfff]")
"""Half of a character, which a Python string may hold and no encoding has: once in a history, it
could be neither sent nor stored."""


def read_json(text: str | bytes) -> Any:
    """What a text of JSON says, without halves of characters.

    Raises:
        ValueError: It is none, or has more brackets in each other than can be followed.
    """
    try:
        return _whole(json.loads(text))
    except RecursionError as e:
        raise ValueError("it has too many brackets in each other") from e


def _whole(value: Any) -> Any:
    if isinstance(value, str):
        if not _HALF.search(value):
            return value
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if isinstance(value, dict):
        return {_whole(key): _whole(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_whole(entry) for entry in value]
    return value

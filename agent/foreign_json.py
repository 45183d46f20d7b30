"""JSON that somebody else wrote."""

from __future__ import annotations

import json
import math
import re
from typing import Any

_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
"""Half of a character, which a Python string may hold and no encoding has: once in a history, it
could be neither sent nor stored. And NUL, which no text of PostgreSQL may hold."""


def read_json(text: str | bytes) -> Any:
    """What a text of JSON says, as far as it can be stored.

    Raises:
        ValueError: It is none, or has more brackets in each other than can be followed.
    """
    try:
        return storable(json.loads(text))
    except RecursionError as e:
        raise ValueError("it has too many brackets in each other") from e


def storable(value: Any) -> Any:
    """The same without NUL, halves of characters, and numbers that are none in JSON (null)."""
    if isinstance(value, str):
        if not _UNSTORABLE.search(value):
            return value
        whole = value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        return whole.replace("\0", "")
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {storable(key): storable(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [storable(entry) for entry in value]
    return value

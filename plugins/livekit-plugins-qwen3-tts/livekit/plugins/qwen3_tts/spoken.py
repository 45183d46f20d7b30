"""What the engine is asked to say for a unit of the written text."""

from __future__ import annotations

import re
from collections.abc import Callable

from .log import logger

# What the unit before left over: its second mark, its closing quote. An engine that is given one of
# these first may gasp.
_LEADING_MARKS = re.compile(r"^[\s。！？；…，、：!?;,”」』）》】〉〕］)\]}]+")


def to_be_spoken(text: str, normalize: Callable[[str], str] | None) -> str:
    """Return the text as it is to be spoken; empty when there is nothing to say.

    Args:
        text: The text as it was written.
        normalize: Writes figures and the like out as words; if None they are left as they are.
    """
    if normalize:
        try:
            text = normalize(text)
        except Exception:
            # A sentence that its rules trip over is better read as written than not.
            logger.exception("normaliser failed, speaking the text as written")
    # Afterwards: the normaliser needs the marks, to tell an emoticon or the beginning of a line.
    return _LEADING_MARKS.sub("", text).rstrip()

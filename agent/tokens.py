"""How long a text is for a language model, as far as a budget needs it."""

from __future__ import annotations

import re

_WIDE = re.compile(r"[\u3041-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3]")


def tokens(text: str) -> int:
    """About how many tokens a text is.

    One for each character of Chinese, Japanese or Korean, and one for four other letters.
    """
    wide = len(_WIDE.findall(text))
    return wide + -(-(len(text) - wide) // 4)

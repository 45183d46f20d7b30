"""Qwen3-ASR's raw output: before each piece of text, the language it is in."""

from __future__ import annotations

import re

from livekit.agents import LanguageCode

from .._text import whole

# One prefix for each 5 s of audio where it is streamed. A server with the right parser takes it
# out; over either interface one without it does not.
_PREFIX = re.compile(r"(?:(?:<\|[a-z_]+\|>)*language\s+([A-Za-z]+)\s*)?<asr_text>")
_PREFIX_BEGUN = re.compile(r"language(?:\s+[A-Za-z]*(?:<[a-z_]*)?)?$")
_END = re.compile(r"</asr_text>")
_FIRST_HALF = re.compile("[\ud800-\udbff]$")


def plain_text(raw: str, *, partial: bool = False) -> tuple[str, str]:
    """The words of the raw output, and the language it names ("" if none).

    Args:
        raw: As the server sent it; the output of other models passes unchanged.
        partial: Hide a prefix, or a character, of which only the beginning has come.
    """
    if partial:
        raw = _FIRST_HALF.sub("", _PREFIX_BEGUN.sub("", raw))
    before, *rest = _PREFIX.split(whole(raw))
    names, texts = rest[::2], rest[1::2]
    known = [LanguageCode(name) for name in names if name and name != "None"]
    language = known[0] if known else LanguageCode("")
    # vLLM joins the pieces of languages written without spaces the same way.
    separator = "" if language.language in ("zh", "yue", "ja") else " "
    pieces = [_END.sub("", piece).strip() for piece in (before, *texts)]
    return separator.join(piece for piece in pieces if piece), language

"""Why a reply ended, in the words of many servers."""

from __future__ import annotations

import re

# OpenAI's and vLLM's; others ("eos_token", "end_turn") are other names for "stop".
_ORDINARY = ("stop", "tool_calls", "function_call", "content_filter", "repetition")
_LIMITED = re.compile(r".*length.*|max_\w*tokens|.*context_window.*")
_FAILED = re.compile(
    r"abort(ed)?|cancell?ed|failed|(\w+_)?(error|overloaded|timeout)|insufficient_system_resource"
)


def ordinary(reason: str) -> bool:
    """Whether a reason is one that OpenAI or vLLM give."""
    return reason.lower() in _ORDINARY


def limited(reason: str) -> bool:
    """Whether a limit cut the reply off."""
    return _LIMITED.fullmatch(reason.lower()) is not None


def failed(reason: str) -> bool:
    """Whether the server gave the generation up."""
    return _FAILED.fullmatch(reason.lower()) is not None

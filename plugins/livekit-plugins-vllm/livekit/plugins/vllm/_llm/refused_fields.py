"""Fields of a request that a server does not know, and refuses: they are left out for it."""

from __future__ import annotations

import re
from typing import Any

from ..log import logger

_UNKNOWN = re.compile(
    r"un(known|recogni[sz]ed|supported|expected)|not (supported|permitted|allowed|recogni[sz]ed)"
    r"|extra_forbidden|additional propert|cannot find field",
    re.I,
)
# What may be left out and changes no word of what was asked for. `cache_salt` is none of them: who
# sets it counts on it. The second name of a pair makes no sense without the first.
_OPTIONAL = {
    "chat_template_kwargs": ("chat_template_kwargs",),
    "continue_final_message": ("continue_final_message", "add_generation_prompt"),
    "add_generation_prompt": ("continue_final_message", "add_generation_prompt"),
    "priority": ("priority",),
}
# Usage in every chunk is vLLM's; at the end it is OpenAI's. The first is named within the second.
_USAGE = ("continuous_usage_stats", "stream_options")
# OpenAI's models that reason refuse the old name, and say the new one; others know the old one.
_RENAMED = ("max_tokens", "max_completion_tokens")


class RefusedFields:
    """What one server has refused so far.

    Args:
        base_url: Address of the server, for the log.
    """

    def __init__(self, base_url: str) -> None:
        self._base_url = base_url
        self._refused: set[str] = set()

    def learn(self, message: str) -> bool:
        """Take in why a request was refused; whether the next one will be another.

        Args:
            message: What the server says.
        """
        if not _UNKNOWN.search(message):
            return False
        for name in (*_OPTIONAL, *_USAGE, _RENAMED[0]):
            if name in self._refused or not re.search(rf"\b{name}\b", message):
                continue
            if name == _RENAMED[0] and _RENAMED[1] not in message:
                continue
            self._refused.add(name)
            logger.info(
                "the server does not know a field",
                extra={"url": self._base_url, "field": name, "reason": message},
            )
            return True
        return False

    def without(self, body: dict[str, Any]) -> dict[str, Any]:
        """The body of a request as this server takes it."""
        if not self._refused:
            return body
        gone = {each for name in self._refused for each in _OPTIONAL.get(name, (name,))}
        old, new = _RENAMED
        if old in gone and old in body:
            body = body | {new: body[old]}
        kept = {name: value for name, value in body.items() if name not in gone}
        if _USAGE[0] in gone and _USAGE[1] in kept:
            options = {k: v for k, v in kept[_USAGE[1]].items() if k != _USAGE[0]}
            kept[_USAGE[1]] = options
        return kept

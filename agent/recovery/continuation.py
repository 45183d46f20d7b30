"""Going on with a call whose agent has died: what was said before, and a word of apology."""

from __future__ import annotations

import json
import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from livekit.agents import llm

from agent.foreign_json import read_json

from ..languages import LANGUAGES, Language, Phrase
from ..languages.guess import language_of_user

logger = logging.getLogger("parley")

_MOST = 200
"""Items that are kept: more than the context of a local model holds."""


@dataclass(frozen=True)
class Continuation:
    """What an agent needs to go on where the one before it stopped."""

    said: llm.ChatContext
    """What both have said, the tools' results included. The prompt is not part of it."""

    @property
    def unanswered(self) -> bool:
        """Whether the user is still waiting for an answer."""
        last = self.said.items[-1]
        return last.type != "message" or last.role == "user"

    @property
    def apology(self) -> Phrase:
        """The first sentence: one of apology, which asks the user to go on if it is their turn."""
        return "cut_off" if self.unanswered else "go_on"

    def language(self, voiced: Collection[Language] = LANGUAGES) -> Language:
        """The language of what the user said last; English before that.

        Args:
            voiced: The languages that the agent's voice speaks.
        """
        return language_of_user(self.said.messages(), voiced)


def written(items: Sequence[llm.ChatItem]) -> str:
    """A history as it is stored: its latest items, without sounds and pictures."""
    kept = [item for item in items if item.type != "message" or item.role in ("user", "assistant")]
    said = llm.ChatContext(kept).truncate(max_items=_MOST)
    told = said.to_dict(exclude_timestamp=False, exclude_metrics=True, exclude_config_update=True)
    return json.dumps(told, ensure_ascii=False)


def read(history: str | None) -> Continuation | None:
    """What is to be gone on with; None where nothing was said yet, or it cannot be read."""
    if history is None:
        return None
    try:
        said = llm.ChatContext.from_dict(read_json(history))
    except (ValueError, KeyError, TypeError) as e:  # pydantic's ValueErrors would quote the words
        logger.error("a history cannot be read", extra={"error": type(e).__name__})
        return None
    return Continuation(said) if said.items else None

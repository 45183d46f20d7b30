"""What the agent says of its own accord, by language."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Language = Literal["en", "zh"]
"""Languages in which the agent says something of its own accord."""


@dataclass(frozen=True)
class Phrases:
    """The fixed words of one language."""

    still_there: str
    """Asked once of a user who is silent."""
    goodbye: str
    """Said before the agent leaves a user who stays silent."""
    fillers: tuple[str, ...]
    """Said, in turn, while a tool takes long."""
    backchannels: tuple[str, ...]
    """Said in turn, on a track of their own, while the user tells something long."""


PHRASES: dict[Language, Phrases] = {
    "en": Phrases(
        still_there="Are you still there?",
        goodbye="I'll leave you to it then. Goodbye!",
        fillers=("One moment, please.", "Let me have a look.", "Just a second."),
        backchannels=("Mm-hm.", "Right.", "I see."),
    ),
    "zh": Phrases(
        still_there="你还在吗？",
        goodbye="那我先挂了，再见！",
        fillers=("请稍等一下。", "我看一下。", "稍等，马上就好。"),
        backchannels=("嗯。", "对。", "嗯嗯。"),
    ),
}

Speaking = Callable[[], Phrases]
"""Gives the phrases of the language that is being spoken now."""

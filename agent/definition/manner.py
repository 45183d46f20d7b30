"""What every agent is told and says, whoever it is: the seam to what a language brings."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from agent.engine_settings import Language


@dataclass(frozen=True)
class Manner:
    """How an agent speaks in one language, or in that of the user."""

    answers: str
    """What the model is told of how answers are spoken."""
    in_parts: str = ""
    """What it is told of long answers."""
    greeting: str = ""
    """The first words of an agent that brings none."""
    limit: str = ""
    """Said when a conversation has reached its limit."""


@cache
def _manners() -> dict[str, Manner]:
    path = Path(__file__).with_name("manner.yaml")
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    return {key: Manner(**texts) for key, texts in content.items()}


def manner(language: Language | None) -> Manner:
    """The manner in a language; None where it is not known."""
    return _manners()[language or "any"]

"""What an agent can look up, as its folder says it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from .engine_settings import Section


class KnowledgeSettings(Section):
    """Documents that the agent answers from (``agent/knowledge``)."""

    folder: Path = Path("knowledge")
    """Folder of Markdown (.md) and text (.txt), in UTF-8, as seen from the agent's own."""
    about: Annotated[str, Field(max_length=200)] = ""
    """What there is to be found, in a few words, for the model to know when to look."""
    budget: Annotated[int, Field(ge=100, le=4000)] = 400
    """Most tokens of what one lookup gives the model."""
    budget_beside: Annotated[int, Field(ge=100, le=4000)] = 200
    """The same for a model that calls no tools, which reads it with every question, and
    answers after it has."""

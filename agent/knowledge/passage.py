"""What a lookup gives, and the one method that anything to look things up in has to have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


class KnowledgeError(Exception):
    """A folder cannot be used or searched; the text says which file and why."""


@dataclass(frozen=True)
class Passage:
    """A piece of a document."""

    text: str
    source: str
    """Where it stands: the file, and the headings above it, as in ``prices.md › Rooms``."""
    score: float = 0.0
    """How well it fits; higher is better, and comparable only within one search."""


class Knowledge(Protocol):
    """Anything that finds passages: a folder's index, a vector store, a search service."""

    async def search(self, query: str, limit: int) -> list[Passage]:
        """Find what fits a query best.

        Args:
            query: A question or some words, in any language.
            limit: Most passages to return.

        Returns:
            The passages, the best first; none if nothing fits.

        Raises:
            KnowledgeError: The search failed; the text says why.
        """
        ...

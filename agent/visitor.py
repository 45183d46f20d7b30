"""Who signed in at the page, as the page tells the agent.

It stands in the metadata of their room, which the page signs with the ticket: a participant may
change their own name and attributes, but not that.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Self

from agent.foreign_json import read_json

LONGEST_NAME = 60
"""Characters of a name."""


@dataclass(frozen=True)
class Visitor:
    """Somebody who signed in."""

    name: str
    """What they are called, for people to read."""
    id: str
    """What whoever signed them in knows them by, and never gives to another; empty if that is not
    known, and then nothing is kept of them."""

    def metadata(self) -> str:
        """The same, as metadata of a room."""
        return json.dumps({"visitor": asdict(self)}, ensure_ascii=False)

    @classmethod
    def from_metadata(cls, metadata: str) -> Self | None:
        """Read the metadata of a room; None if nobody signed in for it."""
        try:
            told = read_json(metadata)["visitor"]
            name, of = told["name"], told["id"]
        except (ValueError, KeyError, TypeError):
            return None
        return cls(name, of) if isinstance(name, str) and isinstance(of, str) else None

    @property
    def spoken(self) -> str:
        """The name as a model may read it: letters, and nothing that looks like instructions."""
        kept = "".join(c if c.isalnum() or c in " .'’-" else " " for c in self.name)
        return " ".join(kept.split())


def plain(name: str) -> str:
    """A name without what cannot be seen, and of a length that fits a page."""
    seen = "".join(c if c.isprintable() else " " for c in name)
    return " ".join(seen.split())[:LONGEST_NAME].rstrip()

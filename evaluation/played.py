"""What happened in a call of a simulated caller, by text or by voice."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from agent.telemetry.report import Saved

Line = dict[str, Any]
"""What one side said, as a record of a call has it: ``at``, ``who``, ``text``, ``interrupted``."""


@dataclass
class Heard:
    """What can only be measured by voice."""

    saved: Saved
    """The recording, the captions and the agent's own records, for the report."""
    waits: list[float]
    """Seconds from the caller's last sound to the agent's first, of each turn that was answered."""
    cut_offs: int
    """How often the agent spoke into what the caller said."""
    moments: list[tuple[str, str]]
    """What was said over the agent, and why what came of it is wrong; empty if it is not."""


@dataclass
class Played:
    """One call."""

    how: Literal["text", "voice"]
    seconds: float = 0.0
    transcript: list[Line] = field(default_factory=list)
    """What was said, in order; ``at`` is in seconds from the beginning."""
    tools: list[dict[str, Any]] = field(default_factory=list)
    """What the model called, in order: ``at``, ``name``, ``arguments``, ``output``, ``failed``."""
    outcome: dict[str, Any] | None = None
    """The fields of the record's outcome; None where nothing filled them in."""
    outcome_due: bool = False
    """Whether something was to fill them in."""
    instructions: str = ""
    """What the agent was told."""
    failure: str = ""
    """Why the call could not be held to its end, or the script was not; empty if it was."""
    heard: Heard | None = None
    """None by text."""

    @property
    def turns(self) -> int:
        """How often the caller has spoken."""
        return sum(line["who"] == "caller" for line in self.transcript)

    @property
    def said(self) -> list[str]:
        """What the agent said, one text a reply."""
        return [line["text"] for line in self.transcript if line["who"] == "agent"]

"""What one request took: its times, and how its text was cut."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

Kind = Literal["chat", "speech"]
Outcome = Literal["running", "done", "stopped", "failed"]

# A unit that ends so was cut at punctuation, closing quotes and brackets aside.
_MARK = re.compile(r"[。！？；…，、：.!?;,:～~—–\n][\s\"'”’」』）》】〉〕)\]}]*$")


@dataclass
class Record:
    """One request, from its arrival on. Times are milliseconds since ``t_req_in``.

    Args:
        kind: "chat", or "speech" for a text that came in full.
        warm: Whether another request had finished before this one came.
        conversation: Name of the conversation that it belongs to.
        clock: Seconds on a clock that never steps back.
    """

    kind: Kind
    warm: bool
    conversation: str | None = None
    clock: Callable[[], float] = time.monotonic
    id: str = field(default_factory=lambda: uuid.uuid4().hex[:12])
    outcome: Outcome = "running"
    error: str | None = None
    units: list[str] = field(default_factory=list)
    frames: int = 0
    heard: str | None = None
    """The user's words, where they came as a recording."""
    text: str = ""
    """What the reply says."""

    def __post_init__(self) -> None:
        self._began = self.clock()
        self._at = datetime.now(UTC)
        self._marks = {"t_req_in": 0.0}

    def mark(self, name: str) -> None:
        """Note the first time of an event."""
        self._marks.setdefault(name, 1000 * (self.clock() - self._began))

    def since(self, name: str) -> float | None:
        """Seconds since an event; None if it has not happened."""
        at = self._marks.get(name)
        return None if at is None else self.clock() - self._began - at / 1000

    @property
    def first_audio(self) -> float | None:
        """Seconds from the request to the first sound of its answer; None if there was none."""
        at = self._marks.get("t_first_audio_out")
        return None if at is None else at / 1000

    def unit(self, text: str) -> None:
        """Count a unit that is sent to the TTS."""
        self.mark("t_first_unit")
        self.units.append(text)

    @property
    def server_timing(self) -> str:
        """The events so far, as the Server-Timing header has them."""
        return ", ".join(f"{name};dur={at:.1f}" for name, at in self._marks.items())

    def as_dict(self, ended: bool = True) -> dict[str, Any]:
        """Everything, for a client to read.

        Args:
            ended: Whether all units are known, so that the last one's end is the text's.
        """
        punctuated = [bool(_MARK.search(unit)) for unit in self.units]
        at_end = int(ended and bool(punctuated) and not punctuated[-1])
        return {
            "id": self.id,
            "kind": self.kind,
            "conversation": self.conversation,
            "at": self._at.isoformat(timespec="milliseconds"),
            "warm": self.warm,
            "outcome": self.outcome,
            "error": self.error,
            "timing_ms": {name: round(at, 1) for name, at in self._marks.items()},
            "statistics": {
                "chunks": len(self.units),
                "flush_punct": sum(punctuated),
                "flush_len": len(punctuated) - sum(punctuated) - at_end,
                "flush_end": at_end,
                "starter": len(self.units[0].strip()) if self.units else 0,
                "frames": self.frames,
            },
            "heard": self.heard,
            "text": self.text,
            "units": self.units,
        }

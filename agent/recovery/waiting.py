"""Callers by phone for whom there is no place, as the dispatcher tells of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Waiting:
    """A caller for whom there is no place."""

    room: str
    sid: str
    """LiveKit's identifier of the room."""
    caller: str
    """Identity of their participant in it."""
    attributes: Mapping[str, str]
    """What LiveKit's SIP service says of their call."""

    @property
    def company(self) -> str:
        """Identity of whoever keeps them company, which is no agent."""
        return f"queue-{self.sid}"


def is_company(identity: str) -> bool:
    """Whether a participant keeps a caller company until there is an agent."""
    return identity.startswith("queue-")


class Attendant(Protocol):
    """Attends to those who wait; see :mod:`agent.telephony.full_house`."""

    @property
    def after(self) -> float:
        """Seconds that a call rings before it is attended to."""
        ...

    def ahead_of(self, room: str) -> int:
        """How many wait in the queue, but for whoever is in a room."""
        ...

    async def update(self, waiting: Sequence[Waiting]) -> None:
        """Attend to those who wait now, the longest first."""
        ...

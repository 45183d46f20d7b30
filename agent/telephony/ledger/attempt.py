"""One attempt to call somebody, and when it may be made."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from typing import Literal, Protocol

DAY, MINUTE = 86_400.0, 60.0
"""Seconds."""

KEPT = 90 * DAY
"""Seconds for which an attempt is kept: two bills of a provider."""

CLAIMED = 30.0
"""Seconds after which an order that no agent has taken may not be taken: whoever gave it waits for
less."""

LAPSED = CLAIMED + 30.0
"""Seconds after which it costs nothing any more: none that was taken in time is written later."""

Order = Literal["place_call", "warm_transfer", "transfer_call", "program"]
"""Who wanted the call: a tool of the agent's, or a program of the user's by a dispatch."""

State = Literal["refused", "ordered", "calling", "answered", "failed", "over"]
"""``ordered``: granted, and not dialled yet. ``calling``: dialled. ``failed``: nobody took it."""


class LedgerError(Exception):
    """The ledger cannot be read or written; the text says why."""


@dataclass(frozen=True)
class Attempt:
    """An attempt to call somebody: who ordered it, the call, and its minutes."""

    id: str
    order: Order
    ordered_in: str
    """Room of the conversation that it was ordered in; empty for a program's order."""
    number: str
    """Who is called, by country code and last two digits, or the name of a destination."""
    at: float = 0.0
    """When it was entered, in seconds since 1970."""
    state: State = "ordered"
    minutes: int = 0
    """Minutes that it may take, until it is over; then those that it took, each begun one counted.
    Those of a transfer are the provider's alone to know."""
    reason: str = ""
    """Of one that was refused, why, in a word; see :data:`agent.telephony.numbers.Reason`."""
    why: str = ""
    """Why it was refused or not taken."""
    room: str = ""
    """Room of the call."""
    identity: str = ""
    """Whoever is called, in that room."""
    call: str = ""
    """LiveKit's identifier of the call."""
    answered_at: float | None = None
    """When it was taken, in seconds since 1970."""
    ended_at: float | None = None
    """When it was over, in seconds since 1970."""

    def written(self) -> str:
        """The same as JSON."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def read(cls, written: str) -> Attempt:
        """What :meth:`written` has written.

        Raises:
            LedgerError: Something else has written it, or changed it.
        """
        try:
            return cls(**json.loads(written))
        except (ValueError, TypeError) as e:
            raise LedgerError(f"an attempt in it cannot be read: {e}") from e

    def ended(self, now: float, lasted: float | None = None) -> Attempt:
        """The same when its call is over.

        Args:
            now: Seconds since 1970.
            lasted: Seconds that the call took, by a clock that nobody sets, if that is known.
        """
        if self.state not in ("calling", "answered"):
            return self
        if lasted is None:
            lasted = now - (self.answered_at or self.at)
            if lasted < 0:  # the clock was set back meanwhile
                lasted = self.minutes * MINUTE
        taken = max(1, math.ceil(lasted / MINUTE))
        return replace(self, state="over", ended_at=now, minutes=min(taken, self.minutes))


@dataclass(frozen=True)
class Limits:
    """What may be called, over all conversations."""

    calls_per_minute: int
    minutes_per_day: int


@dataclass(frozen=True)
class Used:
    """What has been called already."""

    calls: int
    """In the last minute."""
    minutes: int
    """In the last 24 hours, those that were granted and may still be taken among them."""
    over: int
    """Of these, such as were taken by calls that are over."""

    @classmethod
    def of(cls, attempts: Iterable[tuple[State, float, int]], now: float) -> Used:
        """Count attempts.

        Args:
            attempts: State, time and minutes of those of the last 24 hours.
            now: Seconds since 1970.
        """
        calls = minutes = over = 0
        for state, at, taken in attempts:
            if state == "refused":
                continue
            calls += at > now - MINUTE
            late = state == "ordered" and at < now - LAPSED
            minutes += 0 if late else taken
            over += taken if state == "over" else 0
        return cls(calls, minutes, over)


def granted(attempt: Attempt, used: Used, limits: Limits) -> Attempt:
    """The attempt as it is entered: ordered, with the minutes that are left for it, or refused.

    Args:
        attempt: With the most minutes that it may take; 0 for a transfer.
        used: What was called before it.
        limits: What may be called.
    """
    # A transfer takes no minutes of ours: those that others may still take are nothing to it.
    left = limits.minutes_per_day - (used.minutes if attempt.minutes else used.over)
    if used.calls >= limits.calls_per_minute:
        why = "Too many calls were placed within a minute. Try again later."
        return replace(attempt, state="refused", minutes=0, reason="calls", why=why)
    if left < 1:
        why = "The minutes of today's calls are used up, or spoken for."
        return replace(attempt, state="refused", minutes=0, reason="minutes", why=why)
    return replace(attempt, minutes=min(attempt.minutes, left))


Decide = Callable[[Attempt, Used], Attempt]
"""Makes an attempt's entry out of what was called before it. May be asked twice."""

Change = Callable[[Attempt, float], Attempt]
"""Makes an attempt's new entry out of the present one, at a time. May be asked twice."""


class LedgerStore(Protocol):
    """Where attempts are kept. Every method raises :class:`LedgerError`."""

    async def enter(self, attempt: Attempt, decide: Decide) -> Attempt:
        """Enter an attempt, while nobody else enters one, and return its entry."""
        ...

    async def change(self, attempt: str, change: Change) -> Attempt | None:
        """Change one attempt while nobody else does, and return its new entry; None: unknown."""
        ...

    async def since(self, seconds: float) -> list[Attempt]:
        """The attempts of the last so many seconds, the oldest first."""
        ...

    async def forgets(self) -> str | None:
        """Why it would forget what is entered; None if it remembers."""
        ...

    async def aclose(self) -> None:
        """Close the connection; may be called twice."""
        ...

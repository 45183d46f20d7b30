"""Who spoke a unit and who failed at it, as a voice's events tell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from livekit.agents import APIConnectionError, APIError, APIStatusError, APITimeoutError

from .client import RefusedError
from .replicas import Replica
from .sound_check import NoAudioError

FaultKind: TypeAlias = Literal["timeout", "connection", "busy", "refused", "error", "garbage"]
"""How a server failed: it said nothing in time, was not there or broke off, asked to be left alone,
refused (4xx), had an error of its own (5xx), or sent what is no voice."""


@dataclass(frozen=True, kw_only=True)
class Answered:
    """A server has begun to speak a unit: the event `server_answered`."""

    url: str
    """The server's address."""
    model: str
    """The model asked for, or the one that the server was found to have."""
    choice: int
    """0 for the first choice, 1 for its fallback."""
    server: int
    """Its place among the servers of that choice, from 0."""
    instead_of: Literal["server", "model"] | None
    """What it stands in for: another `server` of its model that failed at this unit, or another
    `model`, the first choice; None if it was to speak anyway."""


@dataclass(frozen=True, kw_only=True)
class Failed:
    """A server has failed at a unit, be it that another one speaks it: `server_failed`."""

    url: str
    """The server's address."""
    model: str
    """The model asked for, or the one that the server was found to have."""
    choice: int
    """0 for the first choice, 1 for its fallback."""
    server: int
    """Its place among the servers of that choice, from 0."""
    kind: FaultKind
    """How."""
    error: APIError
    """What went wrong."""


@dataclass(frozen=True)
class Told:
    """Who is told what becomes of a unit's requests."""

    answered: Callable[[Replica, bool], None]
    """Called with the server that begins to speak, and whether another one failed before."""
    failed: Callable[[Replica, APIError], None]
    """Called with a server that failed, and how."""


def kind_of(error: APIError) -> FaultKind:
    """How a server failed, by its error."""
    match error:
        case APITimeoutError():
            return "timeout"
        case APIStatusError(status_code=status):
            wants_a_moment = isinstance(error, RefusedError) and error.retry_after is not None
            if status == 429 or (wants_a_moment and error.retryable):
                return "busy"
            return "error" if status >= 500 else "refused"
        case NoAudioError():
            return "garbage"
        case APIConnectionError():
            return "connection"
    return "garbage"

"""Who answered a request and who failed at it, as an engine's events tell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from livekit.agents import APIConnectionError, APIError, APIStatusError, APITimeoutError

from .errors import BusyError, NonsenseError

FaultKind: TypeAlias = Literal["timeout", "connection", "busy", "refused", "error", "garbage"]
"""How a server failed: it said nothing in time, was not there or broke off, asked to be left alone,
refused (4xx), had an error of its own (5xx), or sent what is no answer."""


@dataclass(frozen=True, kw_only=True)
class Answered:
    """A server has begun to answer a request: the event ``server_answered``.

    Attributes:
        url: The server's address.
        model: The name of the model there.
        choice: 0 for the first choice, 1 for its fallback.
        server: Its place among the servers of that choice, from 0.
        instead_of: What it stands in for: another ``server`` of its model that failed at this
            request, or another ``model``, the first choice; None if it was to answer anyway.
    """

    url: str
    model: str
    choice: int
    server: int
    instead_of: Literal["server", "model"] | None


@dataclass(frozen=True, kw_only=True)
class Failed:
    """A server has failed at a request, be it that another one answers: ``server_failed``.

    Attributes:
        url: The server's address.
        model: The name of the model there, as far as it is known.
        choice: 0 for the first choice, 1 for its fallback.
        server: Its place among the servers of that choice, from 0.
        kind: How.
        error: What went wrong.
    """

    url: str
    model: str
    choice: int
    server: int
    kind: FaultKind
    error: APIError


def kind_of(error: APIError) -> FaultKind:
    """How a server failed, by its error."""
    match error:
        case APITimeoutError():
            return "timeout"
        case BusyError():
            return "busy"
        case APIStatusError(status_code=status):
            if status == 429:
                return "busy"
            return "error" if status >= 500 else "refused"
        case NonsenseError():
            return "garbage"
        case APIConnectionError():
            return "connection"
    return "garbage"

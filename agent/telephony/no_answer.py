"""Calls that nobody takes: what LiveKit's API says of them, and what that means."""

from __future__ import annotations

import logging

import aiohttp
from livekit import api

from ..languages import Missed

logger = logging.getLogger("parley")

FAILURES = (api.TwirpError, aiohttp.ClientError, TimeoutError)
"""What LiveKit's API raises when it refuses, or does not answer."""

_CODES: dict[str, Missed] = {
    **dict.fromkeys(("486", "600"), "busy"),
    **dict.fromkeys(("408", "480", "487"), "unanswered"),
}
"""What SIP's codes mean; others: unreachable."""
_SILENCE = frozenset({"canceled", "deadline_exceeded"})
"""Codes of Twirp for a call of which the network said nothing until it was given up."""


class NoAnswer(Exception):
    """The call was not taken; the text is what the other side's network said, if anything.

    Args:
        text: What is told.
        reason: The same, to be said in the caller's language.
        told: Whether that is the network's own word, after which the call does not go on.
    """

    def __init__(self, text: str, reason: Missed = "unanswered", *, told: bool = False) -> None:
        super().__init__(text)
        self.reason: Missed = reason
        self.told = told


class NotTaken(Exception):
    """Somebody has picked up, and did not take the call that they were told of."""


def is_refused(error: Exception) -> bool:
    """Whether a call is not to come any more: refused, not asked for, or rung for long enough."""
    if isinstance(error, api.TwirpError):
        return error.code not in _UNKNOWN
    return isinstance(error, aiohttp.ClientConnectorError | TimeoutError)


_UNKNOWN = frozenset({"unknown", "deadline_exceeded", "internal", "unavailable"})
"""Codes of Twirp that LiveKit also has for a call which its SIP service may be dialling already.

``canceled`` is none: it is the service's own word for a call that it has given up, because it rang
for long enough or nothing came back. LiveKit's server has it for requests that nobody waits for.
"""


def no_answer(error: Exception) -> NoAnswer:
    """Turn an error of LiveKit's API into one for the caller; the rest of it goes to the log."""
    said = error.metadata if isinstance(error, api.TwirpError) else {}
    code, status = said.get("sip_status_code", ""), said.get("sip_status", "")
    logger.info("the call was not taken", extra={"sip_status": status, "reason": str(error)})
    if code:
        return NoAnswer(status or "no answer", _CODES.get(code, "unreachable"), told=True)
    given_up = isinstance(error, TimeoutError) or (
        isinstance(error, api.TwirpError) and error.code in _SILENCE
    )
    return NoAnswer("no answer", "unanswered" if given_up else "unreachable")

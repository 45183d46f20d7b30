"""How phone numbers are shown without being told."""

from __future__ import annotations

import logging
import re
import traceback

# With fewer digits than 7 it is an extension, or not a phone number at all; E.164 has 15 at most.
_SHORTEST, _LONGEST = 7, 15

_START, _END = r"(?<![0-9A-Za-z.])", r"(?![0-9A-Za-z])(?!\.[0-9])"
"""A point between digits is one of a fraction or an address; one after them ends a sentence."""
_GAP = r"(?:[\s./\-\u2010-\u2015]|\s?[()]\s?|%20)?"

_NUMBER = re.compile(
    "|".join(
        (
            # With a country code, in whatever groups.
            rf"(?:\+|%2[Bb]|{_START}00){_GAP}\d(?:{_GAP}\d){{6,14}}{_END}",
            # In one piece.
            rf"{_START}\d{{{_SHORTEST},{_LONGEST}}}{_END}",
            # Without a country code, in groups of two digits or more.
            rf"{_START}(?:\(\d{{2,5}}\)|\d{{2,5}})(?:[\s\-]{{1,2}}\d{{2,5}}){{1,5}}{_END}",
        )
    )
)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}(?: \d{2})?")


def mask(text: str) -> str:
    """Replace every phone number in a text by its last two digits.

    LiveKit's SIP service puts the caller's number into the participant's identity and into the
    room's name, so it turns up wherever those are logged.
    """
    return _NUMBER.sub(_masked, text)


def _masked(found: re.Match[str]) -> str:
    told = found.group()
    digits = [c for c in re.sub("%2[0Bb]", "", told) if c.isdecimal()]
    if len(digits) < _SHORTEST or _DATE.fullmatch(told):
        return told
    return f"***{digits[-2]}{digits[-1]}"


class Masking(logging.Filter):
    """Masks numbers in all that a log record carries, before any handler sees it."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite the record; none is dropped."""
        record.msg, record.args = mask(record.getMessage()), None
        for key, value in vars(record).items():
            if key not in _LOGGINGS_OWN:
                setattr(record, key, _masked_all(value))
        if record.exc_info and record.exc_info[0]:
            raised = "".join(traceback.format_exception(*record.exc_info)).rstrip("\n")
            if raised != mask(raised):  # LiveKit's errors quote what was asked of it
                record.exc_info, record.exc_text = None, raised
        if record.exc_text:
            record.exc_text = mask(record.exc_text)
        return True


def _masked_all(value: object) -> object:
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, dict):
        return {_masked_all(key): _masked_all(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_masked_all(each) for each in value]
    if type(value) is tuple:  # one with names is made otherwise
        return tuple(_masked_all(each) for each in value)
    return value


_LOGGINGS_OWN = frozenset(vars(logging.makeLogRecord({})))


def mask_logs() -> None:
    """Mask phone numbers in the logs of the agent and of LiveKit in its process."""
    # At the loggers, for the process that only hands the call on; at the handlers, because in a
    # job LiveKit's own filter there adds the room's name to every record.
    loggers = [logging.getLogger(name) for name in ("parley", "livekit.agents", "livekit")]
    for place in [*loggers, *logging.getLogger().handlers]:
        if not any(isinstance(f, Masking) for f in place.filters):
            place.addFilter(Masking())

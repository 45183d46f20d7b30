"""How phone numbers are shown without being told."""

from __future__ import annotations

import logging
import re
import traceback

# With fewer digits than 7 it is an extension, or not a phone number at all; E.164 has 15 at most.
_SHORTEST, _LONGEST = 7, 15

_START, _END = r"(?<![0-9A-Za-z.])", r"(?![0-9A-Za-z])(?!\.[0-9])"
"""A point between digits is one of a fraction or an address; one after them ends a sentence."""
_GAP = r"(?:%20|,(?!\s)|[^\w\n+\uff0b,@;:=&<>{}\"']|_){0,3}"
"""Between the digits of a number that says that it is one: nothing that ends it."""
_WIDE = r"\\uff1\d"
"""A full-width digit, as JSON may write it."""

_NUMBER = re.compile(
    "|".join(
        (
            # What is none, for it to be passed over as a whole.
            r"(?P<none>\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b)",
            # With a country code, in whatever groups.
            rf"(?:[+\uff0b]|%2[Bb]|{_START}00){_GAP}\d(?:{_GAP}\d){{6,14}}(?!\d)",
            rf"(?:{_WIDE}){{{_SHORTEST},{_LONGEST}}}",
            # In one piece; a long one also behind letters, which are those of some name then.
            rf"{_START}\d{{{_SHORTEST},{_LONGEST}}}{_END}",
            rf"(?<![0-9.])\d{{10,{_LONGEST}}}{_END}",
            # Without a country code: in groups of two digits or more; with 0 and between points or
            # slashes, of which an address or a fraction has none behind three digits that begin so;
            # each digit by itself.
            rf"{_START}(?:\(\d{{2,5}}\)|\d{{2,5}})(?:[\s\-]{{1,2}}\d{{2,8}}){{1,5}}{_END}",
            rf"{_START}0[1-9]\d{{1,4}}(?P<point>[./\u00b7])\d{{2,8}}(?:(?P=point)\d{{2,8}})*{_END}",
            rf"{_START}\d(?:[\s\-]\d){{8,14}}{_END}",
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
    plain = re.sub(r"\\uff1(\d)", r"\1", re.sub("%2[0Bb]", "", told))
    digits = [c for c in plain if c.isdecimal()]
    if found["none"] or len(digits) < _SHORTEST or _DATE.fullmatch(told):
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
        if record.stack_info:
            record.stack_info = mask(record.stack_info)
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
    # job LiveKit's own filter there adds the room's name to every record. Tasks that fail are told
    # by asyncio, requests that do by uvicorn, and where there is no handler Python has a last one.
    names = ("parley", "livekit.agents", "livekit", "asyncio", "uvicorn.error")
    loggers = [logging.getLogger(name) for name in names]
    for place in [*loggers, *logging.getLogger().handlers, logging.lastResort]:
        if place and not any(isinstance(f, Masking) for f in place.filters):
            place.addFilter(Masking())

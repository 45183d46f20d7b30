"""Phone numbers: which may be dialled, and how they are shown without being told."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence

# E.164 has 15 digits at most; with fewer than 7 it is an extension, or not a phone number at all.
_NUMBER = re.compile(r"(?<![0-9A-Za-z.])\+?[0-9]{5,13}([0-9]{2})(?![0-9A-Za-z.])")
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")


class NotAllowed(Exception):
    """This number may not be called; the text says why, without the number."""


def mask(text: str) -> str:
    """Replace every phone number in a text by its last two digits.

    LiveKit's SIP service puts the caller's number into the participant's identity and into the
    room's name, so it turns up wherever those are logged.
    """
    return _NUMBER.sub(r"***\1", text)


def dialable(written: str, prefixes: Sequence[str]) -> str:
    """The number to dial, in E.164.

    Args:
        written: As somebody wrote or said it, with country code: spaces, hyphens, dots and
            brackets are dropped, a leading 00 is read as +.
        prefixes: Beginnings of the numbers that may be called, such as ``+44`` or ``+1212``.

    Raises:
        NotAllowed: It is not a phone number, or begins with none of the prefixes.
    """
    number = re.sub(r"[\s().-]", "", written)
    if number.startswith("00"):
        number = "+" + number[2:]
    if not _E164.fullmatch(number):
        raise NotAllowed("That is not a phone number with a country code, such as +1 202 555 0143.")
    if not any(number.startswith(prefix) for prefix in prefixes):
        raise NotAllowed("Numbers of that country or network may not be called.")
    return number


class Masking(logging.Filter):
    """Masks numbers in all that a log record carries, before any handler sees it."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite the record; none is dropped."""
        record.msg, record.args = mask(record.getMessage()), None
        for key, value in vars(record).items():
            if isinstance(value, str) and key not in _LOGGINGS_OWN:
                setattr(record, key, mask(value))
        return True


_LOGGINGS_OWN = frozenset(vars(logging.makeLogRecord({})))


def mask_logs() -> None:
    """Mask phone numbers in the logs of the agent and of LiveKit in its process."""
    # At the loggers, for the process that only hands the call on; at the handlers, because in a
    # job LiveKit's own filter there adds the room's name to every record.
    loggers = [logging.getLogger(name) for name in ("parley", "livekit.agents", "livekit")]
    for place in [*loggers, *logging.getLogger().handlers]:
        if not any(isinstance(f, Masking) for f in place.filters):
            place.addFilter(Masking())

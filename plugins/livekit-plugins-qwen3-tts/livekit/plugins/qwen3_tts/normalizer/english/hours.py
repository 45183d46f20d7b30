"""Reads the hours of a day as they are said in American English."""

from __future__ import annotations

import re
from typing import Final

from ..patterns import DASH
from ..rules import Rule, rule
from .numbers import cardinal, digits, spell

NOON = r"[AaPp]\.[Mm](?:\.|\b)|[AaPp][Mm]\b"

TIME: Final = re.compile(
    r"(?<![\d:.])(?P<hour>[01]?\d|2[0-4]):(?P<minute>[0-5]\d)(?::(?P<second>[0-5]\d))?"
    rf"(?![\d:])(?:\s?(?P<noon>{NOON}))?",
    re.ASCII,
)

HOUR: Final = re.compile(
    r"(?<![\d:.])(?P<hour>1[0-2]|[1-9])(?P<minute>(?!))?(?P<second>(?!))?"
    rf"\s?(?P<noon>{NOON})",
    re.ASCII,
)

CLOCK: Final = rf"\d{{1,2}}:\d{{2}}(?:\s?(?:{NOON}))?"


def say_time(match: re.Match[str]) -> str:
    """Reads 3:30pm as three thirty PM."""
    hour, minute = int(match["hour"]), int(match["minute"] or 0)
    noon = (match["noon"] or "").replace(".", "").upper()
    said = spell(hour)
    if second := int(match["second"] or 0):
        minutes = f" {'oh ' if minute < 10 else ''}{spell(minute)}" if minute else " o'clock"
        said += f"{minutes} and {spell(second)} {'second' if second == 1 else 'seconds'}"
    elif minute:
        said += f" {'oh ' if minute < 10 else ''}{spell(minute)}"
    elif not noon:
        said += " o'clock" if 0 < hour <= 12 else " hundred" if hour else " hundred hours"
    # A full stop after "p.m." that ends the sentence must not be lost.
    stop = (
        "."
        if (match["noon"] or "").endswith(".") and not match.string[match.end() :].strip()
        else ""
    )
    return said + (f" {noon}" if noon else "") + stop


def say_lap(match: re.Match[str]) -> str:
    """Reads 1:02.35 as one oh two point three five."""
    second = int(match[2])
    pause = "oh " if second < 10 else ""
    return f"{spell(int(match[1]))} {pause}{spell(second)} point {digits(match[3])}"


def say_time_range(match: re.Match[str]) -> str:
    """Reads 9:00-5:30 as nine o'clock to five thirty."""
    low, high = (TIME.sub(say_time, match[group]) for group in (1, 2))
    if " " in low and match[1][-2:] == match[2][-2:] == "00":
        low = low.replace(" o'clock", "")
    return f"{low} to {high}"


HOURS: Final[tuple[Rule, ...]] = (
    # Hours: ranges, "7.30pm" and "2-3pm" are lost on the library.
    rule("mM", rf"(?<![\w.])(\d{{1,2}})\.([0-5]\d)(?=\s?(?:{NOON}))", r"\1:\2"),
    rule(
        "mM",
        rf"(?<![\d:.])(1[0-2]|[1-9])\s?[-–—~]\s?(?=(?:1[0-2]|[1-9])(?::[0-5]\d)?\s?(?:{NOON}))",
        lambda m: f"{cardinal(m[1])} to ",
    ),
    rule(":", rf"({CLOCK}){DASH}({CLOCK})", say_time_range),
    # A lap: 1:02.35.
    rule(":", r"(?<![\w:.])(\d{1,2}):([0-5]\d)\.(\d{1,3})(?![\w:])", say_lap),
    rule(":", TIME, say_time),
    rule("mM", HOUR, say_time),
    rule("ECMP", r"(?<=[a-z]|M)(?=(?:EST|EDT|CST|CDT|MST|PST|PDT|GMT|UTC)\b)", " "),
    rule(
        "M",
        r"(?<=[AP]M)\s?[-–—]\s?(?=(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve"
        r"|noon|midnight|close|closing|late|sunset|dusk|dawn)\b|\d)",
        " to ",
    ),
)

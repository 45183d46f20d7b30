"""Reads dates, years and hours as they are said in American English."""

from __future__ import annotations

import re
from typing import Final

from .english import digits, ordinal, spell, year

_MONTHS: Final = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
# "may" and "march" are words, "mar" and "sat" too: in small letters only the others are months.
_SMALL: Final = "|".join(m.lower() for m in _MONTHS if m not in ("March", "May"))
MONTH: Final = (
    "|".join(f"{m}|{m[:3]}\\b\\.?|{m.upper()}|{m[:3].upper()}\\b\\.?" for m in _MONTHS)
    + rf"|Sept\b\.?|SEPT\b\.?|{_SMALL}|(?:jan|feb|apr|jul|aug|sep|sept|oct|nov|dec)\b\.?"
)


def month(name: str) -> str:
    """Returns the month that a name or its beginning stands for."""
    return next(month for month in _MONTHS if month[:3] == name[:3].title())


def name(number: str) -> str:
    """Returns the name of the month with a number."""
    return _MONTHS[int(number) - 1]


def _calendar(name: str, day: str, figures: str | None) -> str:
    if figures and len(figures) == 2:
        figures = ("20" if figures < "50" else "19") + figures
    return f"{name} {ordinal(int(day))}" + (f", {year(figures)}" if figures else "")


def say_date(match: re.Match[str]) -> str:
    """Reads 2024-03-05 and 03/05/24 as March fifth, twenty twenty four."""
    number, day = int(match["month"]), int(match["day"])
    if number > 12 >= day and not (match["year"] and match[0].startswith(match["year"])):
        number, day = day, number  # 25/12/2024
    if not (1 <= number <= 12 and 1 <= day <= 31):
        return match[0]
    return _calendar(_MONTHS[number - 1], str(day), match["year"])


def say_month(match: re.Match[str]) -> str:
    """Reads 2024-06 as June twenty twenty four."""
    return f"{_MONTHS[int(match['month']) - 1]} {year(match['year'])}"


def say_named_date(match: re.Match[str]) -> str:
    """Reads March 5 as March fifth, 5 March 2024 as March fifth, twenty twenty four."""
    if not 1 <= int(match["day"]) <= 31:
        return match[0]
    if match.string[: match.start()].endswith("the "):  # "on the 26th May"
        figures = f", {year(match['year'])}" if match["year"] else ""
        return f"{ordinal(int(match['day']))} of {month(match['month'])}{figures}"
    return _calendar(month(match["month"]), match["day"], match["year"])


def say_day_of(match: re.Match[str]) -> str:
    """Reads "the 5th of November" as the fifth of November."""
    if not 1 <= int(match["day"]) <= 31:
        return match[0]
    figures = match["year"]
    said_before = match.string[: match.start()].lower().endswith("the ")
    the = match["the"] or ("" if said_before else "the ")
    said = f"{the}{ordinal(int(match['day']))} of {month(match['month'])}"
    return said + (f", {year(figures)}" if figures else "")


def say_years(match: re.Match[str]) -> str:
    """Reads 2019-20 as twenty nineteen to twenty."""
    low, high = match["low"], match["high"]
    if len(high) == 2:
        if int(high) <= int(low[2:]):
            return match[0]
        return f"{year(low)} to {spell(int(high)) if high >= '10' else 'oh ' + spell(int(high))}"
    return f"{year(low)} to {year(high)}" if low < high else match[0]


def say_decade(match: re.Match[str]) -> str:
    """Reads 1990s as nineteen nineties."""
    figures = match[1]
    said = year(figures) if len(figures) == 4 else spell(int(figures))
    return plural(said)


def plural(number: str) -> str:
    """Returns the plural of a number in words: nineties, sixes."""
    if number.endswith("y"):
        return number[:-1] + "ies"
    return number + ("es" if number.endswith("x") else "s")


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

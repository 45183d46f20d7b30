"""Reads dates and years as they are said in American English."""

from __future__ import annotations

import re
from typing import Final

from ..rules import FIGURES, Rule, rule
from .numbers import cardinal, digits, ordinal, plural, spell, year

_DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

_WEEKDAY = rf"(?:{'|'.join(f'{day}s?|{day[:3]}' for day in _DAYS)}|Tues|Thurs?)\.?"


_MONTHS: Final = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip

# "may" and "march" are words, "mar" and "sat" too: in small letters only the others are months.
_SMALL: Final = "|".join(m.lower() for m in _MONTHS if m not in ("March", "May"))

MONTH: Final = (
    "|".join(f"{m}|{m[:3]}\\b\\.?|{m.upper()}|{m[:3].upper()}\\b\\.?" for m in _MONTHS)
    + rf"|Sept\b\.?|SEPT\b\.?|{_SMALL}|(?:jan|feb|apr|jul|aug|sep|sept|oct|nov|dec)\b\.?"
)

_YEAR = r"(?:1[1-9]|2[01])\d\d"


_DAY = r"(?P<day>[0-3]?\d)(?:st|nd|rd|th)?"

_OF_YEAR = r"(?:,?\s(?P<year>\d{4})(?!\d|:))?"


_PARTS: Final = {"Q": "quarter", "H": "half"}


def month(name: str) -> str:
    """Returns the month that a name or its beginning stands for."""
    return next(month for month in _MONTHS if month[:3] == name[:3].title())


def nth_month(number: str) -> str:
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


def _quarter(match: re.Match[str]) -> str:
    the = "" if match.string[: match.start()].lower().endswith("the ") else "the "
    return f"{the}{ordinal(int(match[1]))} {_PARTS[match[2]]} of {cardinal(match[3])}"


def _day(name: str) -> str:
    return next(day for day in _DAYS if day[:3] == name[:3]) + (
        "s" if name.endswith("days") else ""
    )


def _named_day(match: re.Match[str]) -> str:
    return _day(match[1]) + _stop(match)


def _named_month(match: re.Match[str]) -> str:
    return month(match[1]) + _stop(match)


def _stop(match: re.Match[str]) -> str:
    """Keeps the full stop of an abbreviation that ends its sentence."""
    return "" if match.string[match.end() :].strip() else "."


def _days(match: re.Match[str]) -> str:
    return f"{_day(match[1])} to {_day(match[2])}"


def _dates(match: re.Match[str]) -> str:
    """Reads Jan 5-9 as January fifth to ninth."""
    first, last = int(match["day"]), int(match["last"])
    if not 1 <= first < last <= 31:
        return match[0]
    said = f"{month(match['month'])} {ordinal(first)} to {ordinal(last)}"
    return said + (f", {year(match['year'])}" if match["year"] else "")


def _short_year(match: re.Match[str]) -> str:
    return digits(match[1], "oh") if match[1][0] == "0" else cardinal(match[1])


SPANS: Final[tuple[Rule, ...]] = (
    rule("M", r"\bM\s?[-–—]\s?F(?=[ ,:]|$)", "Monday to Friday"),
    rule("-–—", rf"\b({_WEEKDAY})\s?[-–—]\s?({_WEEKDAY})(?!\w)", _days),
    rule(
        "-–—",
        rf"\b(?P<month>{MONTH})\s(?P<day>\d{{1,2}})(?:st|nd|rd|th)?\s?[-–—]\s?"
        r"(?P<last>\d{1,2})(?:st|nd|rd|th)?(?![\w:%/-]|\.\d)(?:,?\s(?P<year>\d{4})(?!\d))?",
        _dates,
    ),
    # "Sun." may be the star and "sat" a verb: those two want a word of time before or hours behind.
    rule(".", r"\b(Mon|Tues?|Wed|Thu|Thurs?|Fri)\.(?!\w)", _named_day),
    rule(
        ".",
        r"(Sat|Sun)\.(?!\w)",
        _named_day,
        after=r"\b(?i:on|every|and|or|to|through|until|by|next|this|last) ",
    ),
    rule(
        "tnueidru",
        r"\b(Mon|Tues?|Wed|Thu|Thurs?|Fri|Sat|Sun)"
        r"(?=:? \d{1,2}(?::\d\d)?\s?(?:[AaPp]\.?[Mm]|[-–—])|,? \d{1,2}/\d{1,2}\b)",
        lambda m: _day(m[1]),
    ),
    rule(".", r"\b(Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)\.(?!\w)", _named_month),
    rule("d", r"(?<=(?:st|nd|rd|th) )ed\b(?:\.(?=\s*[a-z,;)(]))?", "edition"),
    rule(
        "-",
        r"\b([Mm]id|[Ee]arly|[Ll]ate|[Pp]re|[Pp]ost)-((?:1[1-9]|20)\d\d)\b",
        lambda m: f"{m[1]}-{year(m[2])}",
    ),
    rule("'’", r"(?<!\w)['’](\d\d)(?![\w'’])", _short_year),
    # The end of a span of days, and of a card.
    rule(
        "/",
        r"(?P<first>\b1[0-2]|\b0?[1-9])/(?P<day1>3[01]|[12]\d|0?[1-9])"
        r"(?:\s?[-–]\s?| (?P<to>to|through) )"
        r"(?P<last>1[0-2]|0?[1-9])/(?P<day2>3[01]|[12]\d|0?[1-9])(?![\w/%])",
        lambda m: (
            f"{nth_month(m['first'])} {ordinal(int(m['day1']))} {m['to'] or 'to'} "
            f"{nth_month(m['last'])} {ordinal(int(m['day2']))}"
        ),
        after=r"\b(?i:on|from|between|dates?:?|open) ",
    ),
    rule(
        "/",
        r"(?<![\w/.-])(?P<year>)(?P<month>1[0-2]|0?[1-9])/(?P<day>3[01]|[12]\d|0?[1-9])(?![\w/%])",
        say_date,
        after=r"\b(?:on|from|between) \d{1,2}/\d{1,2} (?:to|through) ",
    ),
    rule(
        "/",
        r"(0[1-9]|1[0-2])/(\d\d)(?![\d/])",
        lambda m: f"{nth_month(m[1])} {year('20' + m[2])}",
        after=r"\b(?i:expires|expiry|exp\.?|valid (?:thru|until)):? ",
    ),
)

DOTTED: Final[tuple[Rule, ...]] = (
    rule(
        ".",
        r"(?<![\d.])(?P<day>0[1-9]|[12]\d|3[01])\.(?P<month>0[1-9]|1[0-2])\."
        r"(?P<year>(?:19|20)\d\d)(?![\d.]*\d)",
        say_date,
    ),
    rule(
        ".",
        r"(?<![\d.])(?P<year>(?:19|20)\d\d)\.(?P<month>\d{1,2})\.(?P<day>\d{1,2})(?![\d.]*\d)",
        say_date,
    ),
)

DATES: Final[tuple[Rule, ...]] = (
    rule(
        "-/.",
        r"(?<![\d/.-])(?P<year>\d{4})([-/.])(?P<month>\d{1,2})\2(?P<day>\d{1,2})(?![\d/-])",
        say_date,
    ),
    rule(
        "-/.",
        r"(?<![\d/.-])(?P<month>\d{1,2})([-/.])(?P<day>\d{1,2})\2(?P<year>\d{4})(?![\d/-])",
        say_date,
    ),
    # A player's points, rebounds and assists.
    rule(
        "/",
        r"(?<![\d/.-])(\d{1,2})/(\d{1,2})/(\d{1,2})(?![\d/-])",
        r"\1, \2, \3",
        after=r"\b(?:had|with|averag(?:es|ed|ing)|posted|put up|finished with)(?: an?)? ",
    ),
    rule(
        "/",
        r"(?<![\d/.-])(?P<month>\d{1,2})/(?P<day>\d{1,2})/(?P<year>\d{2})(?![\d/-])",
        say_date,
    ),
    rule(
        "-",
        rf"(?<![\d-])(?P<day>[0-3]?\d)-(?P<month>{MONTH})(?:-(?P<year>\d{{4}}|\d\d))?(?![\w-])",
        say_named_date,
    ),
    rule(
        "-",
        rf"(?<![\w-])(?P<month>{MONTH})-{_DAY}(?:-(?P<year>\d{{4}}))?(?![\w-])",
        say_named_date,
    ),
    rule(
        "-",
        r"(?<![\d/-])(?P<year>(?:19|20)\d\d)-(?P<month>0[1-9]|1[0-2])(?![\d/-])",
        say_month,
    ),
    rule(
        "/",
        r"(?<![\d/])(?P<month>0?[1-9]|1[0-2])/(?P<year>(?:19|20)\d\d)(?![\d/])",
        say_month,
    ),
    rule(
        "/",
        r"(?P<year>)(?<![\w/.-])(?P<month>0[1-9])/(?P<day>3[01]|[12]\d|0[1-9])(?![\w/%-])",
        say_date,
    ),
    rule(
        "/",
        r"(?P<year>)(?<![\w/.-])(?P<month>1[0-2]|0?[1-9])/(?P<day>3[01]|[12]\d|0?[1-9])(?![\d/%])",
        say_date,
        after=r"\b(?i:on|due|by|birthday is|until|till|before|since|dated|date is|date:|"
        r"starting|from|ships|arrives|expires|ends|starts|begins|opens|closes|leaves|departs|renews|delivered|"
        r"effective|available|week of|mon|tue|tues|wed|thu|thurs|"
        r"fri|sat|sun|monday|tuesday|wednesday|thursday|friday|saturday|sunday),?\s\(?",
    ),
    rule(
        FIGURES,
        rf"\b(?P<month>{MONTH})\s{_DAY}(?![\d:%–-]|\.\d|\s(?i:people|percent|items|times)){_OF_YEAR}",
        say_named_date,
    ),
    rule(
        FIGURES,
        rf"(?<![\w.,-])(?P<the>[Tt]he\s)?(?P<day>[0-3]?\d)(?:st|nd|rd|th)?\sof\s(?P<month>{MONTH}){_OF_YEAR}",
        say_day_of,
    ),
    rule(
        FIGURES,
        rf"(?<![\w.,-]){_DAY}\s(?P<month>{MONTH})(?!\w){_OF_YEAR}",
        say_named_date,
    ),
    rule("s", r"(?<=\d0s)\s?[-–—]\s?(?=['’]?(?:\d\d)?\d0s\b)", " to "),
    rule(
        "QH",
        r"(?<![\w.])([1-4])([QH])(\d\d)(?!\w)",
        _quarter,
    ),
    rule(
        "s",
        r"(\d0)s(?!\w)",
        lambda m: f"{cardinal(m[1])} seconds",
        after=r"\b(?:after|for|in|within|every|take|takes|took|wait|waits|waited|about|under|only|timeout|"
        r"than|lasts|lasted|least|most) ",
    ),
    # Decades are seconds to the library, FY2025 a name.
    rule(
        "s",
        r"(?<![\w.])['’]?(\d0(?=['’s])|\d{3}0)(?:['’]| (?=s\b))?s\b",
        say_decade,
    ),
    rule("F", r"\bFY\s?(\d{4})\b", lambda m: f"FY {year(m[1])}"),
    rule(
        "-–—",
        rf"(?<![\w.,-])(?P<low>{_YEAR})\s?[-–—]\s?(?P<high>{_YEAR}|\d\d)(?![\w%-]|[.,]\d)",
        say_years,
    ),
)

"""The shorthand of English messages: w/o, Mon-Fri, 6 ft 2 in, 1.5M, '98, 50+."""

from __future__ import annotations

import re
from typing import Final

from . import english as en
from . import english_dates as dates
from .patterns import ISBN, POINTED
from .rules import FIGURES, Rule, rule
from .units_of_measure import UNITS

_DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_DAY = rf"(?:{'|'.join(f'{day}s?|{day[:3]}' for day in _DAYS)}|Tues|Thurs?)\.?"
_AMOUNT = "oz|lb|km|kg|cm|mm|ft|gal|GB|TB|MB|mg|ml|mL|mph|hr|min|sec|mo|yr|sq ft|inch"
_SEVERAL = (
    r"\b(?i:their|his|her|my|your|our|all|straight|double|two|three|four|five|six|pair of|triple|"
    r"roll(?:ed|s)?) "
)
_HALVES: Final = {"1/2": ".5", "1/4": ".25", "3/4": ".75"}


def _day(name: str) -> str:
    return next(day for day in _DAYS if day[:3] == name[:3]) + (
        "s" if name.endswith("days") else ""
    )


def _named_day(match: re.Match[str]) -> str:
    return _day(match[1]) + _stop(match)


def _named_month(match: re.Match[str]) -> str:
    return dates.month(match[1]) + _stop(match)


def _stop(match: re.Match[str]) -> str:
    """Keeps the full stop of an abbreviation that ends its sentence."""
    return "" if match.string[match.end() :].strip() else "."


def _many(match: re.Match[str]) -> str:
    return dates.plural(en.cardinal(match[1]))


def _days(match: re.Match[str]) -> str:
    return f"{_day(match[1])} to {_day(match[2])}"


def _dates(match: re.Match[str]) -> str:
    """Reads Jan 5-9 as January fifth to ninth."""
    first, last = int(match["day"]), int(match["last"])
    if not 1 <= first < last <= 31:
        return match[0]
    said = f"{dates.month(match['month'])} {en.ordinal(first)} to {en.ordinal(last)}"
    return said + (f", {en.year(match['year'])}" if match["year"] else "")


def _short_year(match: re.Match[str]) -> str:
    return en.digits(match[1], "oh") if match[1][0] == "0" else en.cardinal(match[1])


def _inches(match: re.Match[str]) -> str:
    feet, inches = (
        en.say_plural(match[n], *names)
        for n, names in ((1, ("foot", "feet")), (2, ("inch", "inches")))
    )
    return f"{en.cardinal(match[1])} {feet} {en.cardinal(match[2])} {inches}"


def _hexadecimal(match: re.Match[str]) -> str:
    named = (en.digits(char) if char.isdigit() else char.upper() for char in match[1])
    return f"zero x {' '.join(named)}"


def _ratio(match: re.Match[str]) -> str:
    return f"{en.cardinal(match[1] or match[2])} to "


def _groups(match: re.Match[str]) -> str:
    return ", ".join(
        en.digits(group) for group in re.findall(r"\d+|X", match[0].replace("X", ""))
    ) + (" X" if match[0].endswith("X") else "")


SHORTHAND: Final[tuple[Rule, ...]] = (
    # "w o sugar" is the opposite of what was meant.
    rule("w", r"(?<![\w/])w/o(?=\s|$)", "without"),
    rule("w", r"(?<![\w/])w/\s?(?=[\w\s$]|$)", "with "),
    rule("&", r"\s?&&\s?", " and "),
    rule("x", r"\b0x([0-9A-Fa-f]{2,16})\b", _hexadecimal),
    rule("9", ISBN, _groups),
    rule(
        "∗",
        r"(?<![\w])(\d{1,8})∗(\d{1,8})(?!\d)",
        lambda m: f"{en.digits(m[1])}, stars, {en.digits(m[2])}",
    ),
    rule(
        ":",
        r"(?<![\w.])(\d{1,3}(?:\.\d{1,3}){3}):(\d{2,5})(?!\d)",
        lambda m: f"{' dot '.join(map(en.digits, m[1].split('.')))} colon {en.digits(m[2])}",
    ),
    rule("-–—", rf"\b({_DAY})\s?[-–—]\s?({_DAY})(?!\w)", _days),
    rule(
        "-–—",
        rf"\b(?P<month>{dates.MONTH})\s(?P<day>\d{{1,2}})(?:st|nd|rd|th)?\s?[-–—]\s?"
        r"(?P<last>\d{1,2})(?:st|nd|rd|th)?(?![\w:%/-]|\.\d)(?:,?\s(?P<year>\d{4})(?!\d))?",
        _dates,
    ),
    # "Sun." may be the star and "sat" a verb: those two want a word of time before or hours behind.
    rule(".", r"\b(Mon|Tues?|Wed|Thu|Thurs?|Fri)\.(?!\w)", _named_day),
    rule(".", r"(Sat|Sun)\.(?!\w)", _named_day, after=r"\b(?i:on|every|and|or|to|through|until|by|next|this|last) "),
    rule(
        "tnueidru",
        r"\b(Mon|Tues?|Wed|Thu|Thurs?|Fri|Sat|Sun)(?=:? \d{1,2}(?::\d\d)?\s?(?:[AaPp]\.?[Mm]|[-–—]))",
        lambda m: _day(m[1]),
    ),
    rule(".", r"\b(Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)\.(?!\w)", _named_month),
    rule("d", r"(?<=(?:st|nd|rd|th) )ed\b(?:\.(?=\s*[a-z,;)(]))?", "edition"),
    rule(
        "-",
        r"\b([Mm]id|[Ee]arly|[Ll]ate|[Pp]re|[Pp]ost)-((?:1[1-9]|20)\d\d)\b",
        lambda m: f"{m[1]}-{en.year(m[2])}",
    ),
    # Figures of which there are several: "in their 2s and 3s", ones and zeros.
    rule("0", r"(?<![\w.])(\d)s( and | or )0s\b", lambda m: f"{_many(m)}{m[2]}zeros"),
    rule("0", r"(?<![\w.])(0)s(?=,? (?:and|or) \ds\b)", _many),
    rule("s", r"(?<![\w.])(\d{1,2})s\b", _many, after=_SEVERAL),
    rule("s", r"(?<![\w.])(\d{1,2})s\b", _many, after=r"(?:[eo]s|[nrtxv](?:e?s|ies))(?:,|,? and|,? or) "),
    rule("'’", r"(?<!\w)['’](\d\d)(?![\w'’])", _short_year),
    rule("f", r"(?<![\w.])(\d{1,3}) ?ft\.? (\d{1,2}(?:\.\d)?) ?in(?:ches)?\b", _inches),
    rule(
        ".",
        r"(?<=\d)([ -]?(?:oz|lbs?|tsp|tbsp|ft|yds?|hrs?|mins?|secs?|gal|wks?|yrs?|mos?))\.(?=\s[a-z]|[,;:)])",
        r"\1",
    ),
    rule("x×", rf"(?<![\w.])(\d+(?:\.\d+)?)\s?[x×]\s?(?=\d+(?:\.\d+)?-(?:{_AMOUNT})\b)", r"\1 by "),
    # "an eight ounce steak": before what it measures the unit is one.
    rule(
        "-",
        rf"(?<![\w.,/-])({POINTED})-({_AMOUNT})(?=\s[A-Za-z])",
        lambda m: f"{en.cardinal(m[1])} {UNITS[m[2]].one}",
    ),
    rule(
        "/",
        rf"(?<![\w.,/-])(?<!\d )1/2-({_AMOUNT})(?=\s[A-Za-z])",
        lambda m: f"half {UNITS[m[1]].one}",
    ),
    rule("/", r"(?<![\w.,/-])(\d{2,3})/(?=\d{2,3}\s?mmHg)", r"\1 over "),
    rule("xX×", r"(?<=\d)( ?(?:[ckm]?m|ft|yd|in|inch|feet))\s?[xX×](?:\s?(?=\d)|\s*$)", r"\1 by "),
    # The library's "one.five M"; 3M is a company.
    rule(
        "M",
        rf"(?<![\w.,$€£¥-])(?!3M)({POINTED})M(?=[\s,.?!;:)]|$)(?!\s?[Hh]z)",
        lambda m: f"{en.cardinal(m[1])} million",
    ),
    rule(" ", r"(?<![\d.,+-])(?<!\d )([1-9]\d{0,2}) 000(?=[ .,?!]|$)(?! \d)", r"\1,000"),
    rule(",", r"(?<![\d.,])(\d{1,6}),(\d\d)(?=\s?(?:€|EUR\b|euros?\b))", r"\1.\2"),
    rule("/", r"(?<![\d./])(\d+) (1/2|1/4|3/4)\s?(?=%)", lambda m: m[1] + _HALVES[m[2]]),
    rule("xX", rf"(?<![\w.,-])({POINTED})[-–](?={POINTED}[xX]\b)", r"\1 to "),
    rule("+", r"(?<=\d)\+(?=\s|[,.;!?)]|$)(?!\s?[\d(])", " plus"),
    rule("+", r"(?<![\w)])\+(?=[$€£¥]\s?\d)", "plus "),
    rule("!", r"(?<=\w)!(?=\s?[=+*/×÷^)])", " factorial"),
    rule(":", r"(?<![\w:.,])(\d+\.\d+):(?=\d)|(?<![\w:.,])(\d+):(?=\d\.\d)", _ratio),
    rule("-", r"\b([A-DF])-(?=\s(?:grade|average|student)\b|[,;] |[.!?]?$)", r"\1 minus"),
    rule(
        "K",
        rf"(?<![\w.,])({POINTED})K (?=(?:people|users|views|downloads|customers|dollars|tokens|"
        r"subscribers|followers|requests|words|rows|miles|steps)\b)",
        lambda m: f"{en.cardinal(m[1])} thousand ",
    ),
    # The end of a span of days, and of a card.
    rule(
        "/",
        r"(?P<first>\b1[0-2]|\b0?[1-9])/(?P<day1>3[01]|[12]\d|0?[1-9])"
        r"(?:\s?[-–]\s?| (?P<to>to|through) )"
        r"(?P<last>1[0-2]|0?[1-9])/(?P<day2>3[01]|[12]\d|0?[1-9])(?![\w/%])",
        lambda m: f"{dates.name(m['first'])} {en.ordinal(int(m['day1']))} {m['to'] or 'to'} "
        f"{dates.name(m['last'])} {en.ordinal(int(m['day2']))}",
        after=r"\b(?i:on|from|between|dates?:?|open) ",
    ),
    rule(
        "/",
        r"(?<![\w/.-])(?P<year>)(?P<month>1[0-2]|0?[1-9])/(?P<day>3[01]|[12]\d|0?[1-9])(?![\w/%])",
        dates.say_date,
        after=r"\b(?:on|from|between) \d{1,2}/\d{1,2} (?:to|through) ",
    ),
    rule(
        "/",
        r"(0[1-9]|1[0-2])/(\d\d)(?![\d/])",
        lambda m: f"{dates.name(m[1])} {en.year('20' + m[2])}",
        after=r"\b(?i:expires|expiry|exp\.?|valid (?:thru|until)):? ",
    ),
    rule("-", r"(?<![\w.,/-])50-50(?![\w-]|[.,]\d)", "fifty fifty"),
    rule(
        "/",
        r"(?<=[A-Za-z] )(\d{1,2})/(\d{1,2})(?![\d/%])",
        lambda m: f"{en.cardinal(m[1])} or {en.cardinal(m[2])}",
        after=r"\b(?:Windows|iOS|Android|macOS|iPhone|Galaxy|Pixel) ",
    ),
    # Names that are figures.
    rule(
        ".",
        r"(?<![\w.])802\.11([a-z]{0,2})(?!\w)",
        lambda m: f"eight oh two dot eleven {' '.join(m[1])}".rstrip(),
    ),
    rule(
        "(",
        r"(?<!\w)(4\d\d)\(([a-z])\)",
        lambda m: f"{en.digits(m[1], 'oh') if m[1][1] == '0' else en.cardinal(m[1])} {m[2]}",
    ),
    rule(
        "X",
        r"\b(RTX|GTX|RX) ?(\d\d)(\d0)(?!\d)",
        lambda m: f"{m[1]} {en.cardinal(m[2])} {en.cardinal(m[3])}",
    ),
    # Numbers to dial: ten figures in a row are nobody's count.
    rule(FIGURES, r"(?<!\d)\d{5,6}(?!\d|[,.]\d)", lambda m: en.digits(m[0]), after=r"\b[Tt]ext (?:[\"']?[A-Za-z]{1,15}[\"']? to )?"),
    rule(
        FIGURES,
        r"(?<![\w.,])\d{7,12}(?!\d|[,.]\d)",
        lambda m: en.digits(m[0]),
        after=r"\b(?i:number|phone|tel|cell|mobile|fax|id)(?:\sis)?:?\s",
    ),
    rule(
        FIGURES,
        r"(?<!\d)(?:988|[2-8]11)(?!\d|[,.]\d)",
        lambda m: en.digits(m[0]),
        after=r"\b[Cc]all [\w ]{3,20} (?:or|and|not) ",
    ),
)  # fmt: skip

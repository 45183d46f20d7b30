"""The shorthand of English messages: w/o, 6 ft 2 in, 1.5M, 50+, in their 2s and 3s."""

from __future__ import annotations

import re
from typing import Final

from ..patterns import POINTED
from ..rules import Rule, rule
from ..units_of_measure import UNITS
from .numbers import cardinal, digits, plural, say_plural

_AMOUNT = "oz|lb|km|kg|cm|mm|ft|gal|GB|TB|MB|mg|ml|mL|mph|hr|min|sec|mo|yr|sq ft|inch"
_SEVERAL = (
    r"\b(?i:their|his|her|my|your|our|all|straight|double|two|three|four|five|six|pair of|triple|"
    r"roll(?:ed|s)?) "
)


_NUMEROUS = (
    "people|users|views|downloads|customers|dollars|tokens|subscribers|followers|requests|words|rows|"
    "miles|steps"
)


def _many(match: re.Match[str]) -> str:
    return plural(cardinal(match[1]))


def _inches(match: re.Match[str]) -> str:
    feet, inches = (
        say_plural(match[n], *names)
        for n, names in ((1, ("foot", "feet")), (2, ("inch", "inches")))
    )
    return f"{cardinal(match[1])} {feet} {cardinal(match[2])} {inches}"


# Books of which a chapter and a verse are named, no hour.
_BOOKS = (
    r"\b(?:Genesis|Exodus|Leviticus|Deuteronomy|Joshua|Judges|Ruth|Samuel|Kings|Job|Psalms?|Proverbs|"
    r"Ecclesiastes|Isaiah|Jeremiah|Ezekiel|Daniel|Micah|Malachi|Matthew|Mark|Luke|John|Acts|Romans|"
    r"Corinthians|Galatians|Ephesians|Philippians|Colossians|Thessalonians|Timothy|Titus|Hebrews|James|"
    r"Peter|Jude|Revelation|Surah?) "
)
_BOOK: Final = {
    "Matt": "Matthew", "Cor": "Corinthians", "Ps": "Psalm", "Gen": "Genesis",
}  # fmt: skip


def _verse(match: re.Match[str]) -> str:
    """Reads the 13:4-7 of a book as thirteen four to seven."""
    last = f" to {cardinal(match[3])}" if match[3] else ""
    return f"{cardinal(match[1])} {cardinal(match[2])}{last}"


def _ratio(match: re.Match[str]) -> str:
    return f"{cardinal(match[1] or match[2])} to "


SHORTHAND: Final[tuple[Rule, ...]] = (
    rule(".", r"\b(Matt|Cor|Ps|Gen)\.(?= \d{1,3}:\d)", lambda m: _BOOK[m[1]]),
    rule(":", r"(\d{1,3}):(\d{1,3})(?:[-–](\d{1,3}))?(?![\w:])", _verse, after=_BOOKS),
    # "w o sugar" is the opposite of what was meant.
    rule("w", r"(?<![\w/])w/o(?=\s|$)", "without"),
    rule("w", r"(?<![\w/])w/\s?(?=[\w\s$]|$)", "with "),
    rule("&", r"\s?&&\s?", " and "),
    # Figures of which there are several: "in their 2s and 3s", ones and zeros.
    rule("0", r"(?<![\w.])(\d)s( and | or )0s\b", lambda m: f"{_many(m)}{m[2]}zeros"),
    rule("0", r"(?<![\w.])(0)s(?=,? (?:and|or) \ds\b)", _many),
    rule("s", r"(?<![\w.])(\d{1,3})s\b", _many, after=_SEVERAL),
    # "on the 2s and 5s", not "the 2s delay"; omega-3s.
    rule(
        "s",
        r"(?<![\w.])([1-9])s(?=[,.;:!?)]|$| (?:and|or|are|were|in|on|of|from|to|with|at|than)\b)",
        _many,
        after=r"\b(?:[Tt]he|[Aa]ll|of|any|some|no|many|few|these|those) ",
    ),
    rule("s", r"(?<=[A-Za-z]{2})-(\d{1,3})s\b", lambda m: f" {_many(m)}"),
    rule("v", r"(?<![\w.])(\d)\s?v(?:s\.?)?\s?(?=\d(?!\w))", lambda m: f"{cardinal(m[1])} v "),
    rule(
        "s",
        r"(?<![\w.])(\d{1,2})s\b",
        _many,
        after=rf"(?:(?:{_SEVERAL}|\b[Tt]he |\bof )\d{{1,2}}s"
        r"|\b(?:zeros|ones|twos|threes|fours|fives|sixes|sevens|eights|nines|tens|elevens|twelves"
        r"|\w{3,6}teens|\w{3,4}ties))(?:,|,? and|,? or) ",
    ),
    rule("f", r"(?<![\w.])(\d{1,3}) ?ft\.? (\d{1,2}(?:\.\d)?) ?in(?:ches)?\b", _inches),
    rule(
        ".",
        r"(?<=\d)([ -]?(?:oz|lbs?|tsp|tbsp|ft|yds?|hrs?|mins?|secs?|gal|wks?|yrs?|mos?))"
        r"\.(?=\s[a-z]|[,;:)]|\s\d{1,2} ?(?:min|sec|in|oz))",
        r"\1",
    ),
    rule("x×", rf"(?<![\w.])(\d+(?:\.\d+)?)\s?[x×]\s?(?=\d+(?:\.\d+)?-(?:{_AMOUNT})\b)", r"\1 by "),
    # "an eight ounce steak": before what it measures the unit is one.
    rule(
        "-",
        rf"(?<![\w.,/-])({POINTED})-({_AMOUNT})(?=\s[A-Za-z])",
        lambda m: f"{cardinal(m[1])} {UNITS[m[2]].one}",
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
        lambda m: f"{cardinal(m[1])} million",
    ),
    rule(" ", r"(?<![\d.,+-])(?<!\d )([1-9]\d{0,2}) 000(?=[ .,?!]|$)(?! \d)", r"\1,000"),
    rule("xX", rf"(?<![\w.,-])({POINTED})[-–](?={POINTED}[xX]\b)", r"\1 to "),
    rule("+", r"(?<=\d)\+(?=\s|[,.;!?)]|$)(?!\s?[\d(])", " plus"),
    rule("+", r"(?<![\w)])\+(?=[$€£¥]\s?\d)", "plus "),
    rule("!", r"(?<=\w)!(?=\s?[=+*/×÷^)])", " factorial"),
    rule(":", r"(?<![\w:.,])(\d+\.\d+):(?=\d)|(?<![\w:.,])(\d+):(?=\d\.\d)", _ratio),
    rule("-", r"\b([A-DF])-(?=\s(?:grade|average|student)\b|[,;] |[.!?]?$)", r"\1 minus"),
    rule(
        "K",
        rf"(?<![\w.,])({POINTED})K(?=(?: (?:and|to|or) {POINTED}K)? (?:{_NUMEROUS})\b)",
        lambda m: f"{cardinal(m[1])} thousand",
    ),
    rule("-", r"(?<![\w.,/-])50-50(?![\w-]|[.,]\d)", "fifty fifty"),
    rule(
        "/",
        r"(?<=[A-Za-z] )(\d{1,2})/(\d{1,2})(?![\d/%])",
        lambda m: f"{cardinal(m[1])} or {cardinal(m[2])}",
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
        lambda m: f"{digits(m[1], 'oh') if m[1][1] == '0' else cardinal(m[1])} {m[2]}",
    ),
    rule(
        "X",
        r"\b(RTX|GTX|RX) ?(\d\d)(\d0)(?!\d)",
        lambda m: f"{m[1]} {cardinal(m[2])} {cardinal(m[3])}",
    ),
)

"""Reads money, percentages, measures and spans of time as they are said in American English."""

from __future__ import annotations

import re
from typing import Final

from ..money import CURRENCIES, MONEY, SCALES, Currency
from ..patterns import DASH, NUMBER, POINTED, START
from ..rules import FIGURES, Rule, rule
from ..units_of_measure import MEASURE, UNIT, UNITS
from .formulas import say_fraction
from .numbers import cardinal, digits, say_plural

_SCALE_NAMES: Final = {3: " thousand", 6: " million", 9: " billion", 12: " trillion"}


def _scale(written: str | None) -> str:
    return _SCALE_NAMES.get(SCALES.get((written or "").strip(), 0), "")


def say_money(match: re.Match[str]) -> str:
    """Reads $12.50 as twelve dollars and fifty cents."""
    currency = CURRENCIES[match["sign"] or match["sign2"]]
    low, high = match["low"] or match["low2"], match["high"] or match["high2"]
    low_scale, scale = _scale(match["low_scale"]), _scale(match["scale"] or match["scale2"])
    minus = "minus " if match["minus"] or match["minus2"] else ""
    if high:
        ends = [f"{cardinal(low)}{low_scale}", f"{cardinal(high)}{scale}"]
        if "." in low + high and currency.cent and not scale and not low_scale:
            ends = [_amount(low, currency), _amount(high, currency)]
            return minus + " to ".join(ends)
        return f"{minus}{' to '.join(ends)} {currency.many}"
    if scale or low_scale or not currency.cent:
        said = f"{minus}{cardinal(low)}{scale or low_scale} {currency.many}"
        if _DESCRIBES.search(match.string[: match.start()][-6:]):
            said = _singular(said, currency, match)
        return said
    said = _amount(low, currency)
    if not minus and "." not in low and _DESCRIBES.search(match.string[: match.start()][-6:]):
        said = _singular(said, currency, match)
    return minus + said


# "a five dollar bill": before what it describes the unit is one.
_DESCRIBES = re.compile(r"\b[Aa]n?\s$")

_DESCRIBED = re.compile(
    r"\s(?!(?:or|and|to|in|on|at|for|per|a|an|of|off|with|is|was|each|every|more|less|from|by|as|if"
    r"|month|week|year|day|night|hour|piece|person|pop|apiece)\b)[a-z]{3}"
)


def _singular(said: str, currency: Currency, match: re.Match[str]) -> str:
    if said.endswith(currency.many) and _DESCRIBED.match(match.string, match.end()):
        return said.removesuffix(currency.many) + currency.one
    return said


def _amount(number: str, currency: Currency) -> str:
    whole, _, cents = number.replace(",", "").partition(".")
    whole, short = whole or "0", cents.rstrip("0")
    if len(short) > 2 or (len(cents) == 1 and whole == "0"):
        return f"{cardinal(number)} {currency.many}"
    cents = short.ljust(2, "0").lstrip("0") if short else ""
    parts = []
    if int(whole) or not cents:
        parts.append(f"{cardinal(whole)} {say_plural(whole, currency.one, currency.many)}")
    if cents:
        parts.append(f"{cardinal(cents)} {say_plural(cents, currency.cent, currency.cents)}")
    return " and ".join(parts)


def say_percent(match: re.Match[str]) -> str:
    """Reads 5-10% as five to ten percent."""
    mark = "per mille" if match["mark"] == "‰" else "percent"
    if match["high"]:
        return f"{cardinal(match['low'])} to {cardinal(match['high'])} {mark}"
    return f"{cardinal(match['low'])} {mark}"


_PERIODS: Final = {"天": "day", "日": "day", "周": "week", "月": "month", "年": "year"}


def say_measure(match: re.Match[str]) -> str:
    """Reads 120 km/h as one hundred twenty kilometers per hour."""
    unit, per, number = UNITS[match["unit"]], match["per"] or "", match["high"] or match["low"]
    said = cardinal(match["low"]) + (f" to {cardinal(match['high'])}" if match["high"] else "")
    each = f" per {UNITS[per].one if per in UNITS else _PERIODS.get(per, per)}" if per else ""
    return f"{said} {say_plural(number, unit.one, unit.many)}{each}"


def say_part(match: re.Match[str]) -> str:
    """Reads 1/2 tsp as half a teaspoon, 1 1/2 lb as one and a half pounds."""
    unit, whole, above, below = UNITS[match["unit"]], match[1], match[2], match[3]
    if whole:
        return f"{say_fraction(match)} {unit.many}"
    if (above, below) == ("1", "2"):
        article = "an" if unit.one[0] in "aeiou" and not unit.one.startswith("eu") else "a"
        return f"half {article} {unit.one}"
    return f"{say_fraction(match)} of {'an' if unit.one[0] in 'aeiou' else 'a'} {unit.one}"


# Whatever else is written out stands for itself.
PER: Final = {
    "mo": "month", "wk": "week", "yr": "year", "hr": "hour", "d": "day", "min": "minute",
    "pp": "person",
}  # fmt: skip


def say_each(match: re.Match[str]) -> str:
    """Reads the end of $3/lb as per pound."""
    per = match[1]
    return f" per {PER.get(per) or (UNITS[per].one if per in UNITS else per)}"


def say_inches(match: re.Match[str]) -> str:
    """Reads 55" as fifty five inches unless the mark closes a quotation."""
    quoted = match.string.count('"', 0, match.start()) % 2
    if quoted:
        return match[0]
    one = _DESCRIBES.search(match.string[: match.start()][-4:])
    return f"{cardinal(match[1])} {'inch' if one else 'inches'}"


_DURATION_UNITS: Final = {
    "d": "day",
    "h": "hour",
    "hr": "hour",
    "m": "minute",
    "min": "minute",
    "s": "second",
}


def say_duration(match: re.Match[str]) -> str:
    """Reads 1h30m as one hour thirty minutes."""
    parts = re.findall(r"(\d+)\s?([a-z]+)", match[0])
    return " ".join(
        f"{cardinal(count)} {say_plural(count, _DURATION_UNITS[unit], _DURATION_UNITS[unit] + 's')}"
        for count, unit in parts
    )


def say_height(match: re.Match[str]) -> str:
    """Reads 5'10" as five foot ten."""
    inches = f" {cardinal(match[2])}" if match[2] else ""
    return f"{cardinal(match[1])} foot{inches}"


def say_arc(match: re.Match[str]) -> str:
    """Reads 39°54'20" as degrees, minutes and seconds."""
    names = zip(match.groups(), ("degree", "minute", "second"), strict=True)
    return " ".join(f"{cardinal(n)} {say_plural(n, name, name + 's')}" for n, name in names if n)


def _scaled(match: re.Match[str]) -> str:
    return f"{cardinal(match[1])} {'million' if match[2] in 'mM' else 'billion'}"


def say_by(match: re.Match[str]) -> str:
    """Reads the first figure of a size: 1920x1080."""
    return f"{cardinal(match[1])} by "


DURATIONS: Final[tuple[Rule, ...]] = (
    # Spans of time, before "30s" is a decade and "15m" a length.
    rule(
        "hm",
        r"(?<![\w.])\d{1,3}\s?(?:h|hr)\s?\d{1,2}\s?(?:min|m)(?:\s?\d{1,2}\s?s)?(?!\w)|(?<![\w.])\d{1,2}\s?m\s?\d{1,2}\s?s(?!\w)",
        say_duration,
    ),
)

AMOUNTS: Final[tuple[Rule, ...]] = (
    rule(
        "~≈",
        r"[~≈]\s?(?=[$€£¥₩₹.]?\d)",
        "",
        after=r"\b(?i:about|around|approximately|approx\.?|almost|nearly)\s",
    ),
    # "~" is a tilde to the library, and lost before an amount.
    rule("~≈", r"(?<![\w)])[~≈]\s?(?=[$€£¥₩₹.]?\d)", "about "),
    # Money with cents ("twelve point five dollars"), dollars of other countries, ranges.
    rule("$€£¥₩₹₽₿₺₫₱฿DRPYF", MONEY, say_money),
    rule(
        "/",
        r"\s?/\s?([A-Za-z]{1,12})(?![\w/])",
        say_each,
        after=r"\b(?:dollars?|cents?|euros?|pounds?|penny|pence|yuan|yen|won|rupees|rubles|francs?)",
    ),
    rule(
        "¢",
        rf"(?<![\w.,])({POINTED})\s?¢",
        lambda m: f"{cardinal(m[1])} {say_plural(m[1], 'cent', 'cents')}",
    ),
    rule(
        "%‰",
        rf"(?<![\w.,])(?P<low>[-+±]?{POINTED})(?:%?{DASH}(?P<high>{NUMBER}))?\s?(?P<mark>[%‰])",
        say_percent,
    ),
    # Degrees of arc; feet and inches.
    rule("°", r"(\d+)°\s?(\d+)'(?:\s?(\d+)\")?", say_arc),
    rule("'", r"(?<![\w.])(\d)['′]\s?(?:(\d{1,2})(?:\"|''|(?![\w']))|(?!\d))(?!\w)", say_height),
    rule(
        '"',
        r"(?<![\w.])(\d+(?:\.\d+)?)\"(?=\s(?:screen|monitor|display|TV|tablet|pipe|wide|long|tall|x)|\s?[x×])",
        lambda m: f"{cardinal(m[1])} inch",
    ),
    # Millions of users; to the library minutes.
    rule(
        "mMbBkK",
        rf"(?<![\w.,])({POINTED})([mMbB])\s(?=(?:users|people|views|downloads|parameters|customers|dollars|tokens|subscribers|followers)\b)",
        lambda m: _scaled(m) + " ",
    ),
    # "12\"" with no quotation open.
    rule('"', r'(?<![\w./"])(\d+(?:\.\d+)?)"(?=,? [a-z]{2})', say_inches),
    rule('"', r'^([^"]*(?<![\w.])\d+)"(?=[^"]*$)', r"\1 inches"),
    # ZIP codes, and "may 5", which is the library's fifth of May.
    rule(
        FIGURES,
        r"(\d{5})(?:-(\d{4}))?(?!\d)",
        lambda m: digits(m[1]) + (f", {digits(m[2])}" if m[2] else ""),
        after=r"\b[A-Z]{2},? ",
    ),
    rule("m", r"(?<=\bmay )\d+(?=\s[a-z])", lambda m: cardinal(m[0])),
    # An angle of forty five degree is one: "a 45° turn".
    rule(
        "°",
        r"(?<![\w.,-])(\d{1,3})°(?=[ -](?:angle|turn|view|rotation|bend|corner|slope|arc|field))",
        lambda m: f"{cardinal(m[1])} degree",
    ),
    # Fractions of a unit: "one half tsp".
    rule("/", rf"{START}(?:(\d+)\s)?(\d{{1,2}})/(\d{{1,2}})\s?(?P<unit>{UNIT})", say_part),
    # Sizes, before their unit: "m" is minutes to the library.
    rule("x×", r"(?<=\d)([x×]\s?\d+(?:\.\d+)?)\s?in(?=[.,;:!?)]|$)", r"\1 inches"),
    rule(
        "x×",
        r"(?:(?<![\w.])|(?<=\dx))(\d+(?:\.\d+)?)(?:×|\sx\s|x)(?=\d+(?:\.\d+)?(?![\d^]|\s?=))",
        say_by,
    ),
    rule(FIGURES, MEASURE, say_measure),
    rule("/", "(?<=s)/(?=one hundred kilo)", " per "),
)

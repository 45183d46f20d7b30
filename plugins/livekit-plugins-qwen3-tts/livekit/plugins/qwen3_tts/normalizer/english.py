"""Reads figures and symbols as they are said in American English."""

from __future__ import annotations

import re
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from .money import CURRENCIES, SCALES, Currency
from .patterns import phone_groups, url_parts
from .units_of_measure import UNITS

if TYPE_CHECKING:
    from unicode_rbnf import RbnfEngine

_DIGIT_NAMES: Final = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
]


@lru_cache(maxsize=1)
def _engine() -> RbnfEngine:
    from unicode_rbnf import RbnfEngine

    return RbnfEngine.for_language("en")


@lru_cache(maxsize=4096)
def spell(number: int, purpose: str = "cardinal") -> str:
    """Names a number: as a cardinal, an ordinal or a year."""
    from unicode_rbnf import FormatPurpose

    return _engine().format_number(number, FormatPurpose[purpose.upper()]).text.replace("-", " ")


_THOUSANDS: Final = ("", " thousand", " million", " billion", " trillion", " quadrillion")


def _in_groups(number: int) -> str:
    # The engine takes 0.16 ms for seven figures that are new to it; of three figures there are
    # only a thousand, soon all in the cache.
    said, power = [], 0
    while number:
        number, group = divmod(number, 1000)
        if group:
            said.append(spell(group) + _THOUSANDS[power])
        power += 1
    return " ".join(reversed(said)) or spell(0)


def digits(figures: str, zero: str = "zero") -> str:
    """Names digits one by one, as in a telephone number."""
    return " ".join(zero if d == "0" else _DIGIT_NAMES[int(d)] for d in figures)


def cardinal(number: str) -> str:
    """Reads a number: "1,200" is one thousand two hundred, "-3.50" minus three point five zero."""
    number = number.replace(",", "")
    sign = {"-": "minus ", "+": "plus ", "±": "plus or minus "}.get(number[:1], "")
    whole, _, decimals = number.lstrip("+-±").partition(".")
    # Commas can still make a figure longer than quadrillions, the last that anyone says.
    said = digits(whole) if len(whole) > 3 * len(_THOUSANDS) else _in_groups(int(whole or 0))
    if not whole:  # ".5"
        said = ""
    return f"{sign}{said}{f' point {digits(decimals)}' if decimals else ''}".replace(
        "  ", " "
    ).strip()


def ordinal(number: int) -> str:
    """Reads 21 as twenty first."""
    # The engine has no ordinals beyond a quadrillion; only the end of a number is one.
    thousands, rest = divmod(number, 1000)
    if not thousands:
        return spell(number, "ordinal")
    said = cardinal(f"{thousands}000")
    return f"{said} {spell(rest, 'ordinal')}" if rest else f"{said}th"


def year(figures: str) -> str:
    """Reads 1984 as nineteen eighty four."""
    return spell(int(figures), "year")


def house(figures: str) -> str:
    """Reads the number of a house: 221 is two twenty one, 1600 sixteen hundred."""
    if len(figures) < 3 or figures.endswith("00") and len(figures) == 3 or figures.endswith("000"):
        return cardinal(figures)
    if len(figures) > 4:
        return digits(figures)
    first, last = cardinal(figures[:-2]), figures[-2:]
    if last == "00":
        return f"{first} hundred"
    return f"{first} {'oh ' if last[0] == '0' else ''}{cardinal(last)}"


def _by_name(figures: str) -> str:
    """Reads the figure of a name: 15 is fifteen, 302 three oh two, 747 seven four seven."""
    if "." in figures or figures[0] != "0" and (len(figures) <= 2 or figures.endswith("00")):
        return cardinal(figures)
    return digits(figures, "oh" if figures[0] != "0" else "zero")


_ADDRESS: Final = {
    ".": " dot ", "/": " slash ", "-": " dash ", "_": " underscore ", ":": " colon ",
    "+": " plus ", "~": " tilde ",
}  # fmt: skip


def _address(text: str) -> str:
    text = "".join(_ADDRESS.get(char, char) for char in text)
    text = re.sub(r"\d+", lambda figure: f" {digits(figure[0])} ", text)
    return re.sub(r" {2,}", " ", text).strip()


def say_email(match: re.Match[str]) -> str:
    """Reads a_1@b.org as a underscore one at b dot org."""
    return f"{_address(match[1])} at {_address(match[2])}"


def say_url(match: re.Match[str]) -> str:
    """Reads https://www.example.com/a?b=1 as example dot com slash a."""
    return _address(url_parts(match))


def say_phone(match: re.Match[str]) -> str:
    """Reads 555-123-4567 digit by digit, with a pause between groups."""
    plus, groups = phone_groups(match)
    return ("plus " if plus else "") + ", ".join(digits(group) for group in groups)


def say_plural(number: str, one: str, many: str) -> str:
    """Returns the singular for one, else the plural."""
    return one if number.lstrip("+-±") in ("1", "1.0") else many


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


def say_fraction(match: re.Match[str]) -> str:
    """Reads 3/4 as three quarters, 1 1/2 as one and a half."""
    above, below = int(match[2]), int(match[3])
    if below == 2 and above == 1:
        said = "a half" if match[1] else "one half"
    elif above >= below or below > 10 and below not in (12, 16, 20, 32, 100) or below < 2:
        said = f"{cardinal(match[2])} over {cardinal(match[3])}"
    else:
        name = {2: "half", 4: "quarter"}.get(below, ordinal(below))
        count = "a" if match[1] and above == 1 else cardinal(match[2])
        said = f"{count} {name}{'s' if above > 1 else ''}"
    return f"{cardinal(match[1])} and {said}" if match[1] else said


def say_version(match: re.Match[str]) -> str:
    """Reads v2.0.1 as version two point zero point one."""
    parts = match["parts"].split(".")
    address = len(parts) == 4 and all(int(part) <= 255 for part in parts)
    prefix = match["prefix"] or ""
    if prefix in ("v", "V"):
        spoken_already = re.search(r"version\s$", match.string[: match.start()], re.IGNORECASE)
        prefix = "" if spoken_already else "version "
    if address:
        return prefix + " dot ".join(digits(part) for part in parts)
    return prefix + " point ".join(cardinal(part) for part in parts)


# Numbers of cases, orders and rooms hold dashes, too.
_NUMBERED = re.compile(
    r"\b(?:case|order|account|acct|ticket|reference|ref|id|number|no|code|invoice|serial|tracking|"
    r"policy|claim|zip|part|model|room|unit|apartment|apt|suite|confirmation|booking)\.?"
    r"(?: (?:number|id|code|no\.?))?(?: (?:is|was))?:? ?#?$",
    re.IGNORECASE,
)
_SCORED = re.compile(r"\b(?:scor|won|win|lost|lose|beat|lead|led|tied|draw)")
# A range that begins with a small figure and ends beyond this is a number with a dash in it.
_WIDEST = 1000


def say_dashed(match: re.Match[str]) -> str:
    """Reads 3-5 as a range, 302-1 as a number with a dash in it."""
    low, high = match["low"].replace(",", ""), match["high"].replace(",", "")
    text = match.string[: match.start()]
    if _NUMBERED.search(text[-40:]):
        return f"{_figures(low)}, {_figures(high)}"
    if len(low) < 4 and _SCORED.search(match.string):
        return f"{cardinal(low)} to {cardinal(high)}"
    whole = "." not in low + high
    if whole and (
        (low[0] == "0" and len(low) > 1)
        or (len(high) >= 4 and int(high) > _WIDEST * max(int(low), 1))
    ):
        return f"{_figures(low)}, {_figures(high)}"
    if Decimal(low) >= Decimal(high):
        # "9-5" is hours, "302-1" a room.
        if len(low) <= 2 and len(high) <= 2:
            return f"{cardinal(low)} to {cardinal(high)}"
        return f"{_by_name(low)} dash {_by_name(high)}"
    return f"{cardinal(low)} to {cardinal(high)}"


def _figures(number: str) -> str:
    return cardinal(number) if len(number) <= 2 and number[0] != "0" else digits(number)


def say_groups(match: re.Match[str]) -> str:
    """Reads 5-4-3 and 00-11-22-33 group by group."""
    return ", ".join(_figures(group) for group in re.split("[-–]", match[0]))


def say_name(match: re.Match[str]) -> str:
    """Reads GPT-4 as GPT four, BA123 as BA one two three."""
    text = re.sub(r"\.(?=\d{3,}|\d*[A-Za-z])|(?<=[A-Za-z])\.", " ", match[0].replace("-", " "))
    text = re.sub(r"\d+(?:\.\d+)?", lambda figure: f" {_by_name(figure[0])} ", text)
    return re.sub(r" {2,}", " ", text).strip()


def say_number(match: re.Match[str]) -> str:
    """Reads a bare figure: a number, or digits if it can only be a serial number."""
    number = match[0]
    figures = number.lstrip("+-±")
    if figures[0] == "0" and len(figures) > 1 and figures.isdigit():
        return digits(figures)
    if (
        figures.isdigit()
        and len(figures) >= 9
        and not match.string[match.end() :][:2].strip(" ,.?!")
    ):
        return digits(figures)
    # What the library was not asked about: it reads these so.
    if re.fullmatch(r"1[1-9]\d\d|20\d\d", number):
        return year(number)
    return cardinal(number)


_MATH: Final = {
    "+": "plus", "-": "minus", "−": "minus", "×": "times", "x": "times", "*": "times",
    "/": "divided by",
    "÷": "divided by",
    "=": "equals", "==": "equals", "<": "is less than", ">": "is greater than",
    "≤": "is at most", "≥": "is at least", "<=": "is at most", ">=": "is at least",
    "≠": "is not equal to", "!=": "is not equal to", "≈": "is about", "±": "plus or minus",
}  # fmt: skip


_IS = re.compile(r"\b(?:is|are|was|were|be)$|['’]s$")
_COMPARED: Final = {
    "<": "less than ", ">": "more than ", "<=": "at most ", ">=": "at least ", "≤": "at most ",
    "≥": "at least ",
}  # fmt: skip


def compare(sign: str) -> str:
    """Reads the sign before a bound: <5 is less than five."""
    return _COMPARED[sign]


def say_signed(match: re.Match[str]) -> str:
    """Reads a figure with a sign or a point; the others are the library's."""
    return cardinal(match[0])


def say_code(match: re.Match[str]) -> str:
    """Reads the 302 of a room as three oh two."""
    return digits(match[1], "oh" if len(match[1]) <= 3 else "zero")


def say_code_groups(match: re.Match[str]) -> str:
    """Reads E873 204 115 figure by figure, with a pause between groups."""
    named = re.sub(r"\d+", lambda figures: f" {digits(figures[0])}", match[0].replace(" ", ","))
    return named.strip()


def say_arc(match: re.Match[str]) -> str:
    """Reads 39°54'20" as degrees, minutes and seconds."""
    names = zip(match.groups(), ("degree", "minute", "second"), strict=True)
    return " ".join(f"{cardinal(n)} {say_plural(n, name, name + 's')}" for n, name in names if n)


def say_operator(match: re.Match[str]) -> str:
    """Reads an operator of a formula."""
    said = _MATH[match[0].strip()]
    if _IS.search(match.string[: match.start()][-8:]):
        said = said.removeprefix("is ")
    return f" {said} "


def say_exponent(match: re.Match[str]) -> str:
    """Reads 1e-9 as one times ten to the power of minus nine."""
    return f"{cardinal(match[1])} times ten to the power of {cardinal(match[2])}"


def say_by(match: re.Match[str]) -> str:
    """Reads the first figure of a size: 1920x1080."""
    return f"{cardinal(match[1])} by "


def say_power(match: re.Match[str]) -> str:
    """Reads x^2 as x squared."""
    exponent = match[1].strip("()")
    if exponent in ("2", "3"):
        return {"2": " squared", "3": " cubed"}[exponent]
    numeric = exponent.lstrip("-").isdigit()
    return f" to the power of {cardinal(exponent) if numeric else exponent}"

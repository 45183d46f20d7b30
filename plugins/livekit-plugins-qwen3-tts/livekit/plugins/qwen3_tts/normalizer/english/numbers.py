"""Names numbers as they are said in American English."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from unicode_rbnf import RbnfEngine

_DIGIT_NAMES: Final = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine",
)  # fmt: skip


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


def plural(number: str) -> str:
    """Returns the plural of a number in words: nineties, sixes."""
    if number.endswith("y"):
        return number[:-1] + "ies"
    return number + ("es" if number.endswith("x") else "s")


def by_name(figures: str) -> str:
    """Reads the figure of a name: 15 is fifteen, 302 three oh two, 747 seven four seven."""
    if "." in figures or figures[0] != "0" and (len(figures) <= 2 or figures.endswith("00")):
        return cardinal(figures)
    return digits(figures, "oh" if figures[0] != "0" else "zero")


def by_group(number: str) -> str:
    """Reads a group of figures in a longer number: 12 is twelve, 012 and 302 figure by figure."""
    return cardinal(number) if len(number) <= 2 and number[0] != "0" else digits(number)


def say_plural(number: str, one: str, many: str) -> str:
    """Returns the singular for one, else the plural."""
    return one if number.lstrip("+-±") in ("1", "1.0") else many


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

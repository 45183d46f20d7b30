"""Reads fractions and formulas as they are said in American English."""

from __future__ import annotations

import re
from typing import Final

from ..patterns import COEFFICIENT, NUMBER, START
from ..rules import Rule, rule
from .numbers import cardinal, ordinal


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


_MATH: Final = {
    "+": "plus", "-": "minus", "−": "minus", "×": "times", "x": "times", "*": "times",
    "/": "divided by",
    "÷": "divided by",
    "=": "equals", "==": "equals", "<": "is less than", ">": "is greater than",
    "≤": "is at most", "≥": "is at least", "<=": "is at most", ">=": "is at least",
    "≠": "is not equal to", "!=": "is not equal to", "≈": "is about", "±": "plus or minus",
}  # fmt: skip

# "We need >= 3 people", "with > 5 days": a bound, no comparison of two.
_BOUNDED = re.compile(
    r"\b(?:needs?|requires?|takes?|took|wants?|with|of|to|for|have|has|had|get|at|only|if|about|costs"
    r"|weighs?|lasts?|contains?|holds?|use[sd]?|in|within|after|every|per|by)\s?$"
)
# "Is 5 > 3?"
_ASKED = re.compile(r"(?:^|[.!?,:;]\s|\b(?:and|so|but|then|why|how)\s)(?:[Ii]s|[Aa]re) \S{1,12}$")
_IS = re.compile(r"\b(?:is|are|was|were|be)$|['’]s$")


_COMPARED: Final = {
    "<": "less than ", ">": "more than ", "<=": "at most ", ">=": "at least ", "≤": "at most ",
    "≥": "at least ",
}  # fmt: skip


def compare(sign: str) -> str:
    """Reads the sign before a bound: <5 is less than five."""
    return _COMPARED[sign]


def say_operator(match: re.Match[str]) -> str:
    """Reads an operator of a formula."""
    sign = match[0].strip()
    said, before = _MATH[sign], match.string[: match.start()]
    if sign in _COMPARED and _BOUNDED.search(before[-12:]):
        return f" {compare(sign)}"
    if _IS.search(before[-8:]) or _ASKED.search(before[-24:]):
        said = said.removeprefix("is ")
    return f" {said} "


def say_exponent(match: re.Match[str]) -> str:
    """Reads 1e-9 as one times ten to the power of minus nine."""
    return f"{cardinal(match[1])} times ten to the power of {cardinal(match[2])}"


def say_power(match: re.Match[str]) -> str:
    """Reads x^2 as x squared."""
    exponent = match[1].strip("()")
    if exponent in ("2", "3"):
        return {"2": " squared", "3": " cubed"}[exponent]
    numeric = exponent.lstrip("-").isdigit()
    return f" to the power of {cardinal(exponent) if numeric else exponent}"


def say_absolute(match: re.Match[str]) -> str:
    """Reads ∣-5∣ as the absolute value of minus five."""
    named = re.search(r"\babsolute value( of)?\s?$", match.string[: match.start()][-20:])
    said = ("" if named[1] else "of ") if named else "the absolute value of "
    return said + re.sub(r"(?<=[\w)])\s?-\s?(?=\w)", " minus ", match[1])


_RATED = (
    r"\b(?i:rat(?:ed|es|ing(?: of| is)?|e it)|scor(?:ed?|es|ing)|stars|review|"
    r"giv(?:e|es|ing) it|gave it|got)(?: a)?:? "
)

FRACTIONS: Final[tuple[Rule, ...]] = (
    rule("/", r"(?<![\w/])(\d+)/(\d+)(?i:st|nd|rd|th|s)\b", r"\1/\2"),
    rule("/", r"(?<=\d) / (?=\d)", " divided by "),
    # A rating; a player's points, rebounds and assists.
    rule("/", r"(?<![\w.,/])(\d\.\d|5(?=/5)|10(?=/10))/(5|10)(?![\d/]|\.\d)", r"\1 out of \2"),
    rule("/", r"(?<![\w.,/])([1-5])/5(?![\d/]|\.\d)", r"\1 out of 5", after=_RATED),
    # "24/7", and what nobody counts in parts: 120/80, 9/11.
    rule(
        "/",
        r"(?<![\d/.])(24/7|9/11|50/50|20/20)(?![\d/])",
        lambda m: " ".join(cardinal(n) for n in m[1].split("/")),
    ),
    rule(
        "/",
        r"(?<![\d/.])(\d{1,3})/(\d{1,3})(?![\d/.])",
        lambda m: f"{cardinal(m[1])} of {cardinal(m[2])}",
        after=r"\b(?i:page|slide|step|question|part|round|level|lesson) ",
    ),
    # Of a hundred points, of ten: a mark, but in a sum and before what is in parts.
    rule(
        "/",
        r"(?<![\w.,/])(?<![=+*/×÷] )(\d{1,3}/100|\d/10)(?=[,.;:!?)](?!\d)|$"
        r"| (?:on|for|and|but|overall|would|from|in)\b)",
        lambda m: " out of ".join(cardinal(n) for n in m[1].split("/")),
    ),
    rule("/", r"(?<![\w.,)])-(?=\d+/\d)", "minus "),
    rule("/", rf"{START}(?:(\d+)\s)?(\d+)/(\d+)(?![\d/])(?!\.\d)", say_fraction),
    rule(
        "tdh",
        r"(?<![\w.,])(\d{1,3}(?:,\d{3})+|\d+)(?:st|nd|rd|th)\b",
        lambda m: ordinal(int(m[1].replace(",", ""))),
    ),
    rule("kK", rf"(?<![\w.,])({NUMBER})[k]\b", lambda m: f"{cardinal(m[1])} thousand"),
    rule(".№#", r"(?:\bNo\.|№|#)\s?(?=\d)", "number "),
)

# Before a bar stands in the way of what is read beside it, and a letter is taken for a unit.
ALGEBRA: Final[tuple[Rule, ...]] = (
    rule("∣", "∣([^∣]{1,60})∣", say_absolute),
    # "2N + 1" counts no newtons: what is added to it has no unit.
    rule("+-", COEFFICIENT, lambda m: f"{cardinal(m[1])} {m[2]}"),
)

FORMULAS: Final[tuple[Rule, ...]] = (
    # Formulas: the library takes "2x" for "two times" and loses the minus of an exponent.
    rule("eE", r"(?<![\w.])(\d+(?:\.\d+)?)[eE]([-+]?\d{1,3})(?!\w)", say_exponent),
    rule("^", r"\^(-?\d+|[a-z]|\(?-?\w+\)?)", say_power),
    rule("√", r"√\s?", "the square root of "),
    rule("/", r"(?<=[\w)])\s?//\s?(?=[\w(])", " integer divided by "),
    rule(
        "GU",
        r"\b(GMT|UTC)\s?([+-])(\d{1,2})(?!\d)",
        lambda m: f"{m[1]} {'plus' if m[2] == '+' else 'minus'} {cardinal(m[3])}",
    ),
    rule(
        "x",
        r"(?<![\w.])(?<![=+*/×-])(?<![=+*/×-] )(\d+(?:\.\d+)?)x"
        r"(?=\s(?:faster|slower|more|less|larger|bigger|smaller|better|the|as|speed|zoom|return|growth)\b|[,.!?]|$)",
        lambda m: f"{cardinal(m[1])} times",
    ),
    rule(
        "",
        r"(?<![\w.])(\d{1,3})(?:([a-z])(?=\s?[-+=*/×÷)^<>]| (?:squared|cubed|to the power)\b)"
        r")|(?<=[=+*/×-] )(\d{1,3})([xyzabn])(?!\w)",
        lambda m: f"{cardinal(m[1] or m[3])} {m[2] or m[4]}",
    ),
    rule(
        "pP",
        r"(?<!\d)(\d{1,2})(\d\d)[pP]\b",
        lambda m: f"{cardinal(m[1])} {cardinal(m[2])} p",
    ),
    rule("2", r"\b([BCP])2([BCP])\b", r"\1 to \2"),
    rule(
        "-",
        r"(?<=[\d)]) [-] (?=[\w(]+ ?[=+*/×÷])|(?<=\d)-\s?(?=\d+\s?=)|(?<=\b[a-z]) - (?=[\da-z]\b)"
        r"|(?<=[)\w]) - (?=the square)"
        r"|(?<=squared) - (?=\w)|(?<=cubed) - (?=\w)|(?<=\w) - (?=\d{1,3}[a-z]\b)"
        r"|(?<![\w)\]-])-(?=[a-z]\b)",
        " minus ",
    ),
    rule("+×÷=≠±*", r"(?<=[\w)])\s?(?:[+×÷=≠±*]|[=!<>]=)\s{0,2}(?=[\w(√π.±-])", say_operator),
    rule("±", "±(?=[A-Za-z(])", "plus or minus "),
    # A path through menus.
    rule(">", r"(?<=[A-Za-z]) > (?=[A-Z][A-Za-z])", ", "),
    rule("<>≤≥≈", r"(?<=[\w)])(?: [<>≤≥≈] |[<>≤≥≈])(?=[\w(√π.$€£-])", say_operator),
    rule("<>≤≥≈", r"([<>]=?|[≤≥])\s?(?=[-+]?[$€£¥]?\.?[\dA-Za-z])", lambda m: compare(m[1])),
    # A formula that goes on in the next unit.
    rule("+×÷=≠±", r"(?<=[\w)]) [+×÷=≠±] ?$", say_operator),
    rule("<>≤≥", r"(?<=\d) [<>≤≥] ?$", say_operator),
)

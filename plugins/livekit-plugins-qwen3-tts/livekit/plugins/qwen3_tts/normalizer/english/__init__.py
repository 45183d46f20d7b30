"""Which written forms there are in an English text, most specific first.

A rule is here because the library reads its form wrongly, not at all, or as nobody says it to a
caller; what stands above it says which.
"""

from __future__ import annotations

import re
from typing import Final

from ..folding import fold
from ..language import HAN
from ..patterns import NUMBER, POINTED
from ..reading import Reader
from ..rules import FIGURES, Rule, apply, rule
from ..signs import SIGNS
from .amounts import AMOUNTS, DURATIONS, PER
from .codes import ADDRESSES, CODES, NUMBERS, RANGES, VERSIONS
from .dates import DATES, DOTTED, SPANS
from .expansions import EXPANSIONS
from .formulas import ALGEBRA, FORMULAS, FRACTIONS
from .hours import HOURS
from .numbers import cardinal, digits, say_number
from .shorthand import SHORTHAND

_SIGNED = rf"[-+±]?{POINTED}"


def _mandarin(match: re.Match[str]) -> str:
    from .. import mandarin

    return mandarin.speak(match[0])


_ABROAD: Final[tuple[Rule, ...]] = (
    # A figure that a Chinese word counts is read with it.
    rule(FIGURES, rf"(?<![\w.,])第?{NUMBER}%?\s?[{HAN}]", _mandarin),
    # Figures as they are written abroad: the library reads 1.234,56 and ₹1,50,000 in two parts.
    rule(
        ",",
        r"(?<![\d.,])(\d{1,3}(?:\.\d{3})+),(\d{1,2})(?!\d)",
        lambda m: f"{m[1].replace('.', ',')}.{m[2]}",
    ),
    rule("€£", r"([€£]\s?\d+),(\d\d)(?!\d)", r"\1.\2"),
    rule(
        " ",
        r"(?<![\w.,+-])(?<!\d )([1-9]\d{0,2})((?: \d{3}){2,})(?![\d-]| \d)",
        lambda m: m[1] + m[2].replace(" ", ","),
    ),
)

_MARKS: Final[tuple[Rule, ...]] = (
    rule("+", r"C\+\+", "C plus plus "),
    rule("#", r"\b([CF])#", r"\1 sharp"),
    rule(".", r"(?<!\w)\.(?=NET\b)", "dot "),
    rule("&", r"\s?&\s?", " and "),
    rule("@", r"\s?@\s?", " at "),
    rule("→>", r"\s?(?:→|->|=>)\s?", " to "),
    rule("".join(SIGNS), f"[{''.join(SIGNS)}]", lambda m: SIGNS[m[0]][0]),
    rule(
        "☆",
        r"1☆|☆(?=[ -](?:hotel|rat|review|rest|resort|general|service|exp|app|place))",
        lambda m: "one star" if m[0] == "1☆" else " star",
    ),
    rule("☆", "☆", " stars"),
    rule(
        "/",
        rf"\s?/\s?({'|'.join(PER)}|month|day|week|year|hour|person|minute|night|user|seat)\b",
        lambda m: f" per {PER.get(m[1], m[1])}",
    ),
    rule("/", r"\s?/\s?s(?=$|[,;!?)]|\.(?!\w)| [a-z]{2})", " per second"),
    # "ten hundred" and "ten zero one" are the library's 1000 and 1001.
    rule("0", r"(?<![\w.,-])\d00\d(?![\w-]|[.,]\d)", lambda m: cardinal(m[0])),
    # One long figure alone can only be a number of something.
    rule(
        FIGURES,
        r"(?<![\w.,])0\d+(?![\w.,]\d|\w)|(?<![\w.,])\d{9,}(?=[ ,.?!]{0,2}$)"
        r"|(?<![\w.,])\d{6,}[1-9]\d{0,2}(?<=\d{9})(?![\w]|[.,]\d)"
        r"(?= (?:is|was|or|and|if|to|now|please)\b)",
        lambda m: digits(m[0]),
    ),
    rule(
        "-+±.,",
        rf"(?<![\w.,)])(?:[-+±]{POINTED}|\d[\d,]{{0,20}}\.\d+|\.\d+|\d{{1,3}}(?:,\d{{3}})+)(?!\w)",
        lambda m: cardinal(m[0]),
    ),
    # "1.5b", whose point the library loses.
    rule(
        ".",
        r"(?<![\w.,)])\d[\d,]{0,20}\.\d+(?=[A-Za-z]{1,3}(?![\w.]))",
        lambda m: f"{cardinal(m[0])} ",
    ),
    rule("%", "%", " percent"),
    rule("π", r"π(?=([A-Za-z])?)", lambda m: "pi " if m[1] else "pi"),
    # Two quotations side by side would grow into one word.
    rule('"', r'(?<=\w)"\s*"(?=\w)', '", "'),
)

_RULES: Final[tuple[Rule, ...]] = (
    *ALGEBRA,
    *EXPANSIONS,
    *ADDRESSES,
    *SPANS,
    *SHORTHAND,
    *_ABROAD,
    *NUMBERS,
    *DOTTED,
    *VERSIONS,
    *DURATIONS,
    *DATES,
    *HOURS,
    *AMOUNTS,
    *FRACTIONS,
    *CODES,
    *FORMULAS,
    *RANGES,
    *_MARKS,
)

_AFTERWARDS: Final[tuple[Rule, ...]] = (
    rule(FIGURES, rf"(?<![\w.,)]){_SIGNED}|{NUMBER}", say_number),
    rule("/", r"\s?/\s?", " "),
)


def speak(text: str, before: str = "", most: int = 160) -> str:
    """Returns an English text with every figure and symbol in words."""
    text = fold(text)
    text = apply(_RULES, before + text, len(before))
    return apply(_AFTERWARDS, Reader("en", most).read(text))

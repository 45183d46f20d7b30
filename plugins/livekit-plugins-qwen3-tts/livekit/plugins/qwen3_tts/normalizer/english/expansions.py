"""English abbreviations, streets and Roman figures that the library leaves as they are."""

from __future__ import annotations

import re
from typing import Final

from ...full_stops import A_NO
from ..rules import Rule, rule
from .numbers import cardinal, digits, ordinal

_ALWAYS: Final = {
    "vs": "versus", "etc": "et cetera", "e.g": "for example", "i.e": "that is",
    "approx": "approximately", "Ave": "Avenue", "Blvd": "Boulevard", "Rd": "Road", "Hwy": "Highway",
    "dept": "department", "Dept": "Department", "est": "estimated", "Bros": "Brothers",
    "Jr": "Junior", "Sr": "Senior", "Prof": "Professor", "Gov": "Governor", "Sgt": "Sergeant",
    "Capt": "Captain", "Lt": "Lieutenant", "Mt": "Mount", "Ft": "Fort", "misc": "miscellaneous",
    "Inc": "Incorporated", "Corp": "Corporation", "Ltd": "Limited", "avg": "average",
}  # fmt: skip

_BEFORE_A_FIGURE: Final = {
    "p": "page", "pp": "pages", "fig": "figure", "figs": "figures", "ch": "chapter",
    "sec": "section",
    "vol": "volume", "no": "number", "nos": "numbers", "ext": "extension", "apt": "apartment",
    "ste": "suite", "eq": "equation", "c": "circa", "ca": "circa", "art": "article", "rm": "room",
    "op": "opus",
}  # fmt: skip

_STREETS: Final = {
    "st": "Street", "ave": "Avenue", "rd": "Road", "blvd": "Boulevard", "dr": "Drive", "ln": "Lane",
    "ct": "Court", "pl": "Place", "pkwy": "Parkway", "hwy": "Highway", "expy": "Expressway",
    "sq": "Square", "ter": "Terrace", "cir": "Circle",
}  # fmt: skip

_WINDS: Final = {"N": "North", "S": "South", "E": "East", "W": "West"}


_WIND = "(?:NW|NE|SW|SE|[NSEW])"

_ROMAN: Final = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100}


_FIGURE = r"(?![L]\b)(?=[IVXL])(?:XL|L?X{0,3})(?:IX|IV|V?I{0,3})"

_COUNTED = (
    "[Cc]hapter|[Pp]art|[Vv]olume|[Aa]ct|[Ss]ection|War|[Pp]hase|[Tt]ype|[Ll]evel|[Cc]lass|[Ss]tage|[Bb]ook|"
    "[Aa]rticle|Title|[Ff]igure|[Tt]able|Appendix|Bowl|[Gg]rade|Mark|Fantasy|Rocky"
)

_CROWNED = (
    "Henry|Louis|Elizabeth|George|Charles|Edward|Richard|James|William|Paul|Benedict|Philip|Napoleon|"
    "Catherine|Alexander|Nicholas|Peter|Francis|Ferdinand|Frederick|Leo|Pius|Gregory|Ivan|Ramesses|"
    "Ptolemy|Clement|Urban|Innocent|Wilhelm|Gustav|Haakon"
)


def _value(roman: str) -> int:
    values = [_ROMAN[letter] for letter in roman]
    after = [*values[1:], 0]
    return sum(-one if one < two else one for one, two in zip(values, after, strict=True))


def _wind(letters: str | None) -> str:
    return " " + "".join(_WINDS[letter] for letter in letters).capitalize() if letters else ""


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


def _address(match: re.Match[str]) -> str:
    """Reads 708 N 1st St as seven oh eight North 1st Street."""
    number = house(match["number"]) + (f" {match['letter']}" if match["letter"] else "")
    stop = "" if match.string[match.end() :].strip() or not match[0].endswith(".") else "."
    street = _STREETS[match["street"].lower()]
    return f"{number}{_wind(match['from'])}{match['name']} {street}{_wind(match['to'])}{stop}"


def _of_sentence(match: re.Match[str]) -> str:
    """Keeps the full stop of an abbreviation that ends its sentence."""
    name = match[1]
    word = _ALWAYS.get(name) or _ALWAYS[name.lower()]
    rest = match.string[match.end() :]
    return word + ("." if not rest.strip() or re.match(r"\s+[A-Z]", rest) and name == "etc" else "")


def _before_a_figure(match: re.Match[str]) -> str:
    if match[1] == "no" and A_NO.search(match.string[: match.start()][-16:]):
        return "no, "
    return _BEFORE_A_FIGURE[match[1].lower()] + " "


def _drive(match: re.Match[str]) -> str:
    stop = "" if match.string[match.end() :].strip() else "."
    return f"{match[1]}{_STREETS[match[2].lower()]}{stop}"


EXPANSIONS: Final[tuple[Rule, ...]] = (
    # Before "Ave." and "St." are read for themselves, and 1211 is counted.
    rule(
        "tedlrnyq",
        r"(?<!No\. )(?<![\w.,$€£/-])(?P<number>\d{1,5})(?P<letter>[A-Z])?"
        rf"(?: (?P<from>{_WIND})\b\.?)?"
        rf"(?P<name>(?: (?:[A-Z][a-z]+|\d{{1,3}}(?:st|nd|rd|th))){{1,3}})"
        rf" (?P<street>(?i:{'|'.join(_STREETS)}))\b\.?(?: (?P<to>{_WIND})\b\.?(?![\w']))?",
        _address,
    ),
    # Behind its name and before a small letter: "on Elm Dr. near us".
    rule(
        ".",
        r"(?<![\w.])((?!(?:Mr|Ms|Mrs|The|And|But|So) )[A-Z][a-z]{1,15} )"
        r"(Dr|St|Ct|Pl|Ln|Cir|Ter|Sq)\."
        r"(?=\s+[a-z]|[,;:)]|\s*$)",
        _drive,
    ),
    # A saint is before a name: St. Mary's.
    rule(".", r"(?<![\w.])St\.(?=\s(?!Apt|Suite|Ste|Unit|And)[A-Z][a-z])", "Saint"),
    rule(
        ".",
        rf"(?<![\w.])({'|'.join(map(re.escape, _ALWAYS))}|E\.g|I\.e|Vs|Approx)\.(?!\w)",
        _of_sentence,
    ),
    rule(
        ".",
        rf"(?<![\w.])(?i:({'|'.join(_BEFORE_A_FIGURE)}))\.\s?(?=\d)",
        _before_a_figure,
    ),
    rule(
        "IVX",
        rf"\b({_COUNTED}) ({_FIGURE})(?!\w|['’.]\w)",
        lambda m: f"{m[1]} {cardinal(str(_value(m[2])))}",
    ),
    rule(
        "IVX",
        rf"\b({_CROWNED}) ({_FIGURE})(?!\w|\.\w)",
        lambda m: f"{m[1]} the {ordinal(_value(m[2]))}",
    ),
)

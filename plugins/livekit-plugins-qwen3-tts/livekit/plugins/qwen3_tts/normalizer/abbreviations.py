"""English abbreviations and Roman figures that the library leaves as they are."""

from __future__ import annotations

import re
from typing import Final

from .english import cardinal, ordinal
from .rules import Rule, rule

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
}  # fmt: skip
_STREETS: Final = {
    "Expy": "Expressway", "Hwy": "Highway", "hwy": "Highway", "Pkwy": "Parkway",
    "Blvd": "Boulevard",
}  # fmt: skip
_ROMAN: Final = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100}
_FIGURE = r"(?:X{1,3}(?:IX|IV|V?I{0,3})|(?:IX|IV|VI{0,3}|I{1,3}))"
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


def _of_sentence(match: re.Match[str]) -> str:
    """Keeps the full stop of an abbreviation that ends its sentence."""
    name = match[1]
    word = _ALWAYS.get(name) or _ALWAYS[name.lower()]
    rest = match.string[match.end() :]
    return word + ("." if not rest.strip() or re.match(r"\s+[A-Z]", rest) and name == "etc" else "")


ABBREVIATIONS: Final[tuple[Rule, ...]] = (
    rule(
        ".",
        rf"(?<![\w.])({'|'.join(map(re.escape, _ALWAYS))}|E\.g|I\.e|Vs|Approx)\.(?!\w)",
        _of_sentence,
    ),
    rule("ywvd", rf"\b({'|'.join(_STREETS)})\b(?!\.)", lambda m: _STREETS[m[1]]),
    rule(
        ".",
        rf"(?<![\w.])(?i:({'|'.join(_BEFORE_A_FIGURE)}))\.\s?(?=\d)",
        lambda m: _BEFORE_A_FIGURE[m[1].lower()] + " ",
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

"""The written forms of an English text and how each is read, most specific first."""

from __future__ import annotations

import re
from typing import Final

from . import english as en
from .language import HAN
from .patterns import DASH, EMAIL, END, MEASURE, MONEY, NUMBER, PHONE, START, URL, to_ascii
from .rules import FIGURES, Rule, apply, rule

# After these words, four figures are a year.
_YEAR_WORDS = (
    "in|since|by|from|of|until|till|before|after|between|and|to|year|circa|during|early|late|mid|"
    "through|around|summer|winter|spring|fall|autumn"
)
_YEAR = r"(?:1[1-9]|20)\d\d"
_COUNTED = "people|dollars|users|items|words|years|miles|students|of them"
# After these words a number is read digit by digit.
_CODE_WORDS = (
    r"(?i:room|flight|suite|apartment|apt\.?|gate|route|highway|bus|extension|ext\.?|code|pin|"
    r"password|zip|dial|call|passcode|interstate|order(?: number)?|unit)"
)
_VERSIONED = "(?i:version|release|python|node|cuda|ubuntu|macos|ios|android|pytorch|django|java)"
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
_OF_YEAR = r"(?:,?\s(?P<year>\d{4})(?!\d))?"
_SIGNED = rf"[-+±]?{NUMBER}"


def _mandarin(match: re.Match[str]) -> str:
    from . import mandarin_rules

    return mandarin_rules.speak(match[0])


_RULES: Final[tuple[Rule, ...]] = (
    rule("@", EMAIL, en.say_email),
    rule(".", URL, en.say_url),
    # Longer than any number that has a name.
    rule(FIGURES, r"\d{19,}", lambda m: en.digits(m[0])),
    # A figure that a Chinese word counts is read with it.
    rule(FIGURES, rf"(?<![\w.,])第?{NUMBER}%?\s?[{HAN}]", _mandarin),
    rule(FIGURES, PHONE, en.say_phone),
    rule(
        ".vV",
        rf"(?<!\d)(?:(?P<prefix>{_VERSIONED}\s|\b[vV])(?P<parts>\d+(?:\.\d+)+)|\b[vV](?P<one>\d+)\b)",
        lambda m: en.say_version(m) if m["parts"] else f"version {en.cardinal(m['one'])}",
    ),
    rule(".", r"(?<![\w.])(?P<prefix>)(?P<parts>\d+(?:\.\d+){2,3})(?![\d.]*\d)", en.say_version),
    # 2024-03-05T10:00:00Z
    rule("T", r"(?<=\d)T(\d\d:\d\d(?::\d\d)?)(?:Z|\b)", r", \1"),
    rule(
        "-/",
        r"(?<![\d/-])(?P<year>\d{4})([-/])(?P<month>\d{1,2})\2(?P<day>\d{1,2})(?![\d/-])",
        en.say_date,
    ),
    rule(
        "-/",
        r"(?<![\d/-])(?P<month>\d{1,2})([/-])(?P<day>\d{1,2})\2(?P<year>\d{4})(?![\d/-])",
        en.say_date,
    ),
    rule(
        "/",
        r"(?P<year>)(?:(?<=\bon )|(?<=\bdue )|(?<=birthday is ))"
        r"(?P<month>1[0-2]|0?[1-9])/(?P<day>3[01]|[12]\d|0?[1-9])(?![\d/])",
        en.say_date,
    ),
    rule(
        FIGURES,
        rf"\b(?P<month>{en.MONTH})\s{_DAY}(?![\d:%-]){_OF_YEAR}",
        en.say_named_date,
    ),
    rule(FIGURES, rf"\b{_DAY}\s(?:of\s)?(?P<month>{en.MONTH}){_OF_YEAR}", en.say_named_date),
    rule("s", r"(?<![\w.])['’]?(\d0|\d{3}0)['’]?s\b", en.say_decade),
    rule(
        "-–—",
        rf"(?<![\w.,])({_YEAR})\s?[-–—]\s?({_YEAR})(?![\w%])",
        lambda m: f"{en.year(m[1])} to {en.year(m[2])}" if m[1] < m[2] else m[0],
    ),
    rule(
        "12",
        rf"\b((?i:{_YEAR_WORDS}|{en.MONTH})(?:\sof)?,?\s|[(（])({_YEAR})"
        rf"(?![\d:%,.]\d|\w|\s(?i:{_COUNTED}))",
        lambda m: m[1] + en.year(m[2]),
    ),
    rule(
        "12",
        r"\b([Tt]he |[Tt]his |Q[1-4] )((?:19|20)\d\d)(?=\s[A-Z]|\s(?:season|election|budget|report|"
        r"edition|model|version)|[^\w\s]|$)",
        lambda m: m[1] + en.year(m[2]),
    ),
    rule(":", rf"({en.CLOCK}){DASH}({en.CLOCK})", en.say_time_range),
    rule(":", en.TIME, en.say_time),
    rule("mM", en.HOUR, en.say_time),
    rule("M", r"(?<=[AP]M)\s?[-–—]\s?(?=\w)", " to "),
    rule(
        ":",
        r"(?<![\d:.])(\d+):(\d+)(?![\d:])",
        lambda m: f"{en.cardinal(m[1])} to {en.cardinal(m[2])}",
    ),
    # The letters are those of USD, HKD, EUR, GBP, JPY, CNY and RMB, one of each.
    rule("$€£¥₩₹DRPY", MONEY, en.say_money),
    rule(
        "%‰",
        rf"(?<![\w.,])(?P<low>{_SIGNED})(?:%?{DASH}(?P<high>{NUMBER}))?\s?(?P<mark>[%‰])",
        en.say_percent,
    ),
    rule("'′", r"(?<![\w.])(\d)['′]\s?(?:(\d{1,2})(?:\"|″|''))?", en.say_height),
    rule(
        '"″',
        r"(?<![\w.])(\d+(?:\.\d+)?)[\"″](?=\s(?:screen|monitor|display|TV|tablet))",
        lambda m: f"{en.cardinal(m[1])} inch",
    ),
    rule(
        "i",
        rf"(?<![\w.,])({NUMBER})in\b",
        lambda m: f"{en.cardinal(m[1])} {en.say_plural(m[1], 'inch', 'inches')}",
    ),
    rule(FIGURES, MEASURE, en.say_measure),
    rule("/", rf"{START}(?:(\d+)\s)?(\d+)/(\d+)(?![\d/])(?!\.\d)", en.say_fraction),
    rule(
        "tdh",
        r"(?<![\w.,])(\d{1,3}(?:,\d{3})+|\d+)(?:st|nd|rd|th)\b",
        lambda m: en.ordinal(int(m[1].replace(",", ""))),
    ),
    rule("k", rf"(?<![\w.,])({NUMBER})k\b", lambda m: f"{en.cardinal(m[1])} thousand"),
    rule(".№#", r"(?:\bNo\.|№|#)\s?(?=\d)", "number "),
    rule(
        FIGURES,
        rf"\b({_CODE_WORDS}(?:\sis)?:?\s)(\d{{3,8}})"
        r"(?![\d%:-]|[.,]\d|\s(?:times|people|years|minutes))",
        en.say_serial,
    ),
    rule("^", r"\^(\d+|[a-z]|\(?-?\w+\)?)", en.say_power),
    rule("√", r"√\s?", "the square root of "),
    rule("x×", r"(?<![\w.])(\d+)[x×](\d+)(?!\w|\s?=)", en.say_by),
    rule("x", r"(?<=\d)x\b", " times"),
    rule("p", r"(?<!\d)(\d{1,2})(\d\d)p\b", lambda m: f"{en.cardinal(m[1])} {en.cardinal(m[2])} p"),
    rule(
        "-−",
        r"(?<=[\d)]) [-−] (?=[\w(])|(?<=\d)[-−](?=\d+\s?=)|(?<=\b[a-z]) - (?=[\da-z]\b)",
        " minus ",
    ),
    rule("+×÷=≠±*", r"(?<=[\w)])\s?(?:[+×÷=≠±*]|[=!<>]=)\s?(?=[\w(√π-])", en.say_operator),
    rule(
        "<>≤≥≈",
        r"(?<=[\d)])\s?[<>≤≥≈]\s?(?=[\w(√π-])|(?<=\w) [<>≤≥≈] (?=[\w(√π-])",
        en.say_operator,
    ),
    rule("/", r"(?<=[\d)])/(?=[\d(])", " over "),
    rule("-–—−~～", rf"{START}(?P<low>{NUMBER}){DASH}(?P<high>{NUMBER}){END}", en.say_dashed),
    rule("+", r"(?<=\d)\+", " plus"),
    rule("~≈", r"[~≈]\s?(?=\d)", "about "),
    rule("<", r"<\s?(?=\d)", "less than "),
    rule(">", r">\s?(?=\d)", "more than "),
    rule("≤", r"≤\s?(?=\d)", "at most "),
    rule("≥", r"≥\s?(?=\d)", "at least "),
    rule(FIGURES, r"[A-Za-z]+-?\d+(?:\.\d+)?(?:-?[A-Za-z]+\d*|-\d+)*", en.say_name),
    rule(FIGURES, rf"(?<![\w.,)]){_SIGNED}(?=[A-Za-z])", lambda m: en.cardinal(m[0]) + " "),
    rule(FIGURES, rf"(?<![\w.,)]){_SIGNED}|{NUMBER}", en.say_number),
    rule("+", r"C\+\+", "C plus plus"),
    rule("#", r"\b([CF])#", r"\1 sharp"),
    rule("&", r"\s?&\s?", " and "),
    rule("@", r"\s?@\s?", " at "),
    rule("→>", r"\s?(?:→|->|=>)\s?", " to "),
    rule("°", "°", " degrees"),
    rule("%", "%", " percent"),
    rule("+", r"\s?\+\s?(?=\w)", " plus "),
    rule("=", r"\s?=\s?(?=\w)", " equals "),
    rule("/", r"\s?/\s?(?=month|day|week|year|hour|person|mo\b|hr\b)", " per "),
    rule("/", r"\s?/\s?", " "),
    rule("π", "π", "pi"),
)


def speak(text: str) -> str:
    """Returns an English text with every figure and symbol in words."""
    return apply(_RULES, to_ascii(text))

"""Reads fractions and formulas as they are said in Mandarin."""

from __future__ import annotations

import re
from typing import Final

from ..english import speak as english_speak
from ..language import HAN
from ..patterns import COEFFICIENT
from ..rules import Rule, rule
from .codes import say_version
from .numbers import cardinal


def say_fraction(match: re.Match[str]) -> str:
    """Reads 1/3 as 三分之一."""
    sign = {"-": "负", "+": "正", "±": "正负"}.get(match["sign"] or "", "")
    whole = cardinal(match[2]) + "又" if match[2] else ""
    if match[4] in ("100", "1000", "10000"):
        return f"{sign}{whole}{cardinal(match[4])[1:]}分之{cardinal(match[3])}"
    return f"{sign}{whole}{cardinal(match[4])}分之{cardinal(match[3])}"


_MATH: Final = {
    "+": "加", "-": "减", "×": "乘", "*": "乘", "÷": "除以", "=": "等于", "==": "等于",
    "<": "小于", ">": "大于", "≤": "小于等于", "≥": "大于等于", "<=": "小于等于", ">=": "大于等于",
    "≠": "不等于", "!=": "不等于", "≈": "约等于", "±": "正负", "/": "除以",
}  # fmt: skip

_COMPARED: Final = {
    "<": "小于",
    ">": "大于",
    "<=": "不超过",
    ">=": "不少于",
    "≤": "不超过",
    "≥": "不少于",
}


def compare(sign: str) -> str:
    """Reads the sign before a bound: <50 is 小于五十."""
    return _COMPARED[sign]


def say_operator(match: re.Match[str]) -> str:
    """Reads an operator of a formula."""
    return _MATH[match[0].strip()]


def say_power(match: re.Match[str]) -> str:
    """Reads x^2 as x的平方."""
    exponent = match[1].strip("()")
    if exponent in ("2", "3"):
        return {"2": "的平方", "3": "的立方"}[exponent]
    return f"的{cardinal(exponent) if exponent.lstrip('-').isdigit() else exponent}次方"


def say_absolute(match: re.Match[str]) -> str:
    """Reads ∣-5∣ as 负五的绝对值."""
    inner = re.sub(r"(?<=[\w)])\s?-\s?(?=\w)", "减", match[1])
    return re.sub(r"^-(?=\w)", "负", inner) + "的绝对值"


def say_exponent(match: re.Match[str]) -> str:
    """Reads 1e-5 as 一乘十的负五次方."""
    return f"{cardinal(match[1])}乘十的{cardinal(match[2])}次方"


# Before a bar stands in the way of what is read beside it, and a letter is taken for a unit.
ALGEBRA: Final[tuple[Rule, ...]] = (
    rule("∣", r"(?:绝对值\s?)?∣([^∣]{1,60})∣", say_absolute),
    rule("+-", COEFFICIENT, lambda m: f"{cardinal(m[1])}{m[2]}"),
    # "a!=b" is a comparison.
    rule("!", r"(?<=\d)!(?=\s?[=+*/×÷^)])|(?<=[a-z])!(?=\s=|\s?[+*/×÷^)])", "的阶乘"),
    rule("eE", r"(?<![\w.])(\d+(?:\.\d+)?)[eE]([-+]?\d{1,3})(?!\w)", say_exponent),
)

FRACTIONS: Final[tuple[Rule, ...]] = (
    rule(
        "/",
        r"(?<![\d/.])(\d+)/(\d+)(?=\s?[=≈])",
        lambda m: f"{cardinal(m[1])}除以{cardinal(m[2])}" if int(m[1]) > int(m[2]) else m[0],
    ),
    rule(
        "/",
        r"(\d{1,2})/(\d{1,2})(?![\d/%])",
        lambda m: f"{cardinal(m[1])}或{cardinal(m[2])}",
        after="(?:Windows|Win|iOS|Android|macOS|iPhone|HarmonyOS|鸿蒙|安卓) ?",
    ),
    rule(
        "/",
        r"(?<![\w.,])(?P<sign>[-+±]?)(?<!\d)(?:(\d+)\s)?(\d+)\s?/\s?(\d+)(?![\d/])(?!\.\d)",
        say_fraction,
    ),
    rule(".", r"(?<![A-Za-z\d.])([vV])?(\d+(?:\.\d+){2,3})(?![\d.]*\d)", say_version),
    rule(
        "tdh",
        r"\b(?:[A-Z][a-z]+\.? )?\d+(?:st|nd|rd|th)\b",
        lambda m: english_speak(m[0]),
    ),
    rule(".№#", r"(?:No\.|№|#)\s?(\d+)", lambda m: f"{cardinal(m[1])}号"),
)

FORMULAS: Final[tuple[Rule, ...]] = (
    # Formulas: the library's plus is 正 and its minus 负.
    rule("^", r"\^(-?\d+|[a-z]|\(?-?\w+\)?)", say_power),
    rule("√", r"√\s?", "根号"),
    rule("/", r"(?<=[\w)])\s?//\s?(?=[\w(-])", "整除"),
    rule("2", r"(?<![A-Za-z\d])([BCOPG])2([BCOPG])(?![A-Za-z\d])", r"\1 to \2"),
    rule("C", r"(?<![A-Za-z])C\+\+\s?(?=\d)", "C加加"),
    rule(
        "-",
        rf"(?<=[\w){HAN}]) - (?=[\w({HAN}])|(?<=[\w)])-(?=[\d(]\w*\s?(?:=|等于))"
        r"|(?<=[平立次]方)-(?=[\w(])",
        "减",
    ),
    rule("+", rf"(?<=\d)\+(?=[{HAN}，。]|$)", "多"),
    rule("+×÷=≠±*", rf"(?<=[\w){HAN}])\s?(?:[+×÷=≠±*]|[=!]=)\s?(?=[\w(√π{HAN}.-])", say_operator),
    rule(">", rf"(?<=[{HAN}])\s?>\s?(?=[{HAN}])", "，"),
    rule("<>", r"(?<=[\w)]) ?[<>]= ?(?=[\w(√π-])", say_operator),
    rule(
        "<>≤≥≈",
        r"(?<=[\d)值])\s?[<>≤≥≈]\s?(?=[\w(√π-])|(?<=[A-Za-z])(?: [<>≤≥≈] |[<>≤≥≈])(?=[\w(√π-])",
        say_operator,
    ),
    rule("<>≤≥", r"([<>]=?|[≤≥])\s?(?=[-+]?[$€£¥]?\.?\w)", lambda m: compare(m[1])),
)

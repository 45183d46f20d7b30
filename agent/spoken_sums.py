"""Sums in what somebody says: "what is seventeen times 23" is 17 * 23."""

from __future__ import annotations

import re

from .languages import Language, words

_UNITS = {
    "zero": 0,
    "one": 1,
    "two": 2,
    "three": 3,
    "four": 4,
    "five": 5,
    "six": 6,
    "seven": 7,
    "eight": 8,
    "nine": 9,
    "ten": 10,
    "eleven": 11,
    "twelve": 12,
    "thirteen": 13,
    "fourteen": 14,
    "fifteen": 15,
    "sixteen": 16,
    "seventeen": 17,
    "eighteen": 18,
    "nineteen": 19,
}
_TENS = {
    "twenty": 20,
    "thirty": 30,
    "forty": 40,
    "fifty": 50,
    "sixty": 60,
    "seventy": 70,
    "eighty": 80,
    "ninety": 90,
}
_SCALES = {"hundred": 100, "thousand": 1000, "million": 1_000_000}
_SPELT = "|".join([*_SCALES, *sorted([*_UNITS, *_TENS], key=len, reverse=True)])
_ENGLISH = re.compile(rf"\b(?:(?:a )?(?:{_SPELT})(?:(?:[ -]| and )(?={_SPELT}\b)|\b))+", re.I)

_DIGITS = {digit: number for number, digit in enumerate("零一二三四五六七八九")} | {"两": 2}
_POWERS = {"十": 10, "百": 100, "千": 1000}
_CHINESE = re.compile("[零一二两三四五六七八九十百千万]+")

_NUMBER = r"-?\d[\d.,]*(?:\s*%)?"
_SIGNS = re.compile(r"\s*([-+*/×÷−·])\s*")
_SUM = re.compile(rf"{_NUMBER}(?:\s*[-+*/]\s*{_NUMBER})+")
# "2026-11-29", "555-0143" and "24/7" are no sums: these two signs need blanks around them.
_TIGHT = re.compile(r"(?<=\d)[-/](?=\d)")
_SHARE = re.compile(r"(\d[\d.]*)\s*%\s*(?:of)\s+(\d[\d.,]*)", re.I)


def sum_in(text: str, language: Language) -> str | None:
    """The sum that a text asks for, as an expression; None if there is none.

    Args:
        text: What somebody said or typed.
        language: The language that it is in.
    """
    said = _CHINESE.sub(_chinese, text) if language == "zh" else _ENGLISH.sub(_english, text)
    said = _TIGHT.sub("|", said)
    operators = words(language).facts
    for sign, pattern in (
        ("+", operators.plus),
        ("-", operators.minus),
        ("*", operators.times),
        ("/", operators.divided_by),
    ):
        said = re.sub(rf"(?<=[\d%])\s*(?:{pattern})\s*(?=-?\d)", f" {sign} ", said, flags=re.I)
    said = re.sub(r"(?<=\d)\s*percent\b", "%", said, flags=re.I)
    if share := _SHARE.search(said):
        return f"{share[1]}% of {share[2].rstrip('.,')}"
    found = _SUM.search(_SIGNS.sub(lambda sign: f" {_plain(sign[1])} ", said))
    return " ".join(found[0].rstrip(".,").split()) if found else None


def _plain(sign: str) -> str:
    return {"×": "*", "·": "*", "÷": "/", "−": "-"}.get(sign, sign)


def _english(spelt: re.Match[str]) -> str:
    """A number in English words: "two hundred and five" is 205."""
    total = current = 0
    for word in re.findall(r"[a-z]+", spelt[0].lower()):
        if word in _UNITS or word in _TENS:
            current += _UNITS.get(word, 0) + _TENS.get(word, 0)
        elif word == "hundred":
            current = max(current, 1) * 100
        elif word in _SCALES:
            total, current = total + max(current, 1) * _SCALES[word], 0
    end = " " if spelt[0].endswith(" ") else ""
    return f"{total + current}{end}"


def _chinese(spelt: re.Match[str]) -> str:
    """A number in hanzi: 一百零五 is 105."""
    total = section = digit = 0
    for character in spelt[0]:
        if character in _POWERS:
            # 十五 is fifteen, though no one stands before it.
            section += (digit or 1) * _POWERS[character]
            digit = 0
        elif character == "万":
            total, section, digit = total + (section + digit) * 10_000, 0, 0
        else:
            digit = _DIGITS[character]
    return str(total + section + digit)

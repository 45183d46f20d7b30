"""Sums in what somebody says: "what is seventeen times 23" is 17 * 23."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from .languages import LANGUAGES, Language, words
from .whole_questions import asked

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
_ENGLISH = rf"\b(?:(?:a )?(?:{_SPELT})(?:(?:[ -]| and )(?={_SPELT}\b)|\b))+"

_DIGITS = {digit: number for number, digit in enumerate("零一二三四五六七八九")} | {"两": 2}
_POWERS = {"十": 10, "百": 100, "千": 1000}
_CHINESE = "[零一二两三四五六七八九十百千万]+"

_FIGURES = r"\d{1,3}(?: \d{3})+(?!\d)(?:[.,]\d+)?|\d(?:[\d.,]*\d)?"
_SPELT_IN: dict[Language, str] = {"en": _ENGLISH, "zh": _CHINESE}
_LATIN: tuple[Language, ...] = ("en", "de", "fr", "pt", "es", "it")
_WRITTEN = {"+": r"\+", "-": "[-−]", "*": "[*×·]", "/": "[/÷]"}
# "2026-11-29", "555-0143" and "24/7" are no sums: these two signs need blanks around them. With
# blanks, too, they stand in a range or a fraction as often as in a sum.
_SPACED = "[-/]"
_SHARE = re.compile(r"\s*(?:%|per ?cent) of ", re.I)


def sum_in(text: str, spoken: Language) -> tuple[Language, str] | None:
    """The sum that a text asks for, as an expression, with its language; None if there is none.

    That it has two numbers does not make it one: somebody asks for the result, or says nothing
    else than the sum.

    Args:
        text: What somebody said or typed.
        spoken: The language that is spoken; the text may be in another all the same.
    """
    likely = dict.fromkeys((spoken, *LANGUAGES))
    for language in likely:
        any_sum = _form(language).any
        questions = [each.replace("{sum}", any_sum) for each in words(language).facts.asks_sum]
        for found in asked(text, language, [*questions, rf"{any_sum}\s*="]):
            return language, _form(language).expression(found["sum"], language)
    for language in likely:
        form = _form(language)
        for found in asked(text, language, [form.any]):
            if not form.is_doubtful(found["sum"]):
                # A "plus" alone is said in many languages.
                own = spoken if language in _LATIN else language
                return own, form.expression(found["sum"], own)
    return None


@dataclass(frozen=True)
class _Form:
    """How a sum is said in one language."""

    any: str
    """A regular expression for all of it, as its group ``sum``."""
    number: re.Pattern[str]
    signs: dict[str, re.Pattern[str]]
    doubtful: re.Pattern[str]

    def is_doubtful(self, said: str) -> bool:
        """Whether a sum has a sign that may mean something else."""
        return any(self.doubtful.fullmatch(sign) for sign in self._between(said))

    def expression(self, said: str, language: Language) -> str:
        """A sum as arithmetic writes it.

        Args:
            said: The sum.
            language: The one whose marks are in its numbers.
        """
        mark = words(language).facts.decimal_mark
        first, *numbers = [_plain(number, mark) for number in self.number.findall(said)]
        if _SHARE.search(said):
            return f"{first}% of {numbers[0]}"
        signs = [
            next(sign for sign, pattern in self.signs.items() if pattern.fullmatch(between))
            for between in self._between(said)
        ]
        return " ".join([first, *(f"{s} {n}" for s, n in zip(signs, numbers, strict=True))])

    def _between(self, said: str) -> list[str]:
        return [between.strip() for between in self.number.split(said)[1:-1]]


@cache
def _form(language: Language) -> _Form:
    facts = words(language).facts
    spelt = _SPELT_IN.get(language)
    number = rf"(?:-?(?:{_FIGURES}){f'|{spelt}' if spelt else ''})"
    said = {"+": facts.plus, "-": facts.minus, "*": facts.times, "/": facts.divided_by}
    signs = "|".join([*said.values(), r"[+*×·÷−]"])
    sign = rf"(?:\s*(?:{signs})\s*|\s+{_SPACED}\s+)"
    share = rf"{number}{_SHARE.pattern}{number}"
    return _Form(
        any=rf"(?P<sum>{share}|{number}(?:{sign}{number})+)",
        number=re.compile(number, re.I),
        signs={of: re.compile(rf"{word}|{_WRITTEN[of]}", re.I) for of, word in said.items()},
        doubtful=re.compile(rf"{_SPACED}|{facts.doubtful_signs}", re.I),
    )


def _plain(said: str, mark: str) -> str:
    """A number as arithmetic writes it: in figures, with a point for its decimal mark."""
    if re.fullmatch(_CHINESE, said):
        return chinese_number(said)
    if not re.search(r"\d", said):
        return english_number(said)
    figures = said.replace(" ", "")
    other = "," if mark == "." else "."
    if re.fullmatch(rf"-?[1-9]\d{{0,2}}(?:\{other}\d{{3}})+(?:\{mark}\d+)?", figures):
        return figures.replace(other, "").replace(mark, ".")
    # "1.5" is no thousand in any language.
    return figures.replace(",", ".") if re.fullmatch(r"-?\d+,\d+", figures) else figures


def english_number(spelt: str) -> str:
    """A number in English words: "two hundred and five" is 205."""
    total = current = 0
    for word in re.findall(r"[a-z]+", spelt.lower()):
        if word in _UNITS or word in _TENS:
            current += _UNITS.get(word, 0) + _TENS.get(word, 0)
        elif word == "hundred":
            current = max(current, 1) * 100
        elif word in _SCALES:
            total, current = total + max(current, 1) * _SCALES[word], 0
    return str(total + current)


def chinese_number(spelt: str) -> str:
    """A number in hanzi: 一百零五 is 105."""
    total = section = digit = 0
    for character in spelt:
        if character in _POWERS:
            # 十五 is fifteen, though no one stands before it.
            section += (digit or 1) * _POWERS[character]
            digit = 0
        elif character == "万":
            total, section, digit = total + (section + digit) * 10_000, 0, 0
        else:
            digit = _DIGITS[character]
    return str(total + section + digit)

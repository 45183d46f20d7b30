"""Folds characters that are written for others: full-width figures, ½, m², ℃, a no-break space.

`clean` is for every language; `fold` changes what is written, so only where it is read out here.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_VULGAR: Final = {
    char: unicodedata.normalize("NFKC", char).replace("\u2044", "/")
    for char in "½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞⅐⅑⅒"
}
_SUPERSCRIPT: Final = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿ", "0123456789+-n")
_POWER = re.compile("[⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿ]+")
# "3½" is no 31/2, "log₂8" no log 28.
_MIXED = re.compile(f"(?<=\\d)(?=[{''.join(_VULGAR)}])|(?<=[₀-₉])(?=[0-9])")


# The letter in 2024-03-05T10:00, and what is finer than seconds.
_TIMESTAMP = re.compile(r"(?<=\d)T(?=\d\d:\d\d)|(?<=:\d\d)(?:\.\d+)?Z\b", re.ASCII)
# But for those that are read in their own way: π, the μ of micro and the Ω of ohm.
_GREEK = re.compile(r"\s?([Α-Ψαβγδεζηθικλνξορςστυφχψω])\s?")


def _greek(letter: str) -> str:
    return unicodedata.name(letter).split(" LETTER ")[1].removeprefix("FINAL ").lower()


def _invisible() -> dict[int, str]:
    # Zero-width characters would keep a figure from its unit; control characters, halves of a pair
    # and private use are no text.
    gone = (*range(0x200B, 0x200D), 0x200E, 0x200F, 0x2060, 0xFEFF, 0xAD, *range(0x202A, 0x202F))
    table = dict.fromkeys((*gone, *range(0x2066, 0x206A)), "")
    table.update(dict.fromkeys((*range(9), *range(0x0E, 0x20), 0x7F, *range(0xD800, 0xF900)), ""))
    table.update(dict.fromkeys((0xA0, 0x202F, *range(0x2000, 0x200B)), " "))
    return table


def _plain() -> dict[int, str]:
    # Full-width letters, figures and the signs of figures; not "，" and "：", which are marks.
    table: dict[int, str] = {}
    for code in (*range(0xFF10, 0xFF1A), *range(0xFF21, 0xFF3B), *range(0xFF41, 0xFF5B)):
        table[code] = chr(code - 0xFEE0)
    table.update({ord(char): chr(ord(char) - 0xFEE0) for char in "％＄＋－＝／＠＃．＜＞＆＊＾｜"})
    table.update({ord(a): b for a, b in zip("￥−‐‑～〜∼", "¥---~~~", strict=True)})
    # ㎞, Ⅲ, subscripts: their plain letters.
    for code in (
        *range(0x3380, 0x33E0),
        *range(0x2160, 0x2180),
        *range(0x2080, 0x208F),
        *range(0x1D7CE, 0x1D800),
    ):
        table[code] = unicodedata.normalize("NFKC", chr(code))
    table.update({0x2103: "°C", 0x2109: "°F", 0xB5: "μ", 0x2032: "'", 0x2033: '"', 0xBA: "°"})
    table.update({0x33A1: "m^2", 0x33A5: "m^3"})
    table.update({ord(char): plain for char, plain in _VULGAR.items()})
    return table


_INVISIBLE: Final = _invisible()
_PLAIN: Final = _plain()
# ESC[31m and the like: colours of a terminal.
_ESCAPE = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


def clean(text: str) -> str:
    """Returns the text without what is neither seen nor said."""
    if text.isascii() and text.isprintable():
        return text
    return _ESCAPE.sub("", text).translate(_INVISIBLE)


def fold(text: str) -> str:
    """Returns the text in the characters that the rules are written in."""
    text = _TIMESTAMP.sub(" ", text)
    if text.isascii():
        return text
    text = _GREEK.sub(lambda letter: f" {_greek(letter[1])} ", text)
    text = _POWER.sub(lambda power: "^" + power[0].translate(_SUPERSCRIPT), text)
    return _MIXED.sub(" ", text).translate(_PLAIN)

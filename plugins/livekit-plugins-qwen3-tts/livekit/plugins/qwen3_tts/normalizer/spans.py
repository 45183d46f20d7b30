"""Finds the expressions of a text that are read as one and so must not be cut in two."""

from __future__ import annotations

import re
from typing import Final

from .english_dates import MONTH, NOON
from .language import HAN

_UNITS_ZH = "个只位年月日号点时分秒天周岁元块毛角万亿千百倍度米克升斤楼层室届%％℃"
# Figures that belong together: joined by their signs, or by one blank where both sides are figures
# or a figure and its unit.
_FIGURE: Final = (
    r"[-+±~≈<>≤≥$€£¥￥₩₹#№]{0,3}(?:[A-Z]{2,3}\$?)?\(?\+?\d(?:[\d.,:/：\-–—−~～×*^%‰°'\"()+=]{0,24}\d)?"
    rf"[%‰°)'\"]{{0,2}}(?:[A-Za-z°℃]{{1,5}})?[{_UNITS_ZH}]{{0,2}}"
)
_NUMBERS = (
    rf"{_FIGURE}(?:(?: ?[-–—~～/×:] ?| ){_FIGURE}){{0,6}}"
    rf"(?: ?(?:{NOON}|a\.m\.|p\.m\.|(?:thousand|million|billion|trillion|"
    r"percent|dollars?|euros?)\b|"
    r"(?:km|kg|cm|mm|mg|ml|lb|oz|ft|GB|MB|TB|GHz|mph|kWh|m|h|g|L|°C|°F)(?:/[A-Za-z]+)?\b))?"
)
_DATE = (
    rf"(?:\b(?:{MONTH})\s\d{{1,2}}(?:st|nd|rd|th)?(?:,?\s\d{{4}})?"
    rf"|\b\d{{1,2}}(?:st|nd|rd|th)?\s(?:of\s)?(?:{MONTH})\b(?:,?\s\d{{4}})?)"
)
_SPAN = re.compile(
    r"(?:https?|wss?)://[^\s<>，。！？；“”（）]{1,300}|www\.[^\s<>，。！？；“”（）]{1,300}"
    r"|[A-Za-z0-9][\w.+-]{0,63}@[A-Za-z0-9.-]{1,190}"
    r"|\[\^?\d{1,3}(?:\s?[,–-]\s?\d{1,3}){0,20}\]|\]\([^)\s]{1,300}\)"
    r"|</?[A-Za-z][\w-]{0,20}(?:\s[^<>\n]{0,200})?/?>"
    rf"|{_DATE}|{_NUMBERS}"
    r"|(?:[A-Za-z0-9][\w-]*\.){1,5}[A-Za-z]{2,6}(?:/[\w./~%?=&#+-]{0,200})?(?![\w])"
    # A name with its figure: iPhone 16 Pro Max, Python 3.12, GPT-4o.
    rf"|(?<![A-Za-z])(?=[a-z]?[A-Z])[A-Za-z][A-Za-z-]{{0,15}}[ -]?\d\w{{0,12}}"
    rf"(?:\.\d{{1,3}}){{0,3}}(?![:/,-]?\d)"
    rf"(?: (?:Pro|Max|Plus|Ultra|Mini|Air|SE)\b){{0,2}}",
    re.ASCII,
)
_HAN = re.compile(f"[{HAN}]")


def spans(text: str) -> list[tuple[int, int]]:
    """Returns where each expression that is read as one begins and ends, in order.

    Figures with their signs and units, ranges, dates, times, telephone numbers, addresses,
    citations, tags. None overlaps another; a word without a figure is in none.
    """
    return [match.span() for match in _SPAN.finditer(text) if len(match[0].strip()) > 1]

"""Finds the expressions of a text that are read as one, and so must not be cut in two."""

from __future__ import annotations

import re

from .dotted_words import MONTHS
from .measure import CJK

# Every repetition is bounded, so that the time is linear in the length of the text.
_SIGNS = (
    r"(?:上午|下午|早上|晚上|凌晨|中午|午前|午後|零下|星期|周(?=[1-7](?![\d.])))?"
    r"(?:(?:&(?:lt|gt|le|ge);|[<>≤≥≈]=?)[ ])?[-+−±~≈<>≤≥$€£¥￥₩₹₽#№(第约]{0,4}(?:[A-Z]{2,3}\$?)?"
)
_FIGURE = rf"{_SIGNS}\d(?:[\d.,:/：\-–—−~～×*^%‰°'’\"′″()+=x_]{{0,60}}[\d%‰°)′″])?"
# What joins two figures into one: a blank, a dash or slash with blanks, the words of a date, time
# or sum in Chinese, Japanese and Korean ("3月5日", "10月1日至7日", "下午3点到5点").
_JOIN = (
    r"(?:(?:[ ]?(?:[ap]\.m\.|[ap]m|[AP]M))?[ \u00a0\u202f]?[-–—−~～/×:xX][ \u00a0\u202f]?"
    r"|[ \u00a0\u202f]"
    r"|[ ]?(?:号楼|单元|公斤|公里|千克|[年月日号栋室点时分秒元块毛角万亿千百度个周天岁层楼米克倍]"
    r"|[次级時回人円시분월일년])?"
    r"(?:上午|下午|早上|晚上|凌晨|中午|午後|午前|から)?(?:到|至|和|或|比|[-–—~～、]|분)?[ ]?)"
)
_AFTER = (
    r"(?:(?:시|時) ?[반半]|[ \u00a0\u202f]?(?:[°℃℉%‰€£$¥₽₩]|[ap]\.m\.|(?:ext|x)\.?[ ]?\d{1,6}"
    r"|(?:hundred|thousand|million|billion|trillion)|[A-Za-zµ]{1,5}"
    rf"(?:/[A-Za-z]{{1,4}})?[²³]?(?![A-Za-z]))|[{CJK}])?"
)
OPERAND = r"(?:\d[\d.,]{0,12}[a-z]?|[A-Za-z](?:\([a-z\d]\))?)(?:[²³⁴ⁿ]|\^\d)?"
_ABSOLUTE = (
    r"\|(?=[-+−±\w(])(?:[-+−±×*/^ ().\d²³]|(?<![A-Za-z])[A-Za-z](?![A-Za-z])){1,30}(?:\||\Z)"
)
_MONTH = "(?i:" + "|".join(sorted(MONTHS, key=len, reverse=True)) + r")\.?"
_DAY = r"\d{1,2}(?:st|nd|rd|th)?"
_NAMES = (
    r"(?:version|room|chapter|page|gate|flight|line|route|unit|step|option|level|phase|figure|table"
    r"|section|article|no\.|nr\.|windows|python|galaxy|pixel|tel\.|ext\.|extension|apartment|suite)"
)
_SPAN = re.compile(
    # Addresses; one that is still being written goes on to the end of the text.
    rf"(?:https?|ftp|wss?)://[^\s<>，。！？；、“”（）《》{CJK}]{{0,400}}"
    rf"|www\.[^\s<>，。！？；、“”（）《》{CJK}]{{0,400}}"
    r"|[A-Za-z0-9][\w.+-]{0,63}@[A-Za-z0-9.-]{1,190}"
    # A link, a citation, a tag, code: to its end, or to the end of a text that may yet close it.
    r"|\[[^\[\]\n]{0,120}(?:\](?:\([^()\s]{0,300}\)?)?|\Z)"
    r"|<!--[^\n]{0,120}?(?:-->|\Z)"
    r"|</?[A-Za-z][\w:-]{0,20}(?:\s[^<>\n]{0,200})?(?:>|\Z)"
    r"|`[^`\n]{1,80}(?:`|\Z)"
    # Dates with the name of a month.
    rf"|(?<![A-Za-z]){_MONTH}\s{_DAY}(?!\d)(?:,?\s\d{{4}})?"
    rf"|(?<![A-Za-z\d]){_DAY}\s(?:of\s)?(?:{_MONTH}(?![A-Za-z])(?:,?\s\d{{4}})?|[A-Z][a-z]{{0,8}}\Z)"
    # A name with its figure: "iPhone 16 Pro Max", "GPT-4o", "Room 12".
    rf"|(?:(?<![A-Za-z])(?i:{_NAMES})|(?<![A-Za-z])[A-Za-z]?[a-z]{{0,12}}[A-Z][A-Za-z]{{1,15}})"
    rf"[ -]?\d[\w.-]{{0,16}}(?:[ ]?[-+−=×÷<>≤≥≈*/][ ]?{OPERAND}){{0,12}}"
    r"(?: (?:Pro|Max|Plus|Ultra|Mini|Air|SE|Ti|XL|Lite)(?![A-Za-z])){0,3}"
    # A street, a king, a war; a formula.
    r"|(?<![\w.,])\d{1,5}[A-Z]? (?:[NSEW]\.? )?"
    r"(?:(?:[A-Z][a-z]{1,15}|\d{1,3}(?:st|nd|rd|th)) ){1,3}"
    r"(?:St|Ave|Rd|Blvd|Dr|Ln|Ct|Pl)(?![A-Za-z])\.?(?: (?:[NS][EW]|[NSEW])(?![A-Za-z])\.?)?"
    r"|(?<![A-Za-z])[A-Z][a-z]{1,12} [IVX]{2,5}(?![A-Za-z])|(?<!\w)[IVXХ]{1,6} вв?\."
    # An absolute value, a vector.
    r"|<-?\d[\d.]{0,8}(?:,[ ]?-?[\d.]{0,8}){1,8}(?:>|\Z)"
    rf"|(?<![\w|]){_ABSOLUTE}(?:[ ]?[-+−=<>≤≥]=?[ ]?(?:{_ABSOLUTE}|{OPERAND})){{0,4}}"
    r"|\$[^$\n]{1,120}[\\^_][^$\n]{0,120}(?:\$|\Z)"
    # A rating with its figure.
    r"|[★⭐☆\ufe0f]{1,12}\s?[(（]?\d(?:\.\d)?(?:/\d{1,2})?(?: stars|[ -]star|[颗个]?星)?"
    # A formula: f(x) = 3x² - 4x + 7
    rf"|(?<![\w.])(?=\d{{0,3}}[A-Za-z]|\d{{1,3}}[²³⁴ⁿ]){OPERAND}"
    rf"(?:[ ]?[-+−=×÷<>≤≥≈*/][ ]?{OPERAND}){{1,12}}(?![\w])"
    # Figures with their signs and units.
    rf"|{_FIGURE}(?:{_JOIN}{_FIGURE}){{0,8}}{_AFTER}"
    # Figures in Chinese.
    r"|[第百千万亿零〇一二三四五六七八九十两半点分之]{2,24}"
    r"[个只位年月日号点时分秒天周岁元块毛角倍度米斤楼层室届]?"
)


def spans(text: str) -> list[tuple[int, int]]:
    """Return where each expression that is read as one begins and ends, in order.

    Figures with their signs and units, times, ranges, dates, telephone numbers, addresses,
    citations, links and tags; one that the text breaks off in goes to the text's end.
    """
    return [match.span() for match in _SPAN.finditer(text)]

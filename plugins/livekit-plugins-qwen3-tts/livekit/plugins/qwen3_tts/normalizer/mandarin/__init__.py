"""Which written forms there are in a Chinese text, most specific first.

A rule is here because the library reads its form wrongly, not at all, or as nobody says it to a
caller; what stands above it says which.
"""

from __future__ import annotations

import re
from typing import Final

from ..folding import fold
from ..language import HAN
from ..patterns import DASH, NUMBER, POINTED
from ..reading import Reader
from ..rules import FIGURES, Rule, apply, rule
from ..signs import SIGNS
from .amounts import AMOUNTS
from .codes import ADDRESSES, NAMES, NUMBERS, RANGES
from .dates import DATES, HOURS
from .formulas import ALGEBRA, FORMULAS, FRACTIONS
from .numbers import COUNTED, cardinal, say_number

_SIGNED = rf"[-+±]?{POINTED}"

_TYPOGRAPHY: Final[tuple[Rule, ...]] = (
    # A space between Chinese and a figure is typography.
    rule(" ", rf"(?<=[{HAN}]) +(?=[-+]?\d)|(?<=[\d%]) +(?=[{HAN}])", ""),
    # The library's "第两名", "零八月" and thousands in two parts; its 12.9 is a date.
    rule("0", r"(?<![\d.:-])0(?=\d[月日号])", ""),
    # The library's "二月两日" and "两单元".
    rule("2", "(?<=月)2(?=日)|(?<![\\d.])2(?=单元|号楼|栋)", "二"),
    rule(
        "第",
        rf"(?<=第)(\d+){DASH}(?:第)?(\d+)",
        lambda m: f"{cardinal(m[1])}到第{cardinal(m[2])}",
    ),
    rule("第", r"(?<=第)\d+", lambda m: cardinal(m[0])),
    rule("周", r"(?<=周)([1-6])[-~](?=周[1-7])", lambda m: f"{cardinal(m[1])}到"),
)

_MARKS: Final[tuple[Rule, ...]] = (
    rule("2", rf"(?<![\w.,第])2(?=[{COUNTED}])(?!年级|次[元方幂]|分之)", "两"),
    # Decimals and signed figures; the library's 12.9 is the ninth of December.
    rule(
        "+-±.,",
        rf"(?<![\w.,)])(?:[-+±]{POINTED}|\d[\d,]*\.\d+|\.\d+|{NUMBER}(?<=,\d\d\d))",
        say_number,
    ),
    rule("+", r"C\+\+", "C加加"),
    rule("#", "C#", "C sharp"),
    rule("&", r"\s?&\s?", "和"),
    rule("@", r"\s?@\s?", " 艾特 "),
    rule("→>", r"\s?(?:→|->|=>)\s?", "到"),
    rule("".join(SIGNS), rf"\s?([{''.join(SIGNS)}])\s?", lambda m: SIGNS[m[1]][1]),
    rule("☆", r"\s?☆", "星"),
    rule(
        "°",
        r"(\d+)°(\d+)'(?:(\d+)\")?",
        lambda m: f"{m[1]}度{m[2]}分" + (f"{m[3]}秒" if m[3] else ""),
    ),
    rule("¢", r"(\d)\s?¢", r"\1美分"),
    rule("/", "(?<=和)/(?=或)", ""),
    rule("≈", rf"(?<=[{HAN}])\s?≈\s?(?=[{HAN}\w])", "约等于"),
    # Whatever was counted, for each: 二十欧元/晚.
    rule(
        "/",
        rf"([零一二两三四五六七八九十百千万亿点半]+[{HAN}]{{1,4}})\s?/\s?"
        r"(晚|天|日|月|年|周|人|次|件|瓶|盒|包|袋|个|斤|箱|份|杯|场|位|间|台|套|张|小时|分钟|秒|平米|亩|户|桌"
        r"|碗|盘|碟|串|只|条|颗|粒|片|支|滴|节|课|学期|本|双|对|辆|页|字|公里|班|季|期|罐|听|壶)"
        rf"(?![{HAN}])",
        r"每\2\1",
    ),
    rule("/", rf"(?<=[{HAN}])/(?=[{HAN}])", "或"),
    rule("π", "π", "派"),
    rule(FIGURES, r"(?<![\w.,])\d{9,}", say_number),
)

_RULES: Final[tuple[Rule, ...]] = (
    *ALGEBRA,
    *ADDRESSES,
    *_TYPOGRAPHY,
    *NUMBERS,
    *DATES,
    *HOURS,
    *AMOUNTS,
    *FRACTIONS,
    *NAMES,
    *FORMULAS,
    *RANGES,
    *_MARKS,
)

# The grammar takes a clause; over a comma it joins 12块5，34.5元 into one figure.
_CLAUSE = re.compile(r"[^，。、！？；：,;!?\s]{0,60}\d[^，。、！？；：,;!?\s]{0,60}")

# Ⅲ期 is 三期.
_ROMAN: Final = {start + n: str(n + 1) for start in (0x2160, 0x2170) for n in range(12)}

_AFTERWARDS: Final[tuple[Rule, ...]] = (
    rule(FIGURES, rf"(?<![\w.,)]){_SIGNED}|{NUMBER}", say_number),
    rule("%", "%", "百分号"),
    rule("$", r"\$", "美元"),
    rule("/", r"\s?/\s?", " "),
)


def speak(text: str, before: str = "", most: int = 160) -> str:
    """Returns a Chinese text with every figure and symbol in words."""
    reader = Reader("zh", most)
    text = apply(_RULES, before + fold(text.translate(_ROMAN)), len(before))
    return apply(_AFTERWARDS, _CLAUSE.sub(lambda clause: reader.read(clause[0]), text))

"""Reads money, percentages, measures and shares as they are said in Mandarin."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

from ..language import HAN
from ..money import CURRENCIES, MONEY, SCALES
from ..patterns import DASH, NUMBER, POINTED, START
from ..rules import FIGURES, Rule, rule
from ..units_of_measure import MEASURE, UNIT, UNITS
from .formulas import compare
from .numbers import cardinal, say_amount, say_year, serial

_MONEY_NAME = "(?:元|块钱|块|美元|欧元|英镑|日元|港元|港币|美金|人民币)"

_PERIODS: Final = {
    "day": "天", "week": "周", "month": "月", "year": "年", "分": "分钟", "小时": "小时",
    "h": "小时", "d": "天",
}  # fmt: skip


def say_trim(number: str) -> str:
    """Drops the zeros after the point that a price is written with."""
    return number.rstrip("0").rstrip(".") if "." in number else number


def say_money(match: re.Match[str]) -> str:
    """Reads ¥12.50 as 十二点五元, $3.2 billion as 三十二亿美元."""
    sign = match["sign"] or match["sign2"]
    currency = CURRENCIES[sign].zh
    low, high = match["low"] or match["low2"], match["high"] or match["high2"]
    scale = (match["scale"] or match["scale2"] or match["low_scale"] or "").strip()
    amounts = [say_trim(number.replace(",", "")) for number in (low, high) if number]
    if scale in SCALES:
        amounts = [f"{Decimal(number).scaleb(SCALES[scale]):f}" for number in amounts]
        amounts, scale = _in_wan(amounts)
    said = [say_amount(number, scale or currency) for number in amounts]
    minus = "负" if match["minus"] or match["minus2"] else ""
    return minus + "到".join(said) + scale + currency


def say_price(match: re.Match[str]) -> str:
    """Reads the figures before 元: -200 is 负两百, 3～5 三到五."""
    sign = {"-": "负", "+": "加"}.get(match["minus"], "")
    following = match.string[match.end() : match.end() + 1]
    ends = [say_trim(end.replace(",", "")) for end in (match["low"], match["high"]) if end]
    if not match["high"]:
        return sign + say_amount(ends[0], following)
    first = "两" if ends[0] == "2" else cardinal(ends[0])
    return f"{sign}{first}到{say_amount(ends[1], following)}"


def _in_wan(amounts: list[str]) -> tuple[list[str], str]:
    """Counts large amounts in 万 and 亿, so that 3.2 billion is 三十二亿."""
    least = min(Decimal(number) for number in amounts)
    for scale, power in (("亿", 8), ("万", 4)):
        if least >= 10**power:
            return [say_trim(f"{Decimal(n).scaleb(-power):f}") for n in amounts], scale
    return amounts, ""


def say_percent(match: re.Match[str]) -> str:
    """Reads 5%-10% as 百分之五到百分之十."""
    of = "千分之" if match["mark"] == "‰" else "百分之"

    def one(number: str) -> str:
        sign = {"-": "负", "+": "加", "±": "正负"}.get(number[0], "")
        rest = say_trim(number.lstrip("+-±"))
        return sign + of + ("百" if rest == "100" and of == "百分之" else cardinal(rest))

    if match["high"]:
        high = one(match["high"]) if match["first"] else cardinal(match["high"])
        return f"{one(match['low'])}到{high}"
    return one(match["low"])


def say_measure(match: re.Match[str]) -> str:
    """Reads 120km/h as 每小时一百二十公里, -8~-2℃ as 零下八到零下二摄氏度."""
    unit = UNITS[match["unit"]].zh
    per = match["per"] or ""
    each = f"每{period(per)}" if per else ""
    ends = [end for end in (match["low"], match["high"]) if end]
    frost = match["unit"].startswith("°")
    said = []
    for end in ends:
        below = frost and end.startswith("-")
        following = unit if end is ends[-1] else ""
        said.append("零下" + cardinal(end[1:]) if below else say_amount(end, following))
    return each + "到".join(said) + unit


def period(per: str) -> str:
    """Returns what stands behind 每: kg is 公斤, 分 分钟."""
    return UNITS[per].zh if per in UNITS else _PERIODS.get(per, per)


def say_share(match: re.Match[str]) -> str:
    """Reads 5元/kg as 每公斤五元, 72次/分 as 每分钟七十二次."""
    per = match["per"]
    name = period(per)
    low = f"{cardinal(match['low'])}到" if match["low"] else ""
    return f"每{name}{low}{say_amount(match['number'], match['what'])}{match['what']}"


# Behind these a fraction is marks of all there are: any, and one that ends its clause.
_MARKED = re.compile(f"[评得打]分[{HAN}]{{0,2}}[：:]?\\s?$")
_SCORED = re.compile("[考得打给评拿获][了到过]?分?[数是为：:]?$")


def _mark(match: re.Match[str]) -> str:
    """Reads 92/100 behind a verb of an examination, 8/10分 and 4.8/5 as marks of all there are."""
    before, after = match.string[: match.start()][-8:], match.string[match.end() :][:1]
    marks = (
        "." in match[1]
        or match[0].endswith("分")
        or _MARKED.search(before)
        or (_SCORED.search(before) and after in "，。,!！")
    )
    if not marks or float(match[1]) > int(match[2]):
        return match[0]
    return f"{cardinal(match[1])}分，满分{cardinal(match[2])}分"


def _height(match: re.Match[str]) -> str:
    return f"{cardinal(match[1])}米{say_year(match[2])}"


AMOUNTS: Final[tuple[Rule, ...]] = (
    # Comparisons before an amount: the library leaves their signs, and the engine says nothing.
    rule(
        "<>≤≥",
        r"(?:(?<=\s)|(?<=^)|(?<=[(（,，:：]))([<>]=?|[≤≥])(?=[-+]?(?:[A-Z]{0,2}[$€£¥])?\.?\d)",
        lambda m: compare(m[1]),
    ),
    rule(
        "<>≤≥",
        rf"(?<=[{HAN}])\s?([<>]=?|[≤≥])\s?(?=[-+]?(?:[A-Z]{{0,2}}[$€£¥])?\.?\d)",
        lambda m: compare(m[1]),
    ),
    rule("约~≈", r"约?(?<![\d%°A-Za-z])(?<!\d )[~≈]\s?(?=[$€£¥]?\d)|约\s+(?=\d)", "约"),
    # Money: its thousands, its ranges and its minus.
    # Before its unit is asked about: the higher pressure and the lower.
    rule("/", r"(?<![\w.,/-])(\d{2,3})/(?=\d{2,3}\s?mmHg)", lambda m: f"{cardinal(m[1])}，"),
    rule(
        "/",
        rf"{START}(?:(?P<low>{POINTED}){DASH})?(?P<number>{POINTED})(?P<what>[万亿]?{_MONEY_NAME}|[次个人件克拍转])\s?/\s?(?P<per>{UNIT}|(?:分钟?|秒|小?时|天|日|周|月|年)(?![租货])|[{HAN}]{{1,2}}?(?=$|[，。、！？；,.\s]))",
        say_share,
    ),
    rule("$€£¥₩₹₽₿₺₫₱฿DRPYF", MONEY, say_money),
    rule(
        "元块美欧英日港人",
        rf"(?<![\w.,])(?P<minus>[-+]?)(?P<low>{POINTED})(?:(?P<range>{DASH})(?P<high>{NUMBER}))?(?=[万亿]?{_MONEY_NAME})",
        say_price,
    ),
    rule(
        "%‰",
        rf"(?<![\w.,])(?P<low>[-+±]?{POINTED})(?:(?P<first>%)?(?:{DASH}|到)(?P<high>{NUMBER}))?\s?(?P<mark>[%‰])",
        say_percent,
    ),
    # Heights, sizes, resolutions.
    rule("米", r"(?<![\d.])([12])米(\d\d)(?!\d)", _height),
    rule("xX×", r"(?<=\d)\s?[xX×]\s?(?=\d)", "×"),
    rule("xX", r"(?<=\d)[xX](?![A-Za-z\d]|\s?[-+=^])", "倍"),
    rule("pP", r"(?<!\d)(\d{3,4})[pP]\b", lambda m: f"{serial(m[1])}P"),
    rule(
        "wW",
        rf"{START}({POINTED})[wW](?=[{HAN}]|$|[，。+])(?!灯|的?功率|充|快充|瓦|电|音)",
        lambda m: f"{cardinal(m[1])}万",
    ),
    rule("+", r"(?<!\w)(\d{1,3})\+(\d{2,4})(?=GB?|T)", lambda m: f"{cardinal(m[1])}加{m[2]}"),
    rule("°", r"(?<=[a-z])(\d{1,3})°(?![\dCF])", lambda m: f"{cardinal(m[1])}度"),
    rule(
        "h",
        r"(?<![\w.])(\d{1,2})\s?h\s?(\d{1,2})\s?(?:min|m)?(?!\w)",
        lambda m: f"{say_amount(m[1], '小时')}小时{say_amount(m[2], '分钟')}分钟",
    ),
    rule("vV", r"(?<!\w)(\d)[vV][sS]?(?=\d(?!\w))", r"\1V"),
    rule("L", rf"{START}({POINTED})\s?L/100\s?km(?!\w)", lambda m: f"每百公里{cardinal(m[1])}升"),
    rule("^", r"(?<=\d)\^(\d{1,3})(?=[a-zA-Zμ])", lambda m: f"的{cardinal(m[1])}次方"),
    rule("m", r"(?<=次方)m/s(?!\w)", "米每秒"),
    rule(
        "d",
        r"(?<![\w.])(\d{1,3})d(?![\w打电动模建效游图])",
        lambda m: f"{say_amount(m[1], '天')}天",
    ),
    rule(
        "/",
        rf"{START}({POINTED}[万亿千]?)\s?/\s?(s|min|h|d|{UNIT}|[年月天晚](?![{HAN}]))(?!\w)",
        lambda m: f"每{period(m[2])}{m[1]}",
    ),
    rule(FIGURES, MEASURE, say_measure),
    rule(
        "-~",
        rf"{START}-(\d+){DASH}-(\d+)(?=度)",
        lambda m: f"零下{cardinal(m[1])}到零下{cardinal(m[2])}",
    ),
    rule("/", r"(?<![\d/.])24/7(?![\d/])|(?<![\d/.])7[×xX/]24(?![\d/])(?:小时)?", "七乘二十四小时"),
    rule(
        "/",
        r"(?<![\d/.])(\d{2,3})/(\d{2,3})(?![\d/.])",
        lambda m: f"{cardinal(m[1])}，{cardinal(m[2])}",
        after="血压[是为：:在高低约达到]{0,3}",
    ),
    rule("/", r"(?<![\d/.])50/50(?![\d/])", "五五开"),
    rule("/", r"(?<![\w.,/])(\d\.\d|\d{1,3})/(5|10|100|120|150)(?![\d/]|\.\d)分?", _mark),
)

"""Reads figures and symbols as they are said in Mandarin."""

from __future__ import annotations

import re
from decimal import Decimal
from functools import lru_cache
from typing import Final

from .money import CURRENCIES, SCALES
from .patterns import phone_groups, url_parts
from .units_of_measure import UNITS

_DIGITS: Final = str.maketrans("0123456789", "零一二三四五六七八九")
# 1 is said yāo where digits are named one by one, except in years and decimals.
_SERIAL_DIGITS: Final = str.maketrans("0123456789", "零幺二三四五六七八九")
# Two of a thing is 两; 二月, 二号, 二楼 and 第二 count places, not things.
COUNTED = (
    "个位只条张本把件次种类天周年岁点分秒小星元块毛斤公千克米厘毫吨升层步份套台部辆名人家间句段倍遍趟场项门"
    "杯瓶碗双对株棵头匹艘架支枝根颗粒片页行列组批季代者侧边平立英万亿百户成局轮篇首幅座栋口味封筐箱包袋盒罐摄度顿"
)
COUNTED += "晚汤茶勺滴丸针壶串碟桶卷节寸瓣撮笔架圈遍"
# Second places and dimensions, not two of a thing.
_PLACED = frozenset(["年级", "次元", "次方", "次幂", "分之"])


def serial(digits: str) -> str:
    """Names digits one by one, as in a telephone number."""
    return digits.translate(_SERIAL_DIGITS)


@lru_cache(maxsize=4096)
def cardinal(number: str) -> str:
    """Reads a number: "1,200" is 一千二百, "-3.50" 负三点五零."""
    import cn2an  # type: ignore[import-untyped]  # 0.3 s to import: paid at the first number or by prewarm()

    number = number.replace(",", "")
    if number.lstrip("+-±").startswith("."):
        number = number.replace(".", "0.", 1)
    sign = {"-": "负", "+": "加", "±": "正负"}.get(number[:1], "")
    whole, _, decimals = number[len(sign) and 1 :].partition(".")
    whole = whole.lstrip("0") or "0"
    if len(whole) > 16:  # cn2an's range
        said = whole.translate(_DIGITS)
    else:
        said = cn2an.an2cn(whole, "low").replace("亿零一十", "亿零十")
        said = re.sub("^二(?=百)|(?<!十)二(?=[千万亿])", "两", said)
    return sign + said + ("点" + decimals.translate(_DIGITS) if decimals else "")


def say_amount(number: str, following: str = "") -> str:
    """Reads a count of the thing that follows: 2个 is 两个, 12个 十二个."""
    if (
        number.lstrip("+-±") == "2"
        and following[:1]
        and following[0] in COUNTED
        and following[:2] not in _PLACED
    ):
        return cardinal(number).replace("二", "两")
    return cardinal(number)


def say_year(digits: str) -> str:
    """Reads 2024 as 二零二四."""
    return digits.translate(_DIGITS)


def say_email(match: re.Match[str]) -> str:
    """Reads a@163.com as a艾特幺六三点com."""
    return f"{_address(match[1])}艾特{_address(match[2])}"


def say_url(match: re.Match[str]) -> str:
    """Reads https://www.example.com/a?b=1 as example点com斜杠a."""
    return _address(url_parts(match))


_ADDRESS: Final = {
    ".": "点",
    "/": "斜杠",
    "-": "杠",
    "_": "下划线",
    ":": "冒号",
    "+": "加",
    "~": "波浪线",
}


def _address(text: str) -> str:
    return serial("".join(_ADDRESS.get(char, char) for char in text))


def say_phone(match: re.Match[str]) -> str:
    """Reads 13812345678 digit by digit, with a pause between groups."""
    plus, groups = phone_groups(match)
    said = ("加" if plus else "") + "，".join(map(serial, groups))
    # The last group of a line with an extension.
    return "转".join(said.rsplit("，", 1)) if "转" in match[0] else said


def say_date(match: re.Match[str]) -> str:
    """Reads 2024-03-05 as 二零二四年三月五日."""
    month, day = int(match["month"]), int(match["day"])
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return match[0]
    return f"{say_year(match['year'])}年{cardinal(str(month))}月{cardinal(str(day))}日"


def _clock(hour: int, minute: int, second: int | None = None) -> str:
    said = ("两" if hour == 2 else cardinal(str(hour))) + "点"
    if second is None and minute == 30 and hour <= 12:
        return said + "半"
    if minute or second:
        said += ("零" if minute < 10 else "") + (cardinal(str(minute)) if minute else "") + "分"
    if second:
        said += ("零" if second < 10 else "") + cardinal(str(second)) + "秒"
    return said


def say_time(match: re.Match[str]) -> str:
    """Reads 下午3:30 and 3:30 pm as 下午三点半."""
    hour, minute = int(match["hour"]), int(match["minute"] or 0)
    noon = (match["noon"] or "").replace(".", "").lower()
    if not noon and not match["minute"]:
        return match[0]
    part = ""
    if noon and not match["part"] and hour <= 12:
        if noon == "am":
            part = "凌晨" if hour < 6 or hour == 12 else "上午"
        else:
            part = "中午" if hour == 12 else "下午" if hour < 6 else "晚上"
    second = int(match["second"]) if match["second"] else None
    return (match["part"] or part) + _clock(hour, minute, second)


def say_time_range(match: re.Match[str]) -> str:
    """Reads 9:00-17:30 as 九点到十七点三十分."""
    return f"{TIME.sub(say_time, match[1])}到{TIME.sub(say_time, match[2])}"


TIME: Final = re.compile(
    r"(?P<part>凌晨|清晨|早上|早晨|上午|中午|下午|傍晚|晚上|夜里|今晚|明早)?\s?(?<![\d.])(?<!\d[:：])"
    r"(?P<hour>[01]?\d|2[0-4])(?:[:：](?P<minute>[0-5]\d)(?:[:：](?P<second>[0-5]\d))?)?(?![\d:])"
    r"(?:\s?(?P<noon>[AaPp]\.?[Mm]\b\.?))?(?:分(?!钟))?",
    re.ASCII,
)


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


_PERIODS: Final = {
    "day": "天", "week": "周", "month": "月", "year": "年", "分": "分钟", "小时": "小时",
    "h": "小时", "d": "天",
}  # fmt: skip


def say_fraction(match: re.Match[str]) -> str:
    """Reads 1/3 as 三分之一."""
    sign = {"-": "负", "+": "正", "±": "正负"}.get(match["sign"] or "", "")
    whole = cardinal(match[2]) + "又" if match[2] else ""
    return f"{sign}{whole}{cardinal(match[4])}分之{cardinal(match[3])}"


def say_version(match: re.Match[str]) -> str:
    """Reads v2.0.1 as v二点零点一, 192.168.1.1 digit by digit."""
    parts = match[2].split(".")
    address = len(parts) == 4 and all(int(part) <= 255 for part in parts)
    said = serial if address else cardinal
    return (match[1] or "") + "点".join(said(part) for part in parts)


def say_versus(left: str, right: str) -> str:
    """Reads a ratio or a score."""
    return f"{cardinal(left)}比{cardinal(right)}"


_NUMBERED = re.compile(
    "(?:编?号码?|房间?|门牌|住|楼|栋|单元|账户|订单|案件|工单|快递|取件|车牌|学籍|证件|[A-Za-z])(?:号码?|码)?[是为：:\\s]{0,2}$"
)
# A range that ends beyond so many times its beginning is a number with a dash in it.
_WIDEST = 1000


def say_dashed(match: re.Match[str]) -> str:
    """Reads 3-5 as a range, 302-1 as a number with a dash in it."""
    low, high = match["low"].replace(",", ""), match["high"].replace(",", "")
    if len(low) < 4 and re.search(
        "[赛胜赢输负球]|领先|落后|[战逼]平|击败|[上下]半场|全场|加时|对阵|[不惜]敌", match.string
    ):
        return f"{cardinal(low)}比{cardinal(high)}"
    before = match.string[: match.start()]
    if (
        len(low) < 4
        and before.endswith("以")
        and match.string[match.end() :][:1] in "、，的战击险大小力轻完"
    ):
        return f"{cardinal(low)}比{cardinal(high)}"
    numbered = "-" in match[0] and _NUMBERED.search(before)
    if numbered or Decimal(low) >= Decimal(high) or len(high) > 4 + len(low):
        return f"{_name_number(low)}杠{_name_number(high)}"
    following = match.string[match.end() : match.end() + 1]
    first = "两" if low == "2" and following in COUNTED and following else cardinal(low)
    return f"{first}到{say_amount(high, following)}"


def say_code_groups(match: re.Match[str]) -> str:
    """Reads E873 204 115 figure by figure, with a pause between groups."""
    return "，".join(serial(group) for group in match[0].split())


def say_span(match: re.Match[str]) -> str:
    """Reads 6/1-6/18 as 六月一日到六月十八日."""
    month, day, last_month, last = (int(n) for n in match.groups())
    if not (0 < month <= last_month <= 12 and 1 <= day <= 31 and 1 <= last <= 31):
        return match[0]
    first = f"{cardinal(str(month))}月{cardinal(str(day))}日"
    return f"{first}到{cardinal(str(last_month))}月{cardinal(str(last))}日"


def say_groups(match: re.Match[str]) -> str:
    """Reads 1-2-301 as 一杠二杠三零幺, an order's 2024-118-553 figure by figure."""
    groups = re.split("[-–]", match[0])
    if all(len(group) > 2 for group in groups):
        return "，".join(serial(group) for group in groups)
    return "杠".join(_name_number(group) for group in groups)


def _name_number(digits: str) -> str:
    """Reads a figure in a name: two figures or round hundreds are a number, others digits."""
    if (
        "." in digits
        or len(digits) <= 2
        and digits[0] != "0"
        or len(digits) < 5
        and digits.endswith("00")
    ):
        return cardinal(digits)
    return serial(digits)


def say_name(match: re.Match[str]) -> str:
    """Reads GPT-4 as GPT 四, CA1234 as CA幺二三四."""
    return _FIGURE.sub(lambda figure: _name_number(figure[0]), match[0].replace("-", " "))


_FIGURE = re.compile(r"\d+(?:\.\d+)?")


def say_number(match: re.Match[str]) -> str:
    """Reads a bare figure: a number, or digits if it can only be a serial number."""
    number = match[0]
    digits = number.lstrip("+-±").replace(",", "")
    following = match.string[match.end() : match.end() + 1]
    if match.string[: match.start()].endswith("第"):
        return cardinal(number)
    if digits.startswith("0") and len(digits) > 1 and "." not in digits:
        return serial(number)
    if (
        len(digits) >= 9
        and "," not in number
        and "." not in number
        and not digits.endswith("000")
        and not following.strip("，。,. ")
    ):
        return serial(number)
    return say_amount(number, following)


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

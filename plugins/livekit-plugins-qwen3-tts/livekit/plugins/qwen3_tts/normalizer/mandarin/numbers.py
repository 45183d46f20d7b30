"""Names numbers as they are said in Mandarin."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

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

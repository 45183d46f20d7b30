"""Reads what is named figure by figure in Mandarin: addresses, telephone numbers, codes."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

from ..language import HAN
from ..patterns import (
    CODE_GROUPS,
    DASH,
    EMAIL,
    END,
    NUMBER,
    PHONE,
    START,
    URL,
    phone_groups,
    url_parts,
)
from ..rules import FIGURES, Rule, rule
from .numbers import COUNTED, cardinal, say_amount, serial

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


def say_email(match: re.Match[str]) -> str:
    """Reads a@163.com as a艾特幺六三点com."""
    return f"{_address(match[1])}艾特{_address(match[2])}"


def say_url(match: re.Match[str]) -> str:
    """Reads https://www.example.com/a?b=1 as example点com斜杠a."""
    return _address(url_parts(match))


def say_phone(match: re.Match[str]) -> str:
    """Reads 13812345678 digit by digit, with a pause between groups."""
    plus, groups = phone_groups(match)
    said = ("加" if plus else "") + "，".join(map(serial, groups))
    # The last group of a line with an extension.
    return "转".join(said.rsplit("，", 1)) if "转" in match[0] else said


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


_SCORED = re.compile("[赛胜赢输负]|领先|落后|[战逼]平|击败|[上下]半场|全场|加时|点球")
# "以21-19、19-21战胜"
_AFTER_SCORES = re.compile("以(?:[0-9]{1,3}[-–][0-9]{1,3}、){0,5}$")


def say_dashed(match: re.Match[str]) -> str:
    """Reads 3-5 as a range, 302-1 as a number with a dash in it."""
    low, high = match["low"].replace(",", ""), match["high"].replace(",", "")
    before, following = match.string[: match.start()], match.string[match.end() : match.end() + 1]
    scored = _SCORED.search(match.string) and following not in tuple("折元块天个人次")
    if len(low) < 4 and (
        scored or (_AFTER_SCORES.search(before) and following in "、，的战击险大小力轻完")
    ):
        return f"{cardinal(low)}比{cardinal(high)}"
    numbered = "-" in match[0] and _NUMBERED.search(before)
    if numbered or Decimal(low) >= Decimal(high) or len(high) > 4 + len(low):
        return f"{name_number(low)}杠{name_number(high)}"
    first = "两" if low == "2" and following in COUNTED and following else cardinal(low)
    return f"{first}到{say_amount(high, following)}"


def say_code_groups(match: re.Match[str]) -> str:
    """Reads E873 204 115 figure by figure, with a pause between groups."""
    return "，".join(serial(group) for group in match[0].split())


def say_groups(match: re.Match[str]) -> str:
    """Reads 1-2-301 as 一杠二杠三零幺, an order's 2024-118-553 figure by figure."""
    groups = re.split("[-–]", match[0])
    if all(len(group) > 2 for group in groups):
        return "，".join(serial(group) for group in groups)
    return "杠".join(name_number(group) for group in groups)


def name_number(digits: str) -> str:
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


_FIGURE = re.compile(r"\d+(?:\.\d+)?")


def say_name(match: re.Match[str]) -> str:
    """Reads GPT-4 as GPT 四, CA1234 as CA幺二三四."""
    return _FIGURE.sub(lambda figure: name_number(figure[0]), match[0].replace("-", " "))


# After these a figure is named digit by digit.
_CODE_WORDS = (
    "(?:(?:验证|取票|取货|提货|邀请|兑换|激活|核销|优惠|登录|识别|动态|确认|付款|券|校验|认证|推荐)码"
    "|密码|编号|房间号?|房号|航班号?|号码|电话|热线|尾号|卡号|单号|订单号?|邮编|学号|工号|分机|门牌|账号|账户"
    "|拨打?|致电|打(?=1[12]\\d(?!\\d))|呼叫|取件码|车次|代码|口令|QQ号?|PIN|OTP|CV[VC]|安全码|区号|会议号"
    "|序列号|[A-Za-z]{0,8} ?ID|工单号?|案件号|流水号|会员号|微信号?|身份证号?"
    "|分机号?|端口号?|错误码?|单元|[A-Z]座)"
    "[是为：:\\s]{0,3}"
)

_NOT_COUNTED = r"(?![\d%:：-]|[.,]\d|[个元块万千亿次分人])"


ADDRESSES: Final[tuple[Rule, ...]] = (
    rule("@", EMAIL, say_email),
    rule(".:", URL, say_url),
    rule("@", r"(?<=[A-Za-z])@(\d+)", lambda m: f"艾特{serial(m[1])}"),
    rule(
        ":：",
        r"(?<![\w.])(\d{1,3}(?:\.\d{1,3}){3})[:：](\d{2,5})(?!\d)",
        lambda m: f"{'点'.join(map(serial, m[1].split('.')))}冒号{serial(m[2])}",
    ),
    # An account of which only the ends are shown.
    rule(
        "∗",
        r"(?<!\w)(\d{1,8})∗(\d{1,8})(?!\d)",
        lambda m: f"{serial(m[1])}，星号，{serial(m[2])}",
    ),
    rule(
        "·•",
        r"(?<=[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼][A-Z])[·•]\s?([A-Z\d]{5,6})(?!\w)",
        lambda m: serial(m[1]),
    ),
)

# Numbers to dial in need; elsewhere they are a hundred and ten, which the library does not know.
_NEED = re.compile("警|救|火|拨|急|电话|热线|消防|事故|求助|呼叫|打1|叫1|114|查号")


def say_emergency(match: re.Match[str]) -> str:
    """Reads 120 as 幺二零 where help is called, as 一百二十 elsewhere."""
    alone = match[0] == match.string.strip()
    return serial(match[0]) if alone or _NEED.search(match.string) else cardinal(match[0])


def _liner(match: re.Match[str]) -> str:
    return serial(match[1]) + ("杠" if len(match[2]) < 3 else "") + cardinal(match[2])


NUMBERS: Final[tuple[Rule, ...]] = (
    # Telephone numbers in groups; the library runs them together.
    rule(FIGURES, PHONE, say_phone),
    rule("7", r"(?<![\w.,-])(7[0-8]7)-([1-9]00|[89]|10)(?![\w-])", _liner),
    rule(FIGURES, r"(?<!\d)\d{3}(?=国道|省道|县道|乡道)", lambda m: serial(m[0])),
    rule(
        "45",
        r"(?<![\w.,])[45]0\d(?=\s?(?:Not|Bad|Internal|Forbidden|Unauthorized|Gateway|错误|页面|报错))",
        lambda m: name_number(m[0]),
    ),
    rule(
        "45",
        r"(?<![\w.,])[45]0\d(?![\w.,:%]|[个元块])",
        lambda m: name_number(m[0]),
        after="(?:返回|状态码?|报错?|HTTP)[是了为：:\\s]{0,2}",
    ),
    # Codes are named figure by figure; the library counts them.
    rule("X", r"(?<!\d)(\d{1,17})X(?![A-Za-z\d])", lambda m: serial(m[1]) + "X", after=_CODE_WORDS),
    rule(FIGURES, CODE_GROUPS, say_code_groups, after=_CODE_WORDS),
    rule(
        "-",
        r"(\d{3,8})-([A-Z]{1,3}|\d)(?![\w-])",
        lambda m: f"{serial(m[1])}杠{serial(m[2])}",
        after=_CODE_WORDS,
    ),
    rule(
        FIGURES,
        r"(?=[A-Za-z]{0,19}\d)(?=\d{0,19}[A-Za-z])[A-Za-z\d]{4,20}(?![\w-])",
        lambda m: serial(m[0]),
        after="密码[是为：:\\s]{0,3}",
    ),
    rule(
        FIGURES,
        r"(?<=[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼])[A-Z](?=[A-Z\d]{0,5}\d)[A-Z\d]{5,6}(?!\w)",
        lambda m: serial(m[0]),
    ),
    rule(
        FIGURES,
        r"(?<!\d)\d{5,12}(?![\d%]|[.,]\d|[个元块万千亿次分人名位])",
        lambda m: serial(m[0]),
        after=f"(?:短信|发送|编辑|回复)[A-Za-z{HAN}]{{0,8}}[到至]",
    ),
    rule(
        FIGURES,
        rf"(?<!\d)(\d{{3,8}}|\d{{4,}}(?=[，。,.\s]|$)){_NOT_COUNTED}",
        lambda m: serial(m[1]),
        after=_CODE_WORDS,
    ),
    rule(FIGURES, r"\d{1,5}(?!\d)", lambda m: serial(m[0]), after=r"\d{4}转"),
    rule(
        "室号房",
        r"(?<![\d.,-])(\d{3,4})(?=室|号[房楼院厅门]|房间?(?![价屋]))",
        lambda m: serial(m[1]),
    ),
)

NAMES: Final[tuple[Rule, ...]] = (
    # Names that are figures.
    rule(
        "92",
        "(?<!\\d)(?:985|211)(?=[、/和及或]\\s?(?:985|211|$)|大学|高校|院校|工程|毕业)",
        lambda m: serial(m[0]),
    ),
    rule("1", r"(?<![\w.,:/+-])1(?:10|19|20|22)(?![\w.,:/%°+-])", say_emergency),
    # Nobody counts from a nought: 010 is the library's 零十.
    rule("0", r"(?<![\w.,:/+-])0\d{2,4}(?![\d.,:/%-]|[年月日号点时分秒])", lambda m: serial(m[0])),
    rule("9", "(?<!\\d)996(?=工作|加班|文化|模式|制)", "九九六"),
)

RANGES: Final[tuple[Rule, ...]] = (
    rule("-–", r"(?<![\w.,-])\d{1,5}(?:[-–]\d{1,5}){2,5}(?![\w-])", say_groups),
    rule(
        "-–—~",
        rf"{START}(?<!-)(?P<low>{NUMBER}){DASH}(?P<high>{NUMBER}){END}(?!-\d)",
        say_dashed,
    ),
    rule(
        FIGURES,
        r"(?<![\w.])(?:RTX|GTX|RX|MX|Intel|Core)\s?(\d{4})(?!\d)",
        lambda m: m[0].replace(m[1], serial(m[1]).replace("幺", "一")),
    ),
    rule(FIGURES, r"[A-Za-z]+-?\d+(?:\.\d+)?(?:-?[A-Za-z]+\d*|-\d+(?:\.\d+)?[A-Za-z]*)*", say_name),
)

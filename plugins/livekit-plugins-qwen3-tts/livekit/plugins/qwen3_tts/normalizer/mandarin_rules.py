"""The written forms of a Chinese text and how each is read, most specific first."""

from __future__ import annotations

from typing import Final

from . import english_rules
from . import mandarin as zh
from .language import HAN
from .patterns import DASH, EMAIL, END, MEASURE, MONEY, NUMBER, PHONE, START, URL, to_ascii
from .rules import FIGURES, Rule, apply, rule

_CLOCK = r"\d{1,2}[:：]\d{2}(?:\s?[AaPp]\.?[Mm]\b\.?)?"
# After these words a number is read digit by digit.
_CODE_WORDS = (
    "验证码|密码|编号|房间号?|房号|航班号?|号码|电话|热线|尾号|卡号|单号|订单号?|邮编|学号|工号|分机|门牌"
    r"|拨打?|致电|打(?=1[12]\d(?!\d))|呼叫|取件码|车次|代码|口令|QQ|PIN"
)
_NOT_COUNTED = r"(?![\d%:：-]|[.,]\d|[个元块万千亿次分人])"
# Public service numbers that need no word before them.
_SERVICES = r"12306|12345|12315|10086|10010|95\d{3}"
_SIGNED = rf"[-+±]?{NUMBER}"

_RULES: Final[tuple[Rule, ...]] = (
    rule("@", EMAIL, zh.say_email),
    rule(".", URL, zh.say_url),
    # Longer than any number that has a name.
    rule(FIGURES, r"\d{19,}", lambda m: zh.serial(m[0])),
    # A space between Chinese and a figure is typography.
    rule(" ", rf"(?<=[{HAN}]) +(?=[-+]?\d)|(?<=[\d%]) +(?=[{HAN}])", ""),
    rule(
        FIGURES, rf"((?:{_CODE_WORDS})[是为：:\s]{{0,3}})(\d{{3,8}}){_NOT_COUNTED}", zh.say_serial
    ),
    rule("1", rf"(?<![\w.,-])()({_SERVICES}){_NOT_COUNTED}(?!\w)", zh.say_serial),
    rule("9", rf"(?<![\w.,-])()({_SERVICES}){_NOT_COUNTED}(?!\w)", zh.say_serial),
    rule(
        "和或、",
        rf"([零幺二三四五六七八九]{{3,}}(?:或者?|、|和))(\d{{3,8}}){_NOT_COUNTED}",
        zh.say_serial,
    ),
    rule(FIGURES, PHONE, zh.say_phone),
    # 2024-03-05T10:00:00Z
    rule("T", r"(?<=\d)T(\d\d:\d\d(?::\d\d)?)(?:Z|\b)", r" \1"),
    rule(
        "-/.",
        r"(?<!\d)(?P<year>\d{4})([-/.])(?P<month>\d{1,2})\2(?P<day>\d{1,2})(?!\d)",
        zh.say_date,
    ),
    rule(
        "-",
        r"(?<!\d)((?:19|20)\d{2})-(0[1-9]|1[0-2])(?!\d)",
        lambda m: f"{zh.say_year(m[1])}年{zh.cardinal(m[2])}月",
    ),
    rule(
        "年",
        rf"(?<!\d)(\d{{4}})年?{DASH}(\d{{4}})(?=年)",
        lambda m: f"{zh.say_year(m[1])}到{zh.say_year(m[2])}",
    ),
    rule(
        "年",
        r"(?<![\d,.])(\d{4}|0\d|\d\d(?=年\d{1,2}月))(?=年(?!级|以上))",
        lambda m: zh.say_year(m[1]),
    ),
    rule("后", r"(?<![\d第])([06-9]\d)(?=后(?!天|面|来|的))", lambda m: zh.say_year(m[1])),
    rule(
        "在从到至于自由年",
        rf"(?:(?<=[在从到至于自由年])|(?<=年是)|(?<=年为))(\s?)((?:19|20)\d\d)"
        rf"(?:(?![\d{HAN}.,:%/A-Za-z-]|\s[A-Za-z])|(?=[到至和与以之]))",
        lambda m: zh.say_year(m[2]),
    ),
    rule(":：", rf"({_CLOCK}){DASH}({_CLOCK})", zh.say_time_range),
    rule(
        ":：",
        r"(?<![\d:.])(\d+)\s?[:：]\s?(\d+)(?=(?:\s?的)?(?:比例|比分|大胜|获胜|战胜|击败|领先|取胜))",
        lambda m: zh.say_versus(m[1], m[2]),
    ),
    rule(
        "比",
        r"(?<=比分)([是为]?)(\d+)\s?[:：–—-]\s?(\d+)",
        lambda m: m[1] + zh.say_versus(m[2], m[3]),
    ),
    rule(":：mM", zh.TIME, zh.say_time),
    rule(":：", r"(?<![\d:.])(\d+)[:：](\d+)(?![\d:])", lambda m: zh.say_versus(m[1], m[2])),
    # The letters are those of USD, HKD, EUR, GBP, JPY, CNY and RMB, one of each.
    rule("$€£¥₩₹DRPY", MONEY, zh.say_money),
    rule(
        "元块美欧英日港",
        rf"{START}({NUMBER})(?=[万亿]?(?:[元块]|美元|欧元|英镑|日元|港元))",
        lambda m: zh.say_amount(zh.say_trim(m[1]), "元"),
    ),
    rule(
        "%‰",
        rf"(?<![\w.,])(?P<low>{_SIGNED})(?:(?P<first>%)?{DASH}(?P<high>{NUMBER}))?\s?(?P<mark>[%‰])",
        zh.say_percent,
    ),
    rule("xX", r"(?<=\d)\s?[xX]\s?(?=\d)", "×"),
    rule("xX", r"(?<=\d)[xX](?![A-Za-z])", "倍"),
    rule("p", r"(?<!\d)(\d{3,4})[pP]\b", lambda m: f"{zh.serial(m[1])}P"),
    rule(FIGURES, MEASURE, zh.say_measure),
    rule("/", rf"{START}(?:(\d+)\s)?(\d+)/(\d+)(?![\d/])(?!\.\d)", zh.say_fraction),
    rule(".", r"(?<![A-Za-z\d.])([vV])?(\d+(?:\.\d+){2,3})(?![\d.]*\d)", zh.say_version),
    rule("vV", r"(?<![A-Za-z\d])([vV])(\d+(?:\.\d+)*)", zh.say_version),
    rule(
        "tdh",
        r"\b(?:[A-Z][a-z]+\.? )?\d+(?:st|nd|rd|th)\b",
        lambda m: english_rules.speak(m[0]),
    ),
    rule(".№#", r"(?:No\.|№|#)\s?(\d+)", lambda m: f"{zh.cardinal(m[1])}号"),
    rule("^", r"\^(\d+|[a-z]|\(?-?\w+\)?)", zh.say_power),
    rule("√", r"√\s?", "根号"),
    rule("-−", rf"(?<=[\w){HAN}]) [-−] (?=[\w({HAN}])|(?<=\d)[-−](?=\d+\s?(?:=|等于))", "减"),
    rule("+", rf"(?<=\d)\+(?=[{HAN}])", "多"),
    rule("+×÷=≠±*", rf"(?<=[\w){HAN}])\s?(?:[+×÷=≠±*]|[=!]=)\s?(?=[\w(√π{HAN}-])", zh.say_operator),
    rule("<>", r"(?<=[\w)]) ?[<>]= ?(?=[\w(√π-])", zh.say_operator),
    rule(
        "<>≤≥≈",
        r"(?<=[\d)])\s?[<>≤≥≈]\s?(?=[\w(√π-])|(?<=[A-Za-z])(?: [<>≤≥≈] |[<>≤≥≈])(?=[\w(√π-])",
        zh.say_operator,
    ),
    rule("/", r"(?<=[\d)])/(?=[\d(])", "除以"),
    rule("-–—−~～", rf"{START}(?P<low>{NUMBER}){DASH}(?P<high>{NUMBER}){END}", zh.say_dashed),
    rule("-–—−~～", r"(?<=[月日号点时年周天度个元分])\s?[-–—−~～]\s?(?=\d)", "到"),
    rule("约~≈", r"约?[~≈]\s?(?=\d)|约\s+(?=\d)", "约"),
    rule("<", r"<\s?(?=\d)", "小于"),
    rule(">", r">\s?(?=\d)", "大于"),
    rule("≤", r"≤\s?(?=\d)", "不超过"),
    rule("≥", r"≥\s?(?=\d)", "不少于"),
    rule(FIGURES, r"[A-Za-z]+-?\d+(?:\.\d+)?(?:-?[A-Za-z]+\d*|-\d+)*", zh.say_name),
    rule(FIGURES, rf"(?<![\w.,)]){_SIGNED}|{NUMBER}", zh.say_number),
    rule("+", r"C\+\+", "C加加"),
    rule("#", "C#", "C sharp"),
    rule("&", r"\s?&\s?", "和"),
    rule("@", r"\s?@\s?", " 艾特 "),
    rule("→>", r"\s?(?:→|->|=>)\s?", "到"),
    rule("°", "°", "度"),
    rule("%", "%", "百分号"),
    rule("+", r"\s?\+\s?(?=\w)", "加"),
    rule("=", r"\s?=\s?(?=\w)", "等于"),
    rule("/", rf"(?<=[元万亿块])\s?/\s?(?=[{HAN}])", "每"),
    rule("/", rf"(?<=[{HAN}])/(?=[{HAN}])", "或"),
    rule("/", r"\s?/\s?", " "),
    rule("π", "π", "派"),
)


def speak(text: str) -> str:
    """Returns a Chinese text with every figure and symbol in words."""
    return apply(_RULES, to_ascii(text))

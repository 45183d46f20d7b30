"""What both languages find in a text: figures, addresses, phone numbers, units of measure."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

NUMBER = r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?"
# A figure does not begin inside a word or another figure.
START = r"(?<![\w.,])"
END = r"(?![\d])(?!\.\d)"
DASH = r"\s?[-–—−~～]\s?"
# U+2212 and the full-width forms are written for ASCII ones.
_ASCII: Final = str.maketrans(
    "０１２３４５６７８９％＄￥＋－−＝／＠＃．～〜",
    "0123456789%$¥+--=/@#.~~",
)
_VULGAR: Final = {
    "½": "1/2", "⅓": "1/3", "⅔": "2/3", "¼": "1/4", "¾": "3/4", "⅕": "1/5", "⅛": "1/8",
    "²": "^2", "³": "^3",
}  # fmt: skip
_VULGAR_RE = re.compile(r"(?<=\d)(?=[½⅓⅔¼¾⅕⅛])")


def to_ascii(text: str) -> str:
    """Returns the text with full-width figures and one-character fractions in plain form."""
    if text.isascii():
        return text
    text = _VULGAR_RE.sub(" ", text.translate(_ASCII))
    text = text.replace("m²", "㎡").replace("m³", "m^3").replace("k㎡", "km^2")
    for char, plain in _VULGAR.items():
        text = text.replace(char, plain)
    return text.replace("㎡", "m^2").replace("℃", "°C").replace("℉", "°F")


class Unit(NamedTuple):
    """A unit of measure: its English singular and plural, and its Chinese name."""

    one: str
    many: str
    zh: str


def _unit(one: str, zh: str, many: str = "") -> Unit:
    return Unit(one, many or one + "s", zh)


# CLDR (babel) has no Chinese name for the centimetre and calls a gigabyte 吉字节, which nobody
# says; this table holds the spoken names. Chinese "G" and "兆" are how people say GB and MB.
UNITS: Final = {
    "mm": _unit("millimeter", "毫米"), "cm": _unit("centimeter", "厘米"),
    "dm": _unit("decimeter", "分米"), "m": _unit("meter", "米"), "km": _unit("kilometer", "公里"),
    "nm": _unit("nanometer", "纳米"), "μm": _unit("micrometer", "微米"),
    "inch": _unit("inch", "英寸", "inches"), "ft": _unit("foot", "英尺", "feet"),
    "yd": _unit("yard", "码"), "mi": _unit("mile", "英里"), "mile": _unit("mile", "英里"),
    "mg": _unit("milligram", "毫克"), "g": _unit("gram", "克"), "kg": _unit("kilogram", "公斤"),
    "μg": _unit("microgram", "微克"), "t": _unit("ton", "吨"), "lb": _unit("pound", "磅"),
    "lbs": _unit("pound", "磅"), "oz": _unit("ounce", "盎司", "ounces"),
    "ml": _unit("milliliter", "毫升"), "mL": _unit("milliliter", "毫升"),
    "l": _unit("liter", "升"), "L": _unit("liter", "升"), "gal": _unit("gallon", "加仑"),
    "m^2": _unit("square meter", "平方米"), "cm^2": _unit("square centimeter", "平方厘米"),
    "km^2": _unit("square kilometer", "平方公里"), "m^3": _unit("cubic meter", "立方米"),
    "cm^3": _unit("cubic centimeter", "立方厘米"), "sqm": _unit("square meter", "平方米"),
    "tbsp": _unit("tablespoon", "汤匙"), "tsp": _unit("teaspoon", "茶匙"),
    "ha": _unit("hectare", "公顷"), "°C": Unit("degree Celsius", "degrees Celsius", "摄氏度"),
    "°F": Unit("degree Fahrenheit", "degrees Fahrenheit", "华氏度"),
    "°": _unit("degree", "度"), "ns": _unit("nanosecond", "纳秒"),
    "μs": _unit("microsecond", "微秒"), "ms": _unit("millisecond", "毫秒"),
    "s": _unit("second", "秒"), "sec": _unit("second", "秒"), "min": _unit("minute", "分钟"),
    "mins": _unit("minute", "分钟"), "h": _unit("hour", "小时"), "hr": _unit("hour", "小时"),
    "hrs": _unit("hour", "小时"), "Hz": Unit("hertz", "hertz", "赫兹"),
    "kHz": Unit("kilohertz", "kilohertz", "千赫"), "MHz": Unit("megahertz", "megahertz", "兆赫"),
    "GHz": Unit("gigahertz", "gigahertz", "吉赫"),
    "KB": _unit("kilobyte", "K"), "kB": _unit("kilobyte", "K"), "MB": _unit("megabyte", "兆"),
    "GB": _unit("gigabyte", "G"), "TB": _unit("terabyte", "T"), "PB": _unit("petabyte", "P"),
    "GiB": _unit("gibibyte", "G"), "MiB": _unit("mebibyte", "兆"),
    "bps": Unit("bit per second", "bits per second", "比特每秒"),
    "kbps": Unit("kilobit per second", "kilobits per second", "K每秒"),
    "Mbps": Unit("megabit per second", "megabits per second", "兆每秒"),
    "Gbps": Unit("gigabit per second", "gigabits per second", "G每秒"),
    "fps": Unit("frame per second", "frames per second", "帧每秒"),
    "rpm": Unit("revolution per minute", "revolutions per minute", "转每分钟"),
    "px": _unit("pixel", "像素"), "dB": _unit("decibel", "分贝"),
    "dpi": Unit("dot per inch", "dots per inch", "D P I"),
    "mph": Unit("mile per hour", "miles per hour", "英里每小时"),
    "mpg": Unit("mile per gallon", "miles per gallon", "英里每加仑"),
    "kmh": Unit("kilometer per hour", "kilometers per hour", "公里每小时"),
    "W": _unit("watt", "瓦"), "kW": _unit("kilowatt", "千瓦"), "MW": _unit("megawatt", "兆瓦"),
    "kWh": _unit("kilowatt hour", "度电"), "V": _unit("volt", "伏"),
    "mA": _unit("milliamp", "毫安"),
    "mAh": _unit("milliamp hour", "毫安时"), "Wh": _unit("watt hour", "瓦时"),
    "J": _unit("joule", "焦耳"), "kJ": _unit("kilojoule", "千焦"), "N": _unit("newton", "牛"),
    "cal": _unit("calorie", "卡"), "kcal": _unit("kilocalorie", "千卡"),
    "Pa": _unit("pascal", "帕"), "kPa": _unit("kilopascal", "千帕"),
    "hPa": _unit("hectopascal", "百帕"), "Ω": _unit("ohm", "欧"),
}  # fmt: skip

# "3 s" and "5 B" are more often a label than a measure: one letter stands close to its figure.
_SYMBOLS = "|".join(
    ("" if len(symbol) > 1 or symbol in "m°gLWV" else r"(?<![ \t])") + re.escape(symbol)
    for symbol in sorted(UNITS, key=len, reverse=True)
)
MEASURE = re.compile(
    rf"{START}(?P<low>[-+±]?{NUMBER})(?:(?P<low_unit>°C|°F|°|%)?{DASH}(?P<high>{NUMBER}))?[ \t]?"
    rf"(?P<unit>{_SYMBOLS})(?:/(?P<per>{_SYMBOLS}|day|week|month|year|天|日|周|月|年|人|次))?"
    r"(?![A-Za-z0-9°^])",
    re.ASCII,
)


class Currency(NamedTuple):
    """A currency: its English unit and hundredth, singular and plural, and its Chinese name.

    The hundredth is empty where English names none: seven point two yuan.
    """

    one: str
    many: str
    cent: str
    cents: str
    zh: str


_DOLLAR = ("cent", "cents")
CURRENCIES: Final = {
    "US$": Currency("US dollar", "US dollars", *_DOLLAR, "美元"),
    "HK$": Currency("Hong Kong dollar", "Hong Kong dollars", *_DOLLAR, "港元"),
    "$": Currency("dollar", "dollars", *_DOLLAR, "美元"),
    "€": Currency("euro", "euros", *_DOLLAR, "欧元"),
    "£": Currency("pound", "pounds", "penny", "pence", "英镑"),
    # ¥ is the sign of two currencies; with Chinese as the other language it is the yuan.
    "¥": Currency("yuan", "yuan", "", "", "元"),
    "JP¥": Currency("yen", "yen", "", "", "日元"),
    "₩": Currency("won", "won", "", "", "韩元"),
    "₹": Currency("rupee", "rupees", "", "", "卢比"),
    "USD": Currency("US dollar", "US dollars", *_DOLLAR, "美元"),
    "HKD": Currency("Hong Kong dollar", "Hong Kong dollars", *_DOLLAR, "港元"),
    "EUR": Currency("euro", "euros", *_DOLLAR, "欧元"),
    "GBP": Currency("pound", "pounds", "penny", "pence", "英镑"),
    "JPY": Currency("yen", "yen", "", "", "日元"),
    "CNY": Currency("yuan", "yuan", "", "", "元"),
    "RMB": Currency("yuan", "yuan", "", "", "元"),
}
_MONEY_SIGNS = r"US\$|HK\$|JP¥|[$€£¥₩₹]"
_MONEY_CODES = r"USD|HKD|EUR|GBP|JPY|CNY|RMB"
SCALES: Final = {
    "k": 3, "K": 3, "thousand": 3, "M": 6, "m": 6, "million": 6, "mn": 6, "B": 9, "b": 9,
    "bn": 9, "billion": 9, "T": 12, "tn": 12, "trillion": 12,
}  # fmt: skip
MONEY = re.compile(
    rf"(?P<minus>(?<![\w\d])-)?(?:(?P<sign>(?:{_MONEY_SIGNS})|\b(?:{_MONEY_CODES})(?=\s?\d))\s?"
    rf"(?P<low>{NUMBER})(?:{DASH}(?:{_MONEY_SIGNS})?(?P<high>{NUMBER}))?"
    r"(?P<scale>\s?(?:thousand|million|billion|trillion|[万亿千百]|bn|mn|tn|[kKMmBbT])(?![A-Za-z]))?"
    rf"|{START}(?P<low2>{NUMBER})(?:{DASH}(?P<high2>{NUMBER}))?"
    r"(?P<scale2>\s?(?:thousand|million|billion|trillion|[万亿千百]|[kKMB]))?"
    rf"\s?(?P<sign2>(?:{_MONEY_CODES})(?![A-Za-z])|[$€£¥](?!\d)))",
    re.ASCII,
)

EMAIL = re.compile(
    r"(?:mailto:)?(?<![\w.])([A-Za-z0-9][\w.+-]*)@((?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,})", re.ASCII
)
_TLDS = (
    "com|org|net|edu|gov|io|ai|dev|app|cn|co|me|info|tv|uk|de|fr|jp|eu|us|hk|tw|xyz|cloud|live|"
    "md|py|txt|json|yaml|yml|html|pdf|csv|sh|exe|zip|toml|docx?|xlsx?|pptx?|png|jpe?g|mp[34]|wav"
)
URL = re.compile(
    r"(?:https?://|wss?://|(?<![\w@./-]))"
    rf"(?P<host>(?<=//)[A-Za-z0-9][\w.-]*|(?:[A-Za-z0-9][\w-]*\.)+(?:{_TLDS}))(?![A-Za-z])"
    r"(?P<port>:\d{2,5})?(?P<path>/[A-Za-z0-9_./~%+-]*)?(?P<query>[?#][\w=&%./+~:;,-]*)?",
    re.ASCII,
)
# Longer paths are there to be clicked: nobody says them.
_LONGEST_PATH = 24

PHONE = re.compile(
    r"(?<![\w.,/+-])(?:"
    r"(?P<mobile>(?:\+?86[- ]?)?1[3-9]\d[- ]?\d{4}[- ]?\d{4})"
    r"|(?P<line>0\d{2,3}[- ]\d{7,8}|[48]00[- ]\d{3}[- ]?\d{4}|[48]00\d{7})"
    r"|(?P<nanp>(?:\+?1[-. ])?(?:\(\d{3}\)\s?|\d{3}[-. ])\d{3}[-. ]\d{4})"
    r"|(?P<short>\d{3}-\d{4})"
    r"|(?P<intl>\+\d{1,3}(?:[- ]?\d{2,4}){2,5})"
    r"|(?P<card>\d{4}(?:[ -]\d{4}){2,4})"
    r")(?![\d-])(?!\.\d)",
    re.ASCII,
)


def phone_groups(match: re.Match[str]) -> tuple[bool, list[str]]:
    """Returns whether a plus is said first, and the groups of digits to say with pauses."""
    text = match[0]
    plus = text.startswith("+")
    groups = re.findall("[0-9]+", text)
    if match["mobile"]:
        digits = "".join(groups)
        country, digits = digits[:-11], digits[-11:]
        groups = [country] * bool(country) + [digits[:3], digits[3:7], digits[7:]]
    elif len(groups) == 1 and match["line"]:
        groups = [text[:3], text[3:6], text[6:]]
    return plus, groups


def url_parts(match: re.Match[str]) -> str:
    """Returns the part of an address that people say: no scheme, no "www.", no query."""
    path = (match["path"] or "").rstrip("/.")
    if len(path) > _LONGEST_PATH or "%" in path:
        path = ""
    return match["host"].removeprefix("www.").rstrip(".-") + (match["port"] or "") + path

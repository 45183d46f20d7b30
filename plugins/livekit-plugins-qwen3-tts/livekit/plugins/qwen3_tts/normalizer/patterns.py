"""What both languages find in a text: figures, addresses, phone numbers, units of measure."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

# 1,234,567 and, as in India, 12,34,567; ".5" is a figure too.
NUMBER = r"(?:\d{1,3}(?:,\d{3})+(?!\d)|\d{1,2}(?:,\d{2}){1,4},\d{3}(?!\d)|\d+)(?:\.\d+)?"
POINTED = rf"(?:{NUMBER}|\.\d+)"
# A figure does not begin inside a word or another figure.
START = r"(?<![\w.,])"
END = r"(?![\d])(?!\.\d)"
DASH = r"\s?[-–—~]\s?"


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
    "kg/m^3": Unit("kilogram per cubic meter", "kilograms per cubic meter", "千克每立方米"),
    "m/s^2": Unit("meter per second squared", "meters per second squared", "米每二次方秒"),
    "m/s": Unit("meter per second", "meters per second", "米每秒"),
    "mo": _unit("month", "个月"), "wk": _unit("week", "周"), "yr": _unit("year", "年"),
    "yrs": _unit("year", "年"), "wks": _unit("week", "周"), "mos": _unit("month", "个月"),
    "KG": _unit("kilogram", "公斤"), "Kg": _unit("kilogram", "公斤"),
    "KM": _unit("kilometer", "公里"),
    "CM": _unit("centimeter", "厘米"), "MM": _unit("millimeter", "毫米"),
    "ML": _unit("milliliter", "毫升"),
    "mbps": Unit("megabit per second", "megabits per second", "兆每秒"),
    "m2": _unit("square meter", "平方米"), "m3": _unit("cubic meter", "立方米"),
    "km2": _unit("square kilometer", "平方公里"), "cm2": _unit("square centimeter", "平方厘米"),
    "km^3": _unit("cubic kilometer", "立方公里"),
    "ft^2": _unit("square foot", "平方英尺", "square feet"),
    "ft2": _unit("square foot", "平方英尺", "square feet"),
    "sq ft": _unit("square foot", "平方英尺", "square feet"),
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
_SYMBOLS: Final = "|".join(
    ("" if len(symbol) > 1 or symbol in "m°gLWV" else r"(?<![ \t])") + re.escape(symbol)
    for symbol in sorted(UNITS, key=len, reverse=True)
)
MEASURE = re.compile(
    rf"{START}(?P<low>[-+±]?{POINTED})"
    rf"(?:[ \t]?(?P<low_unit>{_SYMBOLS}|%)?{DASH}(?P<high>-?{NUMBER}))?[ \t]?"
    rf"(?P<unit>{_SYMBOLS})(?:/(?P<per>{_SYMBOLS}|day|week|month|year|天|日|周|月|年|人|次))?"
    r"(?![A-Za-z0-9°^])",
    re.ASCII,
)
UNIT: Final = rf"(?:{_SYMBOLS})(?![A-Za-z0-9°^/])"


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
    "CA$": Currency("Canadian dollar", "Canadian dollars", *_DOLLAR, "加元"),
    "C$": Currency("Canadian dollar", "Canadian dollars", *_DOLLAR, "加元"),
    "A$": Currency("Australian dollar", "Australian dollars", *_DOLLAR, "澳元"),
    "AU$": Currency("Australian dollar", "Australian dollars", *_DOLLAR, "澳元"),
    "NZ$": Currency("New Zealand dollar", "New Zealand dollars", *_DOLLAR, "新西兰元"),
    "S$": Currency("Singapore dollar", "Singapore dollars", *_DOLLAR, "新加坡元"),
    "NT$": Currency("New Taiwan dollar", "New Taiwan dollars", *_DOLLAR, "新台币"),
    "R$": Currency("Brazilian real", "Brazilian reais", "centavo", "centavos", "雷亚尔"),
    "₽": Currency("ruble", "rubles", "kopeck", "kopecks", "卢布"),
    "₿": Currency("bitcoin", "bitcoin", "", "", "比特币"),
    "₺": Currency("lira", "lira", "", "", "里拉"),
    "₫": Currency("dong", "dong", "", "", "越南盾"),
    "₱": Currency("peso", "pesos", "", "", "比索"),
    "฿": Currency("baht", "baht", "", "", "泰铢"),
    "CHF": Currency("Swiss franc", "Swiss francs", "", "", "瑞士法郎"),
    "CAD": Currency("Canadian dollar", "Canadian dollars", *_DOLLAR, "加元"),
    "AUD": Currency("Australian dollar", "Australian dollars", *_DOLLAR, "澳元"),
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
_MONEY_SIGNS: Final = (
    r"(?<![A-Za-z])(?:US|HK|CA|C|AU|A|NZ|S|NT|R)\$|(?<![A-Za-z])JP¥|(?<![A-Z])[$€£¥₩₹₽₿₺₫₱฿]"
)
_MONEY_CODES: Final = "USD|HKD|EUR|GBP|JPY|CNY|RMB|CHF|CAD|AUD"
SCALES: Final = {
    "k": 3, "K": 3, "thousand": 3, "M": 6, "m": 6, "million": 6, "mn": 6, "B": 9, "b": 9,
    "bn": 9, "billion": 9, "T": 12, "tn": 12, "trillion": 12,
}  # fmt: skip
_SCALE = r"\s?(?:thousand|million|billion|trillion|[万亿千百]|bn|mn|tn|[kKMmBbT])(?![A-Za-z])"
MONEY = re.compile(
    rf"(?P<minus>(?<![\w\d])-\s?)?(?:(?P<sign>(?:{_MONEY_SIGNS})|\b(?:{_MONEY_CODES})(?=\s?\d))\s?"
    rf"(?P<minus2>-)?(?P<low>{POINTED})(?P<low_scale>{_SCALE})?"
    rf"(?:{DASH}(?:{_MONEY_SIGNS})?(?P<high>{POINTED}))?(?P<scale>{_SCALE})?"
    rf"|{START}(?P<low2>{POINTED})(?:{DASH}(?P<high2>{POINTED}))?"
    r"(?P<scale2>\s?(?:thousand|million|billion|trillion|[万亿千百]|[kKMB]))?"
    rf"\s?(?P<sign2>(?:{_MONEY_CODES})(?![A-Za-z])|[$€£¥₽](?!\d)))",
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
    r"(?P<port>:\d{2,5})?(?P<path>/[A-Za-z0-9_./~%+-]*)?(?P<query>[?#][\w=&%./+~:;,#?-]*)?",
    re.ASCII,
)
# Longer paths are there to be clicked: nobody says them.
_LONGEST_PATH = 24

PHONE = re.compile(
    r"(?<![\w.,/+-])(?:"
    r"(?P<mobile>(?:\+?86[- ]?)?1[3-9]\d[- ]?\d{4}[- ]?\d{4})"
    r"|(?P<line>\(?0\d{2,3}(?:[- ]|\)[- ]?)\d{7,8}(?:[-转]\d{1,5})?"
    r"|[48]00[- ]\d{3}[- ]?\d{4}|[48]00\d{7})"
    r"|(?P<nanp>(?:\+?1[-. ]{0,2})?(?:\(\d{3}\)[-. ]?|\d{3}[-. ])\d{3}[-. ]\d{4}(?:-\d{1,4})?)"
    r"|(?P<short>\d{3}-\d{4})"
    r"|(?P<intl>\+(?:\d{1,3}(?:[- ]?\(\d{1,4}\)\d{0,4})?(?:[- ]\d{1,9}){1,6}|\d{8,15}))"
    # A number abroad begins with a nought and comes in groups: 0412 345 678, 020 7946 0958.
    r"|(?P<abroad>\(?0\d{2,4}\)?(?:[- ]\d{2,4}){1,4}|0\d(?:(?:[- ]\d{2,4}){3,4}|(?:[- ]\d{4}){2}))"
    r"|(?P<social>\d{3}-\d{2}-\d{4})"
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

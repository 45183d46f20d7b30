"""Units of measure: how each is said, and how a measure is found in a text."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from .patterns import DASH, NUMBER, POINTED, START


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
    "yd": _unit("yard", "码"), "yds": _unit("yard", "码"),
    "mi": _unit("mile", "英里"), "mile": _unit("mile", "英里"),
    "mg": _unit("milligram", "毫克"), "g": _unit("gram", "克"), "kg": _unit("kilogram", "公斤"),
    "μg": _unit("microgram", "微克"), "mcg": _unit("microgram", "微克"),
    "t": _unit("ton", "吨"), "lb": _unit("pound", "磅"),
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
    "mmHg": Unit("millimeter of mercury", "millimeters of mercury", "毫米汞柱"),
    "mmol": _unit("millimole", "毫摩尔"), "dL": _unit("deciliter", "分升"),
    "bpm": Unit("beat per minute", "beats per minute", "次每分钟"),
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

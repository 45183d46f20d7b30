"""Currencies: how each is said, and how an amount is found in a text."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from .patterns import DASH, POINTED, START


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

"""What the library's Japanese grammar reads wrongly; the rest is its own."""

from __future__ import annotations

import re
from typing import Final

from .folding import fold
from .patterns import NUMBER, PHONE, phone_groups
from .reading import Reader
from .rules import Rule, apply, rule

_KANA = "\u3041-\u3096\u30a1-\u30fa\u30fc\u4e00-\u9fff"
_COMPARED: Final = {
    "<": "小なり",
    ">": "大なり",
    "≤": "小なりイコール",
    "≥": "大なりイコール",
    "≠": "ノットイコール",
}
_DIGITS: Final = str.maketrans("0123456789", "零一二三四五六七八九")


def _digits(figures: str) -> str:
    return figures.translate(_DIGITS)


_SERIAL: Final = str.maketrans(
    {"0": "ゼロ"} | dict(zip("123456789", "一二三四五六七八九", strict=True))
)


def _phone(match: re.Match[str]) -> str:
    """Reads 03-1234-5678 figure by figure."""
    plus, groups = phone_groups(match)
    return "プラス" * plus + "の".join(group.translate(_SERIAL) for group in groups)


_BOUND: Final = {"<": "未満", ">": "超", "≤": "以下", "≥": "以上"}
_RULES: Final[tuple[Rule, ...]] = (
    rule("∣", "∣([^∣]{1,60})∣", r"\1の絶対値"),
    rule("^", r"\^(\d{1,2})(?!\d)", r"の\1乗"),
    # "-5℃" is "マイナス五摂氏" to the grammar.
    rule("°", r"\s?°([CF])?", lambda m: "華氏度" if m[1] == "F" else "度"),
    rule("〒", r"〒\s?(\d{3})-?(\d{4})", lambda m: f"郵便番号{_digits(m[1])}の{_digits(m[2])}"),
    rule("", PHONE, _phone),
    # A house by its block, its lot and its number.
    rule(
        "-",
        rf"(?<=[{_KANA}])([1-9]\d{{0,3}})-(\d{{1,4}})-(\d{{1,4}})(?![\d-])",
        r"\1の\2の\3",
    ),
    rule("→", r"\s?→\s?", "から"),
    # A figure apart from what it counts is asked about with it.
    rule(" ", rf"(?<=[{_KANA}]) (?=[-+]?\d)|(?<=[\d%]) (?=[{_KANA}])", ""),
    rule("<>", r"([<>])=", lambda m: "≤" if m[1] == "<" else "≥"),
    # With blanks a formula is several expressions.
    rule("/", r"(?<=\d) / (?=\d)", "/"),
    rule("-", r"(?<=\d) - (?=\d)", "マイナス"),
    # Comparisons: between two figures, and before one with its unit.
    rule("<>≤≥≠", r"(?<=[\w)])\s?[<>≤≥≠]=?\s?(?=[-\w(])", lambda m: _COMPARED[m[0].strip()[0]]),
    rule(
        "<>≤≥",
        r"([<>≤≥])=?\s?([-+]?\d[\d.,]*(?:%|度|[A-Za-z]{1,3}|[円人個日年歳回分秒本枚万億]{1,2})?)",
        lambda m: m[2] + _BOUND[m[1]],
    ),
    rule("+", r"(?<=\w)\s?\+\s?(?=\w)", "プラス"),
    rule("=", r"\s?=\s?", "イコール"),
    rule(".", r"(?<![\w.])\.(?=\d)", "0."),
    rule(
        "$€£¥",
        rf"([$€£¥])\s?({NUMBER})",
        lambda m: m[2] + {"$": "ドル", "€": "ユーロ", "£": "ポンド", "¥": "円"}[m[1]],
    ),
)
_CLAUSE = re.compile(r"[^\s、。！？，,「」『』（）()]*\d[^\s、。！？「」『』（）()]*")


def speak(text: str, before: str = "", most: int = 160) -> str:
    """Returns a Japanese text with its figures in words; what no grammar takes stays as it is."""
    reader = Reader("ja", most)
    text = apply(_RULES, before + fold(text), len(before))
    return _CLAUSE.sub(lambda clause: reader.read(clause[0]), text)

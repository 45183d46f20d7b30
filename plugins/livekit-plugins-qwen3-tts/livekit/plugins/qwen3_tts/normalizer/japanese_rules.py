"""What the library's Japanese grammar reads wrongly; the rest is its own."""

from __future__ import annotations

from typing import Final

from .folding import fold
from .patterns import NUMBER
from .reading import read_rest
from .rules import FIGURES, Rule, apply, rule

_KANA = "\u3041-\u3096\u30a1-\u30fa\u30fc\u4e00-\u9fff"
_RULES: Final[tuple[Rule, ...]] = (
    # "-5℃" is "マイナス五摂氏" to the grammar.
    rule("°", r"\s?°C", "度"),
    rule("°", r"\s?°F", "華氏度"),
    rule("°", "°", "度"),
    # A figure apart from what it counts is asked about with it.
    rule(" ", rf"(?<=[{_KANA}]) (?=[-+]?\d)|(?<=[\d%]) (?=[{_KANA}])", ""),
    rule("~", rf"(?<=\d)~(?={NUMBER})", "から"),
    rule("<>≤≥", r"\s?≤\s?(?=\d)", "以下の"),
    rule("+", r"(?<=\d)\+(?=\d)", "プラス"),
    rule("-", r"(?<![\w.,])-(?=\d)", "マイナス"),
    rule("=", r"\s?=\s?", "イコール"),
    rule("&", r"\s?&\s?", "アンド"),
    rule(".", r"(?<![\d.])\.(?=\d)", "0."),
    rule("$€£¥", rf"([$€£¥])\s?({NUMBER})", lambda m: m[2] + {"$": "ドル", "€": "ユーロ", "£": "ポンド", "¥": "円"}[m[1]]),
)
_CLAUSE: Final = (rule(FIGURES, rf"[^\s、。！？，,「」『』（）()]*\d[^\s、。！？「」『』（）()]*", lambda m: read_rest(m[0], "ja")),)


def speak(text: str, before: str = "") -> str:
    """Returns a Japanese text with its figures in words; what no grammar takes stays as it is."""
    return apply(_CLAUSE, apply(_RULES, before + fold(text), len(before)))

"""Signs that are said with a word of their own, in English and in Chinese."""

from __future__ import annotations

from typing import Final

SIGNS: Final = {
    "←": (" from ", "来自"), "↔": (" to ", "到"), "↑": (" up ", "上升"), "↓": (" down ", "下降"),
    "§": ("section ", "第"), "∈": (" in ", "属于"), "∠": ("angle ", "角"),
    "△": ("triangle ", "三角形"),
    "⊥": (" is perpendicular to ", "垂直于"), "∥": (" is parallel to ", "平行于"),
    "∞": ("infinity", "无穷大"), "∑": ("the sum of ", "求和"), "∫": ("the integral of ", "积分"),
    "∴": ("therefore ", "所以"), "∵": ("because ", "因为"), "∪": (" union ", "并"),
    "∩": (" intersection ", "交"), "∅": ("the empty set", "空集"), "⇒": (" implies ", "推出"),
    "∝": (" is proportional to ", "正比于"), "⇌": (" to and from ", "可逆生成"),
}  # fmt: skip

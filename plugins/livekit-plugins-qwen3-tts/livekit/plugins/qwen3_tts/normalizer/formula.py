"""Turns LaTeX into the signs of a formula, which each language reads in its own way."""

from __future__ import annotations

from typing import Final

from .rules import apply, rule

_COMMANDS: Final = {
    "times": "×", "cdot": "×", "div": "÷", "pm": "±", "le": "≤", "leq": "≤", "ge": "≥", "geq": "≥",
    "ne": "≠", "neq": "≠", "approx": "≈", "pi": "π", "sum": "∑", "infty": "∞", "to": "→",
}  # fmt: skip
# From the inside out: what is in the braces has none of its own.
_NESTED: Final = (
    rule("\\", r"\\[dt]?frac\{(\d{1,4})\}\{(\d{1,4})\}", r"\1/\2"),
    rule("\\", r"\\[dt]?frac\{([^{}]{1,200})\}\{([^{}]{1,200})\}", r"\1 ÷ \2"),
    rule("\\", r"\\sqrt\{([^{}]{1,200})\}", r"√ \1"),
    rule("\\", r"\\(?:text|mathrm|mathbf)\{([^{}]{0,200})\}", r"\1"),
    rule("^", r"\^\{([^{}]{1,40})\}", r"^\1"),
    rule("_", r"_\{([^{}]{1,40})\}", r" \1"),
)
_DELIMITERS: Final = (
    rule("$\\", r"\$\$|\\[\[\]()](?!\()", ""),
    # "$5 and $6" are prices; a formula has a command, a power, an index or a sign in it.
    rule(
        "$",
        r"\$(?![\s\d.,]{1,20}\$?\s)([^$\n]{0,120}[\\^_=+a-zA-Z][^$\n]{0,120})(?<!\s)\$(?!\d)",
        r"\1",
    ),
)
_SIGNS: Final = (
    rule(
        "\\",
        r"\\(times|cdot|div|pm|leq?|geq?|neq?|approx|pi|sum|infty|to)(?![a-z])",
        lambda command: _COMMANDS[command[1]],
    ),
)
_DEPTH = 4


def plain_formulas(text: str) -> str:
    """Returns the text with its formulas in plain signs."""
    if "\\" not in text and "$" not in text and "^{" not in text:
        return text
    text = apply(_DELIMITERS, text)
    for _ in range(_DEPTH):
        inner = apply(_NESTED, text)
        if inner == text:
            break
        text = inner
    return apply(_SIGNS, text)

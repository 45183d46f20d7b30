"""Kinds of phone numbers, by what a call to them costs."""

from __future__ import annotations

from typing import Literal

NumberRange = Literal[
    "fixed_line",
    "mobile",
    "toll_free",
    "voip",
    "company",
    "shared_cost",
    "premium_rate",
    "personal",
    "pager",
    "voicemail",
    "satellite",
    "unknown",
]
"""``company``: numbers of one price from everywhere in a country, such as the British 03.
``personal``: numbers that follow a person, such as the British 070, and as dear as a premium rate.
``unknown``: numbers that nobody has, or of a range that is newer than the library."""

ORDINARY: tuple[NumberRange, ...] = ("fixed_line", "mobile", "toll_free", "voip", "company")
"""Those at an ordinary price, or at none."""

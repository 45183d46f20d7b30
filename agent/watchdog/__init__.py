"""The watchdog: a caller never meets silence when an engine fails."""

from __future__ import annotations

from .lost_speech import LostSpeech
from .policy import GivenUp, Late, Patience, TurnWatch
from .trouble import ATTRIBUTE_TROUBLE
from .watchdog import Watchdog

__all__ = [
    "ATTRIBUTE_TROUBLE",
    "GivenUp",
    "Late",
    "LostSpeech",
    "Patience",
    "TurnWatch",
    "Watchdog",
]

"""The watchdog: a caller never meets silence when an engine fails."""

from __future__ import annotations

from .ground import Ground
from .lost_speech import LostSpeech
from .one_model import OneModelWatchdog
from .policy import GivenUp, Late, Patience, TurnWatch
from .trouble import ATTRIBUTE_TROUBLE
from .watchdog import Watchdog

__all__ = [
    "ATTRIBUTE_TROUBLE",
    "GivenUp",
    "Ground",
    "Late",
    "LostSpeech",
    "OneModelWatchdog",
    "Patience",
    "TurnWatch",
    "Watchdog",
]

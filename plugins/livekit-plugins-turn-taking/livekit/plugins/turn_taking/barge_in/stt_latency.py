"""How long the recogniser takes from a voice to its first words."""

from __future__ import annotations

_LONGEST = 3.0
"""Seconds; what takes longer were not the first words of that voice."""


class SttLatency:
    """A recogniser's latency, learnt from the user's turns.

    Args:
        known: Seconds, if that is known beforehand.
    """

    def __init__(self, known: float | None) -> None:
        self.seconds = known
        """The mean of the last one and of those before it; None until one was seen."""
        self._voice_began: float | None = None

    def on_voice(self, began: float) -> None:
        """Learn that a voice has begun, at a time in seconds."""
        self._voice_began = began

    def on_words(self, now: float) -> None:
        """Learn that there are words, at a time in seconds."""
        if self._voice_began is not None:
            took = min(now - self._voice_began, _LONGEST)
            self.seconds = took if self.seconds is None else (self.seconds + took) / 2
            self._voice_began = None

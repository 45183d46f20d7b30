"""How long one person pauses within a turn."""

from __future__ import annotations

SHORTEST = 0.2
"""Seconds; gaps between words are shorter and tell nothing of how somebody thinks."""


class Pauses:
    """Running estimate of a person's pauses, made like TCP's retransmission timer (RFC 6298).

    The question is the same: how long to wait before nothing more is to be expected, given the
    delays seen so far. So is the answer: their mean and four times their mean deviation.

    Before the first pause of a person it goes by one of 0.3 s.
    """

    def __init__(self) -> None:
        self._mean = 0.3
        self._deviation = 0.1

    @property
    def usual(self) -> float:
        """Seconds within which this person has gone on, as a rule."""
        return self._mean + 4 * self._deviation

    def add(self, seconds: float) -> None:
        """Learn a pause after which the turn went on."""
        if seconds < SHORTEST:
            return
        self._deviation += (abs(seconds - self._mean) - self._deviation) / 4
        self._mean += (seconds - self._mean) / 8

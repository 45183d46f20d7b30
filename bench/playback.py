"""Sound as it arrives over a network, and what a player would make of it."""

from __future__ import annotations

from collections.abc import Iterable

BYTES_PER_SECOND = 48_000
"""Of mono s16 at 24 kHz."""


def gap_free(arrivals: Iterable[tuple[float, float]]) -> float:
    """The smallest start delay with which playback never runs dry, in seconds.

    Args:
        arrivals: When each piece came, in seconds from the request, and its length in seconds.
    """
    made = latest = 0.0
    for at, length in arrivals:
        latest = max(latest, at - made)
        made += length
    return latest

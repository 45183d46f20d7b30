"""Sound as it arrives over a network, and what a player would make of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

BYTES_PER_SECOND = 48_000
"""Bytes of one second of mono s16 at 24 kHz."""
_AUDIBLE = 10 ** (-50 / 20) * 32768
"""Magnitude of a sample at −50 dBFS, the threshold of voice to voice."""


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


def audible(arrivals: Sequence[tuple[float, bytes]]) -> float | None:
    """When the first sample above −50 dBFS came; None if there is none.

    Args:
        arrivals: When each piece came, and its bytes, which may end inside a sample.
    """
    sound = b"".join(piece for _, piece in arrivals)
    # Wider than s16, in which the magnitude of the lowest sample would be negative.
    samples = np.frombuffer(sound[: len(sound) // 2 * 2], np.int16).astype(np.int32)
    loud = np.flatnonzero(np.abs(samples) > _AUDIBLE)
    if not loud.size:
        return None
    needed = 2 * (int(loud[0]) + 1)
    for at, piece in arrivals:
        needed -= len(piece)
        if needed <= 0:
            return at
    return None

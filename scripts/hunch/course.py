"""How a training goes: how much at once, how fast, and whether it came to anything."""

from __future__ import annotations

import math

from .clips import HunchError

WARM_UP = 200
"""Steps over which the rate rises: before that nothing is learnt that is worth keeping."""


def mixes(device: str) -> int:
    """How many mixes a step has: a processor takes seconds for a few."""
    return 384 if device == "cuda" else 8


def rate(step: int, part: float) -> float:
    """Share of the greatest rate, for a step, of which the first is 0, and the part of the time."""
    return min(1.0, (step + 1) / WARM_UP) * 0.5 * (1 + math.cos(math.pi * part))


def check(steps: int, seconds: float) -> None:
    """See that a training came to anything.

    Raises:
        HunchError: It did not.
    """
    if steps >= WARM_UP:
        return
    needed = max(60, math.ceil(1.5 * WARM_UP * seconds / max(1, steps) / 10) * 10)
    raise HunchError(
        f"{steps} steps were done in {seconds:.0f} s, and the rate of learning still rises until "
        f"the {WARM_UP}th, so no network is written: give --train {needed} or more, fewer mixes "
        "in a --batch, or train on a GPU. The clips are kept."
    )

"""The figures of a report: what both sides sounded like, and each stage's percentiles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..turn import STAGES
from .saved import Samples, Saved, SavedFallback, SavedFault, SavedFirstWords, SavedOverlap

_COLUMNS = 1200
_HEIGHT = 50
"""Of one side; with both, the drawing is 1200 by 200 units and is stretched to its place."""


def waveform(samples: Samples) -> str:
    """An SVG drawing of both sides' samples on one scale, the user above the agent."""
    columns = max(1, min(_COLUMNS, len(samples)))
    edges = np.linspace(0, len(samples), columns + 1).astype(int)[:-1]
    shapes = []
    scale = max(1, int(np.abs(samples.astype(np.int32)).max(initial=0)))
    for side, middle in ((0, _HEIGHT), (1, 3 * _HEIGHT)):
        sound = samples[:, side].astype(np.int32) if len(samples) else np.zeros(1, np.int32)
        ends = (np.maximum.reduceat(sound, edges), np.minimum.reduceat(sound, edges))
        high, low = (middle - end / scale * (_HEIGHT - 2) for end in ends)
        there = [f"{x},{y:.1f}" for x, y in enumerate(high)]
        back = [f"{x},{y + 0.6:.1f}" for x, y in reversed(list(enumerate(low)))]
        name = ("user", "agent")[side]
        shapes.append(f'<polygon class="{name}" points="{" ".join([*there, *back])}"/>')
    return (
        f'<svg viewBox="0 0 {columns} {4 * _HEIGHT}" preserveAspectRatio="none" aria-hidden="true">'
        f"{''.join(shapes)}</svg>"
    )


@dataclass(frozen=True)
class Percentiles:
    """P50 and P95 of n values, in seconds."""

    n: int
    p50: float
    p95: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Percentiles:
        """Of at least one value."""
        p50, p95 = np.percentile(values, [50, 95])
        return cls(len(values), float(p50), float(p95))


def percentiles(saved: Saved) -> Mapping[str, Percentiles]:
    """By stage, then of whole waits; what was never measured is not among them."""
    values: dict[str, list[float]] = {name: [] for name in (*STAGES, "transport")}
    agent, both, first, stops = [], [], [], []
    for record in saved.records:
        match record:
            case SavedFirstWords(seconds=seconds):
                first.append(seconds)
            case SavedOverlap(turn=True, decided=decided):
                stops.append(decided)
            case SavedOverlap() | SavedFault() | SavedFallback():
                pass
            case turn:
                if turn.waited is None:
                    continue
                for stage, seconds in turn.taken().items():
                    values[stage].append(seconds)
                agent.append(turn.waited)
                if turn.transport is not None:
                    both.append(turn.waited + turn.transport)
    values |= {"waited": agent, "voice_to_voice": both, "first_words": first, "stop": stops}
    return {name: Percentiles.of(found) for name, found in values.items() if found}

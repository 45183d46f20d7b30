"""First audio against the number of streams, as a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import log2
from pathlib import Path

from .report import Metric

_LINES = (("burst", "p50"), ("burst", "p95"), ("staggered", "p50"), ("staggered", "p95"))
_COLOURS = ("#4c72b0", "#c44e52", "#55a868", "#8172b3")
_WIDTH, _HEIGHT, _LEFT, _TOP, _RIGHT, _BOTTOM = 760, 420, 60, 20, 150, 45


def first_audio(metrics: Mapping[str, Metric], streams: Sequence[int], path: Path) -> None:
    """Draw gap-free first audio, P50 and P95, of bursts and of staggered talkers.

    Args:
        metrics: The figures, as :func:`bench.units.measure` gives them.
        streams: The numbers of streams measured, for a logarithmic axis.
        path: Path of the SVG file.
    """
    lines = [
        [_value(metrics[f"gap_free.{way}.streams{n}"], which) for n in streams]
        for way, which in _LINES
    ]
    top = max(max(line) for line in lines) * 1.05
    across = log2(max(streams)) or 1.0

    def x(number: int) -> float:
        return _LEFT + log2(number) / across * (_WIDTH - _LEFT - _RIGHT)

    def y(value: float) -> float:
        return _HEIGHT - _BOTTOM - value / top * (_HEIGHT - _TOP - _BOTTOM)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        'font-family="system-ui,sans-serif" font-size="13">'
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#fff"/>'
    ]
    for number in streams:
        parts.append(
            f'<text x="{x(number):.1f}" y="{_HEIGHT - 25}" text-anchor="middle">{number}</text>'
        )
    parts.append(f'<text x="{(_WIDTH - _RIGHT) / 2:.0f}" y="{_HEIGHT - 6}">streams at once</text>')
    for step in range(6):
        value = top * step / 5
        parts.append(
            f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y(value):.1f}" y2="{y(value):.1f}" '
            f'stroke="#ddd"/><text x="{_LEFT - 6}" y="{y(value) + 4:.1f}" text-anchor="end">'
            f"{value:.0f}</text>"
        )
    for (way, which), line, colour in zip(_LINES, lines, _COLOURS, strict=True):
        points = " ".join(f"{x(n):.1f},{y(v):.1f}" for n, v in zip(streams, line, strict=True))
        parts.append(
            f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>'
            f'<text x="{_WIDTH - _RIGHT + 8}" y="{y(line[-1]) + 4:.1f}" fill="{colour}">'
            f"{way} {which.upper()}, ms</text>"
        )
    path.write_text("".join(parts) + "</svg>\n", encoding="utf-8")


def _value(metric: Metric, which: str) -> float:
    return metric["p95"] if which == "p95" else metric["p50"]

"""A turn as a picture: what happened when, from the request to the last frame.

It is drawn as SVG by hand, because its labels are what was said: a browser has a font for every
script, and a plotting library does not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

_WIDTH, _LEFT, _RIGHT, _ROW = 900, 150, 30, 34
_COLOURS = ("#4c72b0", "#dd8452", "#55a868", "#c44e52")


@dataclass(frozen=True)
class Lane:
    """One line of the picture.

    Args:
        name: The label at its left.
        spans: When each bar begins and ends, in milliseconds, and its label.
    """

    name: str
    spans: Sequence[tuple[float, float, str]]

    @classmethod
    def of(cls, figures: Mapping[str, Any]) -> list[Lane]:
        """The lanes of a request's figures, as ``GET /bridge/requests/{id}`` gives them."""
        at: Mapping[str, float] = figures["timing_ms"]
        done = at["t_done"]
        text, unit = at.get("t_first_text", done), at.get("t_first_unit", done)
        sound = at.get("t_first_audio_out", done)
        counts = figures["statistics"]
        lanes = [
            cls("language model", [(at.get("t_heard", 0.0), text, "first token")]),
            cls("first unit", [(text, unit, "being written")]),
            cls("TTS", [(unit, sound, "first audio")]),
            cls("audio out", [(sound, done, f"{counts['frames'] * 30 / 1000:.1f} s of speech")]),
        ]
        heard = at.get("t_heard")
        return [cls("STT", [(0.0, heard, figures["heard"] or "")]), *lanes] if heard else lanes


def draw(lanes: Sequence[Lane], path: Path) -> None:
    """Write the picture.

    Args:
        lanes: The lanes, from top to bottom.
        path: Path of the SVG file.
    """
    end = max((stop for lane in lanes for _, stop, _ in lane.spans), default=1.0) or 1.0
    scale = (_WIDTH - _LEFT - _RIGHT) / end
    height = _ROW * (len(lanes) + 1) + 10
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" '
        'font-family="system-ui,sans-serif" font-size="13">'
        f'<rect width="{_WIDTH}" height="{height}" fill="#fff"/>'
    ]
    for tick in range(6):
        x = _LEFT + tick / 5 * end * scale
        parts.append(
            f'<line x1="{x:.1f}" x2="{x:.1f}" y1="8" y2="{height - _ROW}" stroke="#ddd"/>'
            f'<text x="{x:.1f}" y="{height - 12}" text-anchor="middle" fill="#555">'
            f"{tick / 5 * end:.0f} ms</text>"
        )
    for row, lane in enumerate(lanes):
        y = 10 + row * _ROW
        parts.append(f'<text x="10" y="{y + 18}">{escape(lane.name)}</text>')
        for start, stop, label in lane.spans:
            x, width = _LEFT + start * scale, max(2.0, (stop - start) * scale)
            title = f"{label}: {start:.0f} to {stop:.0f} ms"
            parts.append(
                f'<rect x="{x:.1f}" y="{y + 4}" width="{width:.1f}" height="{_ROW - 12}" rx="3" '
                f'fill="{_COLOURS[row % len(_COLOURS)]}"><title>{escape(title)}</title></rect>'
            )
            inside = x + width < _WIDTH - 160
            anchor = ("start", x + width + 6) if inside else ("end", x - 6)
            if x + width >= _WIDTH - 160 and x < _LEFT + 160:
                anchor = ("start", x + 8)
            fill = "#fff" if anchor[1] == x + 8 else "#222"
            parts.append(
                f'<text x="{anchor[1]:.1f}" y="{y + 19}" text-anchor="{anchor[0]}" fill="{fill}">'
                f"{escape(label)} {stop - start:.0f} ms</text>"
            )
    path.write_text("".join(parts) + "</svg>\n", encoding="utf-8")

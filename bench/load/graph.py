"""Draws a soak: ``uv run --no-sync --with matplotlib python -m bench.load.graph docs/soak.svg``."""

from __future__ import annotations

import argparse
import importlib
import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from .soak import ROWS

_MINUTE = 60.0


def main() -> None:
    """Draw what the last soak has left."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("to", type=Path, help="the picture; its ending says of which kind")
    to = parser.parse_args().to
    rows = json.loads(ROWS.read_text(encoding="utf-8"))
    draw(rows["calls"], rows["looks"], to)


def draw(calls: list[dict[str, Any]], looks: list[dict[str, Any]], to: Path) -> None:
    """Draw four panels over the minutes: latency, stops, memory and files, and processor time."""
    plt = importlib.import_module("matplotlib.pyplot")  # not a dependency: only this needs it
    figure, panels = plt.subplots(4, 1, sharex=True, figsize=(9, 9), layout="constrained")
    for panel, what, title in (
        (panels[0], "voice_to_voice", "voice to voice, ms: each call's median and slowest"),
        (panels[1], "stop_latency", "barge-in to silence, ms"),
    ):
        heard = [c for c in calls if c["measured"] and c["measured"][what]]
        at = [c["at"] / _MINUTE for c in heard]
        for label, function in (("median", np.median), ("slowest", np.max)):
            values = [float(function(c["measured"][what])) * 1000 for c in heard]
            panel.plot(at, values, ".", label=label)
        panel.set_title(title, loc="left")
        panel.legend(loc="upper right", ncols=2)
    minutes = [look["at"] / _MINUTE for look in looks]
    panels[2].plot(minutes, [look["memory"] for look in looks], label="memory, MiB")
    panels[2].plot(minutes, [look["files"] for look in looks], label="open files of the server")
    panels[2].set_title("the agent server with its jobs", loc="left")
    panels[2].legend(loc="center right", ncols=2)
    used = [
        (b["processor"] - a["processor"]) / (b["at"] - a["at"]) * 1000 for a, b in pairwise(looks)
    ]
    panels[3].plot(minutes[1:], used)
    panels[3].set_title("its processor time, ms a second", loc="left")
    panels[3].set_xlabel("minutes")
    for panel in panels:
        panel.set_ylim(bottom=0)
    figure.savefig(to)


if __name__ == "__main__":
    main()

"""Examples: the agents that come with Parley, by voice, called by the callers of their scenarios.

Run with ``make bench-examples``. It is ``make eval AGENT=… ARGS=--voice`` of each: a real room, the
CPU profile's recogniser and voice, scripts in the place of the model. The JSON and the page of each
are written beside the result.
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from evaluation.command import main as evaluate
from harness import report

AGENTS = ("clinic", "shop", "interviewer")

_NOT_HELD = 2
"""Exit status of an evaluation in which there was no call."""
_MOMENTS = ("interrupts", "backchannel in")
"""What the check of a sound over the agent begins with."""


def summarise(agents: dict[str, list[dict[str, Any]]]) -> dict[str, report.Metric]:
    """The figures of some agents.

    Args:
        agents: What ``--json`` says of the scenarios of each.
    """
    metrics: dict[str, report.Metric] = {}
    for agent, calls in agents.items():
        metrics[f"examples.passed.{agent}"] = _share([call["passed"] for call in calls])
    every = [call for calls in agents.values() for call in calls]
    checks = [check for call in every for check in call["checks"] if check["passed"] is not None]
    metrics["examples.checks"] = _share([check["passed"] for check in checks])
    moments = [check["passed"] for check in checks if check["name"].startswith(_MOMENTS)]
    if moments:
        metrics["examples.moments"] = _share(moments)
    if waits := [wait * 1000 for call in every for wait in call["waits"] or ()]:
        metrics["examples.voice_to_voice"] = report.percentiles(waits, "ms")
    turns = sum(call["turns"] for call in every)
    cut_offs = sum(call["cut_offs"] or 0 for call in every)
    metrics["examples.cut_offs"] = {"value": cut_offs, "n": turns, "unit": "turns"}
    return metrics


def _share(right: list[bool]) -> report.Metric:
    return {"value": round(sum(right) / len(right), 3), "n": len(right), "unit": "fraction"}


def main() -> None:
    """Have every agent called, report."""
    parser = argparse.ArgumentParser(prog="python -m bench.examples", description=__doc__)
    parser.add_argument("agents", nargs="*", default=AGENTS, help="names of some of them (all)")
    parser.add_argument(
        "--again", action="store_true", help="read what is there of those that were called before"
    )
    chosen = parser.parse_args()
    folder = report.OUT / "examples"
    folder.mkdir(parents=True, exist_ok=True)
    found: dict[str, list[dict[str, Any]]] = {}
    for agent in chosen.agents:
        path = folder / f"{agent}.json"
        if not (chosen.again and path.is_file()):
            path.unlink(missing_ok=True)
            options = ["--voice", "--json", str(path), "--html", str(path.with_suffix(".html"))]
            if evaluate(["eval", agent, *options, "--save", str(folder / agent)]) == _NOT_HELD:
                sys.exit(1)  # it has said why
        found[agent] = json.loads(path.read_text(encoding="utf-8"))["scenarios"]
    report.write("examples", summarise(found), profile="cpu")


if __name__ == "__main__":
    main()

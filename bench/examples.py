"""Examples: the agents that come with Parley, by voice, called by the callers of their scenarios.

Run with ``make bench-examples``. It is ``make eval AGENT=… ARGS=--voice`` of each: a real room, the
CPU profile's recogniser and voice, scripts in the place of the model. The JSON, the page and the
recording of each call are in ``bench/out/examples/AGENT``; what was stopped in between goes on with
``ARGS=--go-on``.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from agent.definition.loading import PACKAGED
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
        "--go-on", action="store_true", help="hold those calls only of which nothing is there"
    )
    chosen = parser.parse_args()
    found: dict[str, list[dict[str, Any]]] = {}
    for agent in chosen.agents:
        folder = report.OUT / "examples" / agent
        folder.mkdir(parents=True, exist_ok=True)
        for scenario in sorted((PACKAGED / agent / "scenarios").glob("*.yaml")):
            path = folder / f"{scenario.stem}.json"
            if not (chosen.go_on and path.is_file()):
                _hold(agent, scenario.stem, path)
            calls = json.loads(path.read_text(encoding="utf-8"))["scenarios"]
            found.setdefault(agent, []).extend(calls)
    report.write("examples", summarise(found), profile="cpu")


def _hold(agent: str, scenario: str, path: Path) -> None:
    """Hold one call, with everything that it needs started for it: one that fails ends no other."""
    path.unlink(missing_ok=True)
    options = ["--voice", "--json", str(path), "--html", str(path.with_suffix(".html"))]
    if evaluate(["eval", agent, scenario, *options, "--save", str(path.parent)]) == _NOT_HELD:
        sys.exit(1)  # it has said why


if __name__ == "__main__":
    main()

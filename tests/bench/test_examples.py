"""The figures of the packaged agents' calls."""

from __future__ import annotations

from typing import Any

import pytest

from bench.examples import AGENTS, summarise
from harness import report


def call(*checks: tuple[str, bool | None], waits: tuple[float, ...] = ()) -> dict[str, Any]:
    return {
        "passed": all(passed is not False for _, passed in checks),
        "checks": [{"name": name, "passed": passed, "detail": ""} for name, passed in checks],
        "waits": list(waits),
        "cut_offs": 1,
        "turns": 4,
    }


def test_what_was_not_checked_does_not_count() -> None:
    right = call(("the call", True), ("outcome done: booked", None), waits=(0.5, 1.5))
    wrong = call(("the call", True), ("interrupts reply 1 after 1 s", False), waits=(1.0,))
    metrics = summarise({"clinic": [right, right], "shop": [right, wrong]})
    assert metrics["examples.passed.clinic"] == {"value": 1.0, "n": 2, "unit": "fraction"}
    assert metrics["examples.passed.shop"] == {"value": 0.5, "n": 2, "unit": "fraction"}
    assert metrics["examples.checks"] == {"value": 0.8, "n": 5, "unit": "fraction"}
    assert metrics["examples.moments"] == {"value": 0.0, "n": 1, "unit": "fraction"}
    assert metrics["examples.voice_to_voice"]["p50"] == pytest.approx(1000.0)
    assert metrics["examples.voice_to_voice"]["n"] == 7
    assert metrics["examples.cut_offs"] == {"value": 4, "n": 16, "unit": "turns"}


def test_calls_in_which_nothing_was_answered_have_no_times() -> None:
    metrics: dict[str, report.Metric] = summarise(
        dict.fromkeys(AGENTS, [call(("the call", False))])
    )
    assert "examples.voice_to_voice" not in metrics
    assert "examples.moments" not in metrics

"""The agent's own judgements in the duplex bench: as they are told, summed up and read again."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from livekit.plugins.turn_taking.barge_in.policy import Verdict
from livekit.plugins.turn_taking.barge_in.tracker import Judged

from bench.duplex import judge, scenarios, table
from bench.duplex.engines import Engines
from bench.duplex.judgements import Judgements, Outcome
from bench.duplex.runner import Runner


def test_judgements_are_told_once_with_their_time() -> None:
    now = iter([1.0, 2.0, 3.0])
    told = Judgements(lambda: next(now))
    told.add(Judged(Verdict.NOISE.value, False, None, 0.2))
    told.add(Judged(Verdict.STOP_WORD.value, True, 0.1, 0.4))
    assert told.read() == [
        {"at": 1.0, "verdict": "noise", "stops": False},
        {"at": 2.0, "verdict": "stop word", "stops": True},
    ]
    assert told.read() == []


def row(set_: scenarios.Set, outcome: Outcome | None, **more: Any) -> judge.Finding:
    system = "parley" if outcome else "stock"
    return judge.Finding("k", system, set_, "en", "mm", outcome=outcome, **more)


def test_both_figures_are_shown_and_those_who_do_not_tell_have_one(
    capsys: pytest.CaptureFixture[str],
) -> None:
    found = [
        row("backchannel", "judged", stopped=True, stop_latency=700.0, verdict="interruption",
            decided=600.0, taken_back=True),
        row("backchannel", "fell silent", stopped=True, stop_latency=300.0, verdict="backchannel",
            decided=900.0, taken_back=False),
        row("backchannel", "went on", stopped=False, verdict="backchannel", decided=400.0,
            taken_back=False),
        row("backchannel", "went on", stopped=False, verdict="", taken_back=False),
        row("backchannel", None, stopped=True, stop_latency=200.0),
        row("interruption", "judged", stopped=True, stop_latency=500.0, decided=400.0),
        row("interruption", "judged", stopped=True, stop_latency=100.0, decided=400.0),
        row("interruption", "fell silent", stopped=True, stop_latency=200.0, verdict=""),
    ]  # fmt: skip
    metrics = table.show(found, "cpu")
    value = {key: metric.get("value") for key, metric in metrics.items()}
    assert value["backchannel_stop_rate.en"] == 0.5
    assert value["backchannel_stop_rate.judged.en"] == 0.25
    assert value["stock.backchannel_stop_rate.en"] == 1.0
    assert "stock.backchannel_stop_rate.judged.en" not in metrics
    assert value["missed_interruption_rate.en"] == 0.0
    assert value["missed_interruption_rate.judged.en"] == pytest.approx(1 / 3, abs=1e-3)
    assert value["fell_silent_rate.en"] == pytest.approx(2 / 7, abs=1e-3)
    assert metrics["stop_latency.en"]["n"] == 3
    # Of the second the voice had run dry before it was stopped.
    assert (metrics["stop_latency.judged.en"]["n"], metrics["stop_latency.judged.en"]["p50"]) == (
        1,
        500.0,
    )
    told = [line for line in capsys.readouterr().out.splitlines() if line.startswith("parley k")]
    assert told == [
        "parley k (mm): judged, taken for interruption after 600 ms, taken back",
        "parley k (mm): fell silent, not judged",
    ]


def test_rows_from_before_agents_were_asked_are_read(tmp_path: Path) -> None:
    server: Any = None
    older = asdict(row("noise", None, stopped=True, stop_latency=200.0))
    for name in ("outcome", "verdict", "decided", "taken_back"):
        del older[name]
    (tmp_path / "rows.jsonl").write_text(json.dumps(older) + "\n", "utf-8")
    with Runner(server, Engines(), tmp_path, resume=True) as runner:
        metrics = table.show(runner.findings, "cpu")
    assert metrics["stock.noise_stop_rate.en"]["value"] == 1.0
    assert not any(".judged" in key or "fell_silent" in key for key in metrics)

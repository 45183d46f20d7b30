"""bench/duplex on a small scale: every kind of case is played and judged in a real room."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import programs
from bench.duplex import clips, engines, scenarios
from bench.duplex.judge import Finding
from bench.duplex.runner import Runner

pytestmark = pytest.mark.room


@pytest.mark.timeout(400)  # half of it makes what is said, once
async def test_a_case_of_each_set_is_played_and_judged(tmp_path: Path) -> None:
    chosen = [scenarios.cases(set_, "en", "test")[0] for set_ in scenarios.SETS]
    chosen.append(scenarios.cases("turn", "zh", "test")[0])
    await clips.prepare(chosen)
    served = engines.Engines()
    async with programs.livekit() as server, engines.serve(served):
        with Runner(server, served, tmp_path) as runner:
            await runner.work(0, ["parley"], ["wideband"], scenarios.conversations(chosen))
    assert sorted(f.key for f in runner.findings) == sorted(c.key for c in chosen)
    # A machine that holds the caller up three times over is no fault of anybody here.
    played = [f for f in runner.findings if not f.failed.startswith("the caller was late")]
    assert [f.failed for f in played] == [""] * len(played)
    assert all(f.answered for f in played if f.set in ("pause", "turn"))
    assert all(f.stopped for f in played if f.set == "interruption")
    # The agent itself says what stopped it, on the clock of the caller's recording.
    stops = [f for f in played if f.set == "interruption"]
    assert [f.outcome for f in stops] == ["judged"] * len(stops)
    assert all(f.decided is not None and f.stop_latency is not None for f in stops)
    assert all(0 < (f.decided or 0) < (f.stop_latency or 0) for f in stops)
    assert all(f.outcome is None for f in played if f.set in ("pause", "turn"))
    assert all(later_than(f, 0.0) for f in played)


def later_than(found: Finding, moment: float) -> bool:
    """Whether nothing was seen before its cause."""
    times = (found.voice_to_voice, found.stop_latency, found.duck_latency, found.engines_idle)
    return all(time is None or time >= moment for time in times)

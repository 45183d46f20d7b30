"""Each engine, failing in each way, in the middle of a call."""

from __future__ import annotations

import pytest

from agent.stack import Server
from harness.faults.cell import ENGINES, Engine, run
from harness.faults.proxy import Fault

pytestmark = [
    pytest.mark.room,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.timeout(180),
]

CORE = {("llm", Fault.REFUSES), ("stt", Fault.HANGS), ("tts", Fault.ERROR)}
"""What is refused at once, what is noticed by a deadline alone, what can still be read."""

CELLS = [
    pytest.param(
        engine,
        fault,
        id=f"{engine}-{fault.name.lower()}",
        marks=[pytest.mark.core] if (engine, fault) in CORE else [],
    )
    for engine in ENGINES
    for fault in Fault
]


@pytest.mark.parametrize(("engine", "fault"), CELLS)
async def test_a_caller_never_meets_silence(livekit: Server, engine: Engine, fault: Fault) -> None:
    outcome = await run(livekit, engine, fault)
    assert outcome.heard_after is not None
    assert outcome.heard_after <= 3.0
    assert outcome.noise == 0.0
    assert outcome.kept != "lost"
    assert outcome.recovered

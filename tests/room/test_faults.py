"""Each engine, failing in each way, in the middle of a call; ``make bench-faults`` times them."""

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


@pytest.mark.parametrize("fault", Fault)
@pytest.mark.parametrize("engine", ENGINES)
async def test_a_caller_never_meets_silence(livekit: Server, engine: Engine, fault: Fault) -> None:
    outcome = await run(livekit, engine, fault)
    assert outcome.heard_after is not None
    assert outcome.noise == 0.0
    assert outcome.kept != "lost"
    assert outcome.recovered

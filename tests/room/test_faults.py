"""Each engine, failing in each way, in the middle of a call."""

from __future__ import annotations

import pytest

from agent.stack import Server
from harness.faults.cell import Engine, run
from harness.faults.proxy import Fault

pytestmark = [
    pytest.mark.room,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.timeout(180),
]

CELLS: tuple[tuple[Engine, Fault], ...] = (
    ("llm", Fault.REFUSES),
    ("llm", Fault.RESTARTS),
    ("stt", Fault.HANGS),
    ("stt", Fault.RESETS),
    ("tts", Fault.ERROR),
    ("tts", Fault.GARBAGE),
)
"""What is refused at once, what is noticed by a deadline alone, what can still be read, what comes
back, what would be heard as noise. ``make bench-faults`` has all 27 and how soon each was heard."""


@pytest.mark.parametrize(("engine", "fault"), CELLS)
async def test_a_caller_never_meets_silence(livekit: Server, engine: Engine, fault: Fault) -> None:
    outcome = await run(livekit, engine, fault)
    assert outcome.heard_after is not None
    assert outcome.noise == 0.0
    assert outcome.kept != "lost"
    assert outcome.recovered


@pytest.mark.parametrize(
    ("engine", "fault"), [("llm", Fault.REFUSES), ("llm", Fault.HANGS), ("stt", Fault.ERROR)]
)
async def test_nor_after_they_have_stopped_an_answer(
    livekit: Server, engine: Engine, fault: Fault
) -> None:
    outcome = await run(livekit, engine, fault, over=True)
    assert outcome.heard_after is not None
    # In seconds: the answer is silent by then, the prompts come at 2.5 and 7.5, the end at 10.
    assert 2 < outcome.heard_after < 10
    assert outcome.kept != "lost"
    assert outcome.recovered

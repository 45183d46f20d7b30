"""What ends a call: its own clock. The minutes of the day are the ledger's (test_ledger.py)."""

from __future__ import annotations

import asyncio

import pytest

from agent.telephony.clock import CallClock

from .fakes import in_virtual_time


@pytest.mark.parametrize(
    ("limit", "warned"), [(600.0, 570.0), (20.0, 0.0)], ids=["long", "shorter than the warning"]
)
def test_a_call_is_warned_and_ends_on_time(limit: float, warned: float) -> None:
    seen: list[tuple[str, float]] = []

    async def call() -> None:
        now = asyncio.get_running_loop().time

        async def warn() -> None:
            seen.append(("warned", now()))
            await asyncio.sleep(100)  # a voice that does not come to an end

        async def end() -> None:
            seen.append(("ended", now()))

        await CallClock(limit, 30.0).run(warn, end)

    in_virtual_time(call())
    assert seen == [("warned", warned), ("ended", limit)]


def test_a_call_that_ends_by_itself_leaves_no_clock_running() -> None:
    async def call() -> None:
        async def never() -> None:
            raise AssertionError

        clock = asyncio.create_task(CallClock(600.0, 30.0).run(never, never))
        await asyncio.sleep(10)
        clock.cancel()
        await asyncio.gather(clock, return_exceptions=True)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    in_virtual_time(call())

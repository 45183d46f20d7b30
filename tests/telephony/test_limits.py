"""What ends a call: its own clock, and the minutes of the day."""

from __future__ import annotations

import asyncio

import pytest

from agent.telephony.budget import CallBudget
from agent.telephony.clock import CallClock
from agent.telephony.dial import Dialler
from agent.telephony.numbers import NotAllowed

from .fakes import SETTINGS, Server, in_virtual_time


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


def test_a_call_ends_when_the_minutes_of_the_day_are_used_up() -> None:
    async def call() -> None:
        loop = asyncio.get_running_loop()
        budget = CallBudget(SETTINGS)  # three minutes a day
        dialler = Dialler(SETTINGS, Server().api, budget)
        ended: list[float] = []

        async def end() -> None:
            ended.append(loop.time())

        await budget.count_call()
        assert await budget.count_minute()  # another call's
        await dialler.meter(end)
        assert ended == [120.0]
        with pytest.raises(NotAllowed, match="minutes of today"):
            await budget.count_call()

    in_virtual_time(call())


async def test_where_calls_cannot_be_counted_none_is_placed() -> None:
    nowhere = SETTINGS.model_copy(update={"budget_store": "async+redis://127.0.0.1:1"})
    budget = CallBudget(nowhere)
    with pytest.raises(NotAllowed, match="cannot be placed now"):
        await budget.count_call()
    assert not await budget.count_minute()

"""What ends a call: its own clock. The minutes of the day are the ledger's (test_ledger.py)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from agent.telephony.arrival import User
from agent.telephony.call_control import CallControl
from agent.telephony.clock import CallClock
from agent.telephony.sip_call import SipCall

from .conftest import CALL
from .fakes import SETTINGS, Server, dialler, in_virtual_time


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


@pytest.mark.parametrize(
    ("trunk", "waited", "warned", "ended"),
    [
        ({}, 0.0, 570.0, 600.0),
        ({"parley.max_minutes": "60"}, 0.0, 570.0, 600.0),
        ({"parley.max_minutes": "5"}, 0.0, 270.0, 300.0),
        ({"parley.max_minutes": "5"}, 100.0, 170.0, 200.0),  # it rang or held for that long
        ({"parley.max_minutes": "1"}, 45.0, 0.0, 15.0),
        ({"parley.max_minutes": "60"}, 3500.0, 70.0, 100.0),
        ({"parley.max_minutes": "soon"}, 0.0, 570.0, 600.0),
    ],
)
def test_the_caller_is_warned_by_the_shorter_of_the_profiles_limit_and_the_trunks(
    trunk: Mapping[str, str], waited: float, warned: float, ended: float, tmp_path: Path
) -> None:
    settings = SETTINGS.model_copy(update={"max_minutes": 10.0, "warning": 30.0})
    seen: dict[str, float] = {}

    async def call() -> None:
        now, over = asyncio.get_running_loop().time, asyncio.Event()

        async def say(_: str, **_options: object) -> None:
            seen["warned"] = now()

        def shutdown(*, drain: bool) -> None:
            seen["ended"] = now()
            over.set()

        async def waits() -> float:
            return waited

        dials = dialler(tmp_path, Server().api, settings)
        dials.details.waited = waits  # type: ignore[method-assign]
        room: Any = SimpleNamespace(on=lambda *_: None, off=lambda *_: None)
        session: Any = SimpleNamespace(say=say, shutdown=shutdown)
        user = User("sip_caller", "en", SipCall.from_attributes("sip_caller", {**CALL, **trunk}))
        control = CallControl(settings, room, cast(Any, None), session, user, dials)
        control.start()
        await over.wait()
        await control.aclose()

    in_virtual_time(call())
    assert seen == {"warned": warned, "ended": ended}

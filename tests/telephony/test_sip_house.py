"""A full house, a job that dies and a trunk's limit, with LiveKit's real SIP service.

They run where `livekit-sip` and `baresip` are on PATH. Callers are signalling alone.
"""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio

from agent.languages import words

from .lines import MARKS, Line, open_line, until
from .signalling import Caller, caller

pytestmark = MARKS

SAY = words("en")
GREETING = "What can I do for you?"
TRUNKS = """
inbound:
  open: {{numbers: ["100"], allowed_addresses: [127.0.0.0/8], language: en, asserted: true}}
  short: {{numbers: ["300"], allowed_addresses: [127.0.0.0/8], language: en, max_minutes: 1}}
outbound: {{out: {{address: '127.0.0.1:{port}', transport: udp, numbers: ['+44100']}}}}
"""
HOUSE = {
    "then": "queue",
    "ring": 1,
    "callers": 1,
    "longest": 20,
    "number": "sip:500@127.0.0.1",
}
VARIABLES = {
    "PARLEY_MAX_ROOMS": "1",
    "PARLEY_PHONE__FULL_HOUSE": json.dumps(HOUSE),
    "PARLEY_PHONE__CALLS_PER_MINUTE": "60",
    "PARLEY_CONDUCT__PHONE_SILENCE": '{"ask_after": 100, "leave_after": 10}',
}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def one_place(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Line]:
    async with open_line(tmp_path_factory.mktemp("house"), trunks=TRUNKS, **VARIABLES) as line:
        yield line


@pytest_asyncio.fixture(loop_scope="session")
async def line(one_place: Line) -> AsyncIterator[Line]:
    """The same, as if nobody had called yet."""
    await one_place.forget()
    yield one_place
    await one_place.over()


async def call(calls: AsyncExitStack, line: Line, number: str = "100", **how: str) -> Caller:
    made = await calls.enter_async_context(caller(line.stack.ports["sip"], number, **how))
    made.invite()
    return made


async def greeted(line: Line, who: Caller) -> None:
    """Wait until somebody speaks with the agent."""
    await who.answered()
    await until(lambda: GREETING in spoken(line))


def spoken(line: Line) -> str:
    return " ".join(line.engines.said)


async def test_one_holds_with_a_position_the_next_is_refused_and_a_place_is_taken_at_once(
    line: Line,
) -> None:
    async with AsyncExitStack() as calls:
        first = await call(calls, line)
        await greeted(line, first)
        holds = await call(calls, line)
        await holds.answered()
        await line.says("You are number one in line")
        refused = await call(calls, line)
        await refused.until(lambda: 486 in refused.statuses)
        assert not first.ended
        assert not holds.ended
        first.hang_up()
        await until(lambda: spoken(line).count(GREETING) == 2)
        await holds.until_heard()
        assert not holds.ended
        holds.hang_up()
        await line.over()


async def test_who_has_held_for_long_enough_is_sent_on_and_let_go(line: Line) -> None:
    async with AsyncExitStack() as calls:
        first = await call(calls, line)
        await greeted(line, first)
        holds = await call(calls, line)
        await holds.until(lambda: any(m.method == "REFER" for m in holds.received), within=60)
        assert SAY.phone.transferring in spoken(line)
        (refer,) = (m for m in holds.received if m.method == "REFER")
        assert "sip:500@127.0.0.1" in refer.headers["refer-to"]
        await holds.until(lambda: holds.ended, within=60)
        first.hang_up()


async def test_a_job_that_is_killed_has_a_successor_who_says_so(line: Line) -> None:
    async with AsyncExitStack() as calls:
        who = await call(calls, line)
        await greeted(line, who)
        await who.until_quiet()
        os.kill(job(line), signal.SIGKILL)
        await who.until_heard()  # the apology is recorded beforehand
        assert not who.ended
        who.hang_up()


async def test_a_call_of_a_trunk_with_a_limit_is_warned_and_ended_by_the_agent(line: Line) -> None:
    async with AsyncExitStack() as calls:
        who = await call(calls, line, "300")
        await greeted(line, who)
        await until(lambda: SAY.phone.ending_soon in spoken(line), within=60)
        assert not who.ended
        await who.until(lambda: who.ended, within=60)


async def test_an_unknown_number_does_not_ring(line: Line) -> None:
    async with AsyncExitStack() as calls:
        who = await call(calls, line, "999")
        await who.until(lambda: any(status >= 200 for status in who.statuses))
        assert who.statuses[-1] == 407


def job(line: Line) -> int:
    """The process that holds the call."""
    log = (line.stack.logs / "agent.log").read_text()
    began = [entry for entry in log.splitlines() if "a call began" in entry]
    found = re.search(r'"pid": ?(\d+)', began[-1])
    assert found
    return int(found[1])

"""More callers at once than there are places, with LiveKit's real SIP service.

They run where `livekit-sip` and `baresip` are on PATH. Callers are signalling alone.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio
from livekit import api
from livekit.plugins.qwen3_tts.normalizer import normalize

from agent.languages import words

from .lines import MARKS, Line, open_line, until
from .signalling import Caller, caller

pytestmark = MARKS

PLACES, CALLERS = 3, 10
HOLDING = set(range(1, CALLERS - PLACES + 1))
"""The places in the line when all have called."""
HEARD = 5
"""Packets with more than silence, which is all that a caller of signalling knows of a voice."""
LATE = 100.0
"""Seconds after which a machine with other work has surely begun as many jobs."""
GREETING = "What can I do for you?"
VARIABLES = {
    "PARLEY_MAX_ROOMS": str(PLACES),
    "PARLEY_PHONE__FULL_HOUSE": json.dumps(
        {"then": "queue", "ring": 1, "callers": CALLERS, "longest": 300}
    ),
    "PARLEY_CONDUCT__PHONE_SILENCE": '{"ask_after": 100, "leave_after": 100}',
}


@pytest_asyncio.fixture(loop_scope="session")
async def line(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Line]:
    async with open_line(tmp_path_factory.mktemp("crowd"), **VARIABLES) as line:
        yield line


@pytest.mark.timeout(900)
async def test_of_ten_at_once_and_ten_right_after_them_each_has_an_agent_in_the_end(
    line: Line,
) -> None:
    served = 0
    async with AsyncExitStack() as calls:
        for wave in range(2):
            waiting = await crowd(calls, line, wave)
            if wave == 0:  # a sentence is spoken once and kept, for those who come later
                await until(lambda: places(line) == HOLDING, within=LATE)
            for who in waiting.values():
                await heard_something(who)
            # While nobody hangs up, nobody moves up.
            assert len(await with_agents(line) & {*waiting}) == PLACES
            while waiting:
                at_once = min(PLACES, len(waiting))
                served += at_once
                await greetings(line, served)
                talking = await with_agents(line) & {*waiting}
                assert len(talking) == at_once
                for number in talking:
                    await heard_something(waiting[number])
                    waiting.pop(number).hang_up()
                assert not any(who.ended for who in waiting.values())
    await line.over()


async def crowd(calls: AsyncExitStack, line: Line, wave: int) -> dict[str, Caller]:
    """Callers by their numbers, who have called at once; each is answered."""
    callers = {}
    for i in range(CALLERS):
        number = f"+44163296{wave}{i:03d}"
        made = caller(line.stack.ports["sip"], shown=f"<sip:{number}@127.0.0.1>")
        callers[number] = await calls.enter_async_context(made)
    for who in callers.values():
        who.invite()
    await asyncio.gather(*(who.answered(within=LATE) for who in callers.values()))
    return callers


async def with_agents(line: Line) -> set[str]:
    """Numbers of those who are with an agent."""
    numbers: set[str] = set()
    for room in await line.rooms():
        found = await line.server.room.list_participants(api.ListParticipantsRequest(room=room))
        people = {each.identity for each in found.participants}
        if any(each.startswith("agent-") for each in people):
            numbers |= {each.removeprefix("sip_") for each in people}
    return numbers


async def heard_something(who: Caller) -> None:
    """Wait until somebody has heard more than silence."""
    await until(lambda: who.loud > HEARD, within=LATE)


async def greetings(line: Line, count: int) -> None:
    """Wait until so many have been greeted."""
    await until(lambda: spoken(line).count(GREETING) >= count, within=LATE)
    assert spoken(line).count(GREETING) == count


def places(line: Line) -> set[int]:
    """Which places in the line were spoken for somebody since the test has begun."""
    written = words("en").phone.queue
    told = {n: normalize(written.format(position=n), "en").split(". ")[1] for n in HOLDING}
    return {n for n, sentence in told.items() if sentence.split(";")[0] in spoken(line)}


def spoken(line: Line) -> str:
    return " ".join(line.engines.said)

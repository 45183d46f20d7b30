"""Calls that are held, sent on, ordered wrongly or ended, with LiveKit's real SIP service.

They run where `livekit-sip` and `baresip` are on PATH. Callers are signalling, and what they say.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from livekit import api

from agent.languages import words as words_of
from harness.recording import Samples
from harness.serving import serving

from .lines import COLLEAGUE, MARKS, Line, open_line, silence, until, words
from .signalling import Caller, caller

pytestmark = MARKS

SAY = words_of("en")
GREETING = "What can I do for you?"
CLOSED = "900"
"""The number at which it is always night."""
SILENCE = {"ask_after": 60, "leave_after": 60}
WEBHOOK = {"secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}


@dataclass
class Post:
    """Where records of calls arrive."""

    came: list[dict[str, Any]] = field(default_factory=list)

    async def take(self, request: web.Request) -> web.Response:
        self.came.append(await request.json())
        return web.Response()

    def details(self, number: str) -> list[dict[str, Any]]:
        """What the records say of each attempt from or to a number; those of others may be late."""
        told = [message["data"] for message in self.came if message["type"] == "call.detail"]
        return [each for each in told if number in (each["from"], each["to"])]


@dataclass
class World:
    """The stack, and where its records arrive."""

    line: Line
    post: Post
    exits: AsyncExitStack
    """Stops the stack."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def started(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    folder, post = tmp_path_factory.mktemp("endings"), Post()
    app = web.Application()
    app.router.add_post("/calls", post.take)
    async with serving(app) as root, AsyncExitStack() as exits:
        variables = {
            "PARLEY_CONDUCT__PHONE_SILENCE": json.dumps(SILENCE),
            "PARLEY_PHONE__HOURS": json.dumps({"never": {"zone": "Europe/London", "open": {}}}),
            "PARLEY_PHONE__NIGHT": json.dumps(
                {"outside": "never", "numbers": [CLOSED], "says": {"en": "We are closed."}}
            ),
            "PARLEY_POST_CALL": json.dumps(
                {"summary": False, "numbers": True, "webhook": WEBHOOK | {"url": f"{root}/calls"}}
            ),
        }
        line = await exits.enter_async_context(open_line(folder, **variables))
        yield World(line, post, exits)


@pytest_asyncio.fixture(loop_scope="session")
async def world(started: World) -> AsyncIterator[World]:
    """The same, as if nobody had called yet."""
    await started.line.forget()
    started.post.came.clear()
    yield started


async def greeted(calls: AsyncExitStack, line: Line, *numbers: str) -> list[Caller]:
    """Callers who have heard their greeting, by their numbers."""
    callers = [await calls.enter_async_context(calling(line, number)) for number in numbers]
    for who in callers:
        who.invite()
    await asyncio.gather(*(who.answered() for who in callers))
    await until(lambda: spoken(line).count(GREETING) == len(numbers))
    await asyncio.gather(*(who.until_quiet() for who in callers))
    return callers


def calling(line: Line, number: str, called: str = "100") -> AbstractAsyncContextManager[Caller]:
    """Somebody with a number who can call one of ours."""
    return caller(line.stack.ports["sip"], called, shown=f"<sip:{number}@127.0.0.1>")


def spoken(line: Line) -> str:
    return " ".join(line.engines.said)


@pytest.mark.parametrize("direction", ["sendonly", "inactive"])
async def test_who_was_held_for_a_while_is_still_spoken_with(
    world: World, speech: Samples, direction: str
) -> None:
    line = world.line
    async with AsyncExitStack() as calls:
        (who,) = await greeted(calls, line, "+441632960101")
        who.hold(direction)
        await who.until(lambda: who.statuses.count(200) == 2)
        await asyncio.sleep(10.0)  # more than a profile that is told of no holding waits
        assert not who.ended
        assert "Are you still there?" not in spoken(line)
        who.resume()
        await who.until(lambda: who.statuses.count(200) == 3)
        who.speak(words("alpha", speech))
        await line.says("You are alpha.")
        await who.until_heard()
        who.hang_up()
        await line.over()


async def test_that_a_destination_is_busy_is_told_to_the_caller_and_the_model(
    world: World, speech: Samples
) -> None:
    line = world.line
    line.engines.calls["bravo"] = ("transfer_call", {"destination": "sales"})
    async with AsyncExitStack() as calls:
        (who,) = await greeted(calls, line, "+441632960102")
        who.refer = "SIP/2.0 486 Busy Here"
        who.speak(words("bravo", speech))
        await line.says("Shall I put you through to sales?")
        await who.until_quiet()
        who.press("1")
        await who.until(lambda: any(each.method == "REFER" for each in who.received))
        await line.says(SAY.phone.missed["busy"])
        await until(lambda: any("Busy" in each for each in line.engines.results))
        assert not who.ended
        who.hang_up()
        await line.over()
    await until(lambda: world.post.details("+441632960102"))
    (told,) = world.post.details("+441632960102")
    assert told | {"outcome": "answered", "cause": "caller"} == told
    sales = f"sip:{COLLEAGUE}@127.0.0.1:{line.port}"
    await until(lambda: world.post.details(sales))
    (sent,) = world.post.details(sales)
    assert sent | {"outcome": "busy", "order": "transfer_call", "trunk": "out"} == sent


@pytest.mark.parametrize(
    "order",
    [
        {"number": COLLEAGUE, "message": "hi", "language": "xx"},
        {"number": COLLEAGUE},
        {"number": COLLEAGUE, "message": ""},
        {"number": 5, "message": "hi"},
    ],
)
async def test_a_wrong_order_is_an_error_and_no_room_that_waits(
    world: World, tmp_path: Path, order: dict[str, Any]
) -> None:
    line = world.line
    async with line.colleague(tmp_path / "callee", silence(1.0), picks_up=False) as callee:
        dispatch = api.RoomAgentDispatch(metadata=json.dumps(order))
        await line.server.room.create_room(
            api.CreateRoomRequest(name=f"order-{tmp_path.name}", agents=[dispatch])
        )
        await until(lambda: "The order of a call is wrong" in agent_log(line))
        await line.over()  # its room, too
        assert "Incoming call" not in callee.log
    (attempt,) = await line.attempts()
    assert (attempt.state, attempt.order) == ("refused", "program")


async def test_at_night_the_message_is_said_and_the_call_ends_without_a_model(
    world: World,
) -> None:
    line, number = world.line, "+441632960103"
    async with calling(line, number, CLOSED) as who:
        who.invite()
        await who.answered()
        await line.says("We are closed.")
        await who.until(lambda: who.ended)
        assert who.loud > 0
        await line.over()
    assert line.engines.prompts == []
    await until(lambda: world.post.details(number))
    (told,) = world.post.details(number)
    assert told | {"to": CLOSED, "outcome": "answered", "cause": "agent"} == told


async def test_each_call_is_told_of_to_the_webhook(world: World) -> None:
    line, number = world.line, "+441632960104"
    async with AsyncExitStack() as calls:
        (who,) = await greeted(calls, line, number)
        who.hang_up()
        await line.over()
    await until(lambda: world.post.details(number))
    (told,) = world.post.details(number)
    assert told | {"outcome": "answered", "cause": "caller", "trunk": "open"} == told
    assert told | {"from": number, "to": "100", "direction": "inbound"} == told
    assert told["seconds"] > 0


async def test_a_caller_who_gives_up_while_it_rings_leaves_nothing_behind(world: World) -> None:
    line, number = world.line, "+441632960105"
    async with calling(line, number) as who:
        who.invite()
        await who.until(lambda: 180 in who.statuses)
        who.cancel()
        await who.until(lambda: 487 in who.statuses)
        await line.over()


async def test_a_stop_ends_every_call_after_a_word(world: World) -> None:
    line = world.line
    async with AsyncExitStack() as calls:
        callers = await greeted(calls, line, *(f"+44163296011{i}" for i in range(4)))
        heard = [who.loud for who in callers]
        before = spoken(line).count("Goodbye")
        stopping = asyncio.create_task(world.exits.aclose())
        try:
            await until(lambda: all(who.ended for who in callers), within=60)
        finally:
            await stopping
        assert all(who.loud > then for who, then in zip(callers, heard, strict=True))
    assert spoken(line).count("Goodbye") == before + len(callers)


def agent_log(line: Line) -> str:
    """What the agent server has logged."""
    return (line.stack.logs / "agent.log").read_text()

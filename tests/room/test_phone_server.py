"""Callers by phone before an agent server that is full, and before one that stops.

Rooms and agent servers are real; the engines tell what they were told.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import pytest_asyncio
from livekit import rtc

from agent.languages import words
from agent.recovery.waiting import ATTENDANT
from agent.stack import Server
from agent.stack.readiness import wait_ready
from agent.stack.stack import ROOT, STANDBY
from agent.stack.supervision import Supervisor
from harness.caller import Caller, join
from harness.echo import EchoEngines, echo_engines
from harness.livekit_server import LiveKitServer, free_port

pytestmark = [
    pytest.mark.room,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.timeout(240),
]

PLACES = 2
PHONE = {
    "sip.callStatus": "active",
    "sip.callID": "SCL_1",
    "sip.phoneNumber": "+442079460018",
    "parley.language": "en",
}


@dataclass
class World:
    """LiveKit, an agent server and one that stands by, which a test stops."""

    server: Server
    engines: EchoEngines
    supervised: contextlib.AsyncExitStack

    def call(self) -> AbstractAsyncContextManager[Caller]:
        return join(self.server, f"call-{uuid.uuid4().hex[:8]}", language="en", call=PHONE)


@pytest_asyncio.fixture(loop_scope="session")
async def world(tmp_path: Path) -> AsyncIterator[World]:
    livekit = LiveKitServer(tmp_path / "livekit.yaml")
    await livekit.start()
    at = livekit.livekit
    first = replace(STANDBY, name="agent", what="the agent", environment={})
    try:
        async with echo_engines() as engines:
            variables = {
                "LIVEKIT_URL": at.url,
                "LIVEKIT_API_KEY": at.api_key,
                "LIVEKIT_API_SECRET": at.api_secret,
                "PARLEY_PROFILE": "gpu",
                "PARLEY_MAX_ROOMS": str(PLACES),
                "PARLEY_PHONE__FULL_HOUSE__THEN": "queue",
                "PARLEY_PHONE__FULL_HOUSE__RING": "2",
                "PARLEY_PHONE__FULL_HOUSE__CALLERS": "1",
                "PARLEY_PORT_AGENT": str(free_port()),
                "PARLEY_PORT_METRICS": str(free_port()),
                "PARLEY_STATE": str(tmp_path / "state"),
                **engines.variables(),
            }
            supervisor = Supervisor(
                programs := [first, STANDBY],
                environment={**os.environ, **variables, "PYTHONUNBUFFERED": "1"},
                folder=ROOT,
                logs=tmp_path / "logs",
                on_line=print,
            )
            async with contextlib.AsyncExitStack() as supervised:
                await supervised.enter_async_context(supervisor)
                await wait_ready(supervisor, programs, on_line=print, within=150)
                yield World(Server(at.url, at.api_key, at.api_secret), engines, supervised)
    finally:
        await livekit.kill()


class End:
    """How a call ended for its caller."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        self._over = asyncio.Event()
        self.why: rtc.DisconnectReason.ValueType | None = None

        @caller.room.on("disconnected")
        def _(reason: rtc.DisconnectReason.ValueType) -> None:
            self.why = reason
            self._over.set()

    @property
    def heard(self) -> str:
        """The agent's words, by the captions."""
        captions = self._caller.captions.values()
        return " ".join(c.text for c in captions if c.identity != self._caller.identity)

    async def wait(self, within: float = 30.0) -> None:
        async with asyncio.timeout(within):
            await self._over.wait()


async def entered(calls: contextlib.AsyncExitStack, world: World, count: int) -> list[Caller]:
    """So many callers who have been greeted."""
    callers = [await calls.enter_async_context(world.call()) for _ in range(count)]
    for caller in callers:
        await caller.until("listening")
        await caller.answer(after=0.0)
    return callers


async def until(condition: Callable[[], object], within: float = 30.0) -> None:
    async with asyncio.timeout(within):
        while not condition():
            await asyncio.sleep(0.05)


async def test_whoever_finds_no_place_holds_and_is_answered_as_soon_as_there_is_one(
    world: World,
) -> None:
    async with contextlib.AsyncExitStack() as calls:
        first, _ = await entered(calls, world, PLACES)
        holds = await calls.enter_async_context(world.call())
        await until(lambda: holds.heard.first_sound(0.0) is not None)
        await until(lambda: "You are number one in line" in "".join(world.engines.spoken))
        assert attendants(holds) == [ATTENDANT]
        too_many = End(await calls.enter_async_context(world.call()))
        await too_many.wait()
        assert too_many.why == rtc.DisconnectReason.ROOM_DELETED
        await first.room.disconnect()
        freed = holds.now
        await until(lambda: "What can I do for you?" in End(holds).heard)
        await until(lambda: attendants(holds) != [ATTENDANT])
        assert len(attendants(holds)) == 1  # the agent, and no music beside it
        print(f"answered {holds.now - freed:.1f} s after a place was free")


async def test_stopping_ends_every_call_after_a_word_and_leaves_nobody_to_ring(
    world: World,
) -> None:
    goodbye = words("en").assistant.closing
    async with contextlib.AsyncExitStack() as calls:
        answered = await entered(calls, world, PLACES)
        holds = await calls.enter_async_context(world.call())
        await until(lambda: attendants(holds) == [ATTENDANT])
        ends = [End(caller) for caller in (*answered, holds)]
        world.engines.delay = 60.0
        await answered[0].type("Tell me something.")  # the answer would not come in time
        await answered[0].until("thinking")
        before = len(world.engines.spoken)
        stopping = asyncio.create_task(world.supervised.aclose())
        await asyncio.sleep(1.0)
        late = End(await calls.enter_async_context(world.call()))
        for end in (*ends, late):
            await end.wait()
        await stopping
    assert [end.why for end in (*ends, late)] == [rtc.DisconnectReason.ROOM_DELETED] * 4
    for end in ends[:PLACES]:
        assert end.heard.endswith(goodbye)
    assert late.heard == ""
    # The two agents, in units, and whoever is with the one who holds.
    assert "".join(world.engines.spoken[before:]).count("Goodbye") == PLACES + 1


def attendants(caller: Caller) -> list[str]:
    """Who of an agent's kind is with a caller."""
    kind = rtc.ParticipantKind.PARTICIPANT_KIND_AGENT
    return [p.identity for p in caller.room.remote_participants.values() if p.kind == kind]

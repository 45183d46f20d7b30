"""Agent servers that stop: callers hear a word and are hung up on, and nobody is left to ring.

Rooms and agent servers are real; the engines tell what they were told.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import uuid
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import pytest_asyncio
from livekit import rtc

from agent.languages import words
from agent.stack import Server
from agent.stack.stack import ROOT, STANDBY, wait_ready
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


async def test_stopping_ends_every_call_after_a_word_and_leaves_nobody_to_ring(
    world: World,
) -> None:
    goodbye = words("en").assistant.closing
    async with contextlib.AsyncExitStack() as calls:
        answered = [await calls.enter_async_context(world.call()) for _ in range(PLACES)]
        for caller in answered:
            await caller.until("listening")
            await caller.answer(after=0.0)
        rings = await calls.enter_async_context(world.call())  # every place is taken
        ends = [End(caller) for caller in (*answered, rings)]
        world.engines.delay = 60.0
        await answered[0].type("Tell me something.")  # the answer would not come in time
        await answered[0].until("thinking")
        stopping = asyncio.create_task(world.supervised.aclose())
        await ends[-1].wait()
        late = End(await calls.enter_async_context(world.call()))
        for end in (*ends, late):
            await end.wait()
        sounds = [caller.heard.last_sound(caller.heard.duration) for caller in answered]
        await stopping
    assert [end.why for end in (*ends, late)] == [rtc.DisconnectReason.ROOM_DELETED] * 4
    for end, last in zip(ends[:PLACES], sounds, strict=True):
        assert end.heard.endswith(goodbye)
        assert last is not None
    assert ends[-1].heard == late.heard == ""

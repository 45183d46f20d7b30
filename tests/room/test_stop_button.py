"""The page's stop button, in a real room: silence at once, and the page is told of it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from livekit.agents.llm import ChatMessage

from agent.page_controls import KEPT, STOP, STOPPED, PageControls
from agent.stack import Server
from agent.telemetry import RoomPublisher
from harness.caller import Caller, join

from .instant import Host, hosting, room_for

pytestmark = [pytest.mark.room, pytest.mark.asyncio(loop_scope="session")]

STORY = "Once upon a time there was a king who had three sons. " * 4


@contextlib.asynccontextmanager
async def controlled(host: Host) -> AsyncIterator[None]:
    publisher = RoomPublisher(host.room)
    controls = PageControls(host.room, host.session, publisher)
    try:
        yield
    finally:
        await controls.aclose()
        await publisher.aclose()


async def press(caller: Caller) -> str:
    return await caller.room.local_participant.perform_rpc(
        destination_identity="host", method=STOP, payload="", response_timeout=10
    )


async def test_a_story_is_stopped_and_marked(livekit: Server) -> None:
    async with (
        room_for(livekit) as name,
        join(livekit, name) as caller,
        hosting(livekit, name, STORY) as host,
        controlled(host),
    ):
        await caller.until("listening")
        await caller.type("Tell me a story.")
        await caller.until("speaking")
        async with asyncio.timeout(10):
            while "king" not in caller.transcript("host"):  # of what nobody heard nothing is kept
                await caller.tick()
        assert await press(caller) == STOPPED
        await caller.until("listening")
        async with asyncio.timeout(10):
            while not any(turn["kind"] == "cut" for turn in caller.turns):
                await caller.tick()
        told = host.session.history.messages()[-1]
        assert isinstance(told, ChatMessage)
        assert told.interrupted
        assert len(told.text_content or "") < len(STORY) / 2


async def test_a_notice_is_said_to_its_end(livekit: Server) -> None:
    notice = "Please hear this notice to its end."
    async with (
        room_for(livekit) as name,
        join(livekit, name) as caller,
        hosting(livekit, name) as host,
        controlled(host),
    ):
        await caller.until("listening")
        said = host.session.say(notice, allow_interruptions=False)
        await caller.until("speaking")
        assert await press(caller) == KEPT
        await said.wait_for_playout()
        assert host.words == [notice]
        assert not any(turn["kind"] == "cut" for turn in caller.turns)

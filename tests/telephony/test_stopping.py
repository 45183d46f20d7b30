"""Stopping while somebody is on the phone, in real rooms."""

from __future__ import annotations

import asyncio
import uuid

import pytest
from livekit import api, rtc

from agent.languages import words
from agent.stack import Server
from agent.telephony import stopping
from agent.telephony.stopping import STOPPING, say_goodbye
from harness.caller import join

from .conftest import CALL, Converse

pytestmark = [
    pytest.mark.room,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.timeout(90),
]


async def test_a_caller_hears_a_word_before_the_line_is_closed(
    converse: Converse, server: Server
) -> None:
    async with (
        converse("Hello.") as call,
        api.LiveKitAPI(server.url, server.api_key, server.api_secret) as livekit,
    ):
        goodbye = asyncio.create_task(say_goodbye(livekit))
        await call.says(words("en").phone.stopping)
        async with asyncio.timeout(20):
            await call.closed.wait()
            assert await goodbye >= 1
        name = call.caller.room.name
        asked = api.ListRoomsRequest(names=[name])
        assert not (await livekit.room.list_rooms(asked)).rooms


async def test_nobody_else_in_a_room_can_end_a_call(converse: Converse) -> None:
    async with converse("Hello.") as call:
        await call.caller.room.local_participant.publish_data(b"", topic=STOPPING)
        await asyncio.sleep(1.0)
        assert call.tts.said == []
        assert not call.closed.is_set()


async def test_a_room_whose_agent_says_nothing_is_closed_all_the_same(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stopping, "_WORD", 1.0)
    name = f"call-{uuid.uuid4().hex[:8]}"
    async with (
        join(server, name, identity="sip_caller", call=CALL) as caller,
        api.LiveKitAPI(server.url, server.api_key, server.api_secret) as livekit,
    ):
        gone = asyncio.Event()
        caller.room.on("disconnected", lambda _: gone.set())
        assert await say_goodbye(livekit) >= 1
        async with asyncio.timeout(10):
            await gone.wait()
        assert caller.room.connection_state == rtc.ConnectionState.CONN_DISCONNECTED


async def test_where_livekit_has_gone_nobody_waits() -> None:
    async with api.LiveKitAPI("ws://127.0.0.1:1", "key", "secret") as livekit:
        async with asyncio.timeout(10):
            assert await say_goodbye(livekit) == 0

"""Calls that the agent places: who picked up, and what becomes of the message."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import cast

import numpy as np
import pytest
import pytest_asyncio
from livekit import api, rtc
from livekit.agents import JobContext

from agent.settings import load
from agent.stack import Server
from agent.telephony.arrival import connect_user
from agent.telephony.no_answer import NoAnswer
from agent.telephony.numbers import NotAllowed
from agent.telephony.outbound import OutboundCall, dispatch_outbound_call
from agent.telephony.sip_call import HungUp, wait_until_answered
from harness.caller import join
from harness.recording import SAMPLE_RATE, Samples

from .conftest import CALL, Converse
from .fakes import SETTINGS, dialler

pytestmark = [
    pytest.mark.room,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.timeout(90),
]

OUTBOUND_CALL = OutboundCall(number="+12025550143", message="This is Parley, your kettle is ready.")


def beep() -> Samples:
    t = np.arange(SAMPLE_RATE // 2) / SAMPLE_RATE
    return (np.sin(2 * np.pi * 1000 * t) * 9000).astype(np.int16)


async def test_a_person_is_spoken_with(converse: Converse, speech: Samples) -> None:
    async with converse(
        "Yes, today.", hears=("Hello?", "Can I come today?"), outbound_call=OUTBOUND_CALL
    ) as call:
        await call.caller.say(speech)
        await call.says("your kettle is ready")
        assert call.llm.told == []  # the hello was not answered by the model
        await call.caller.answer(after=0.0)
        await call.caller.say(speech)
        await call.says("Yes, today.")
        assert not call.closed.is_set()


async def test_a_message_is_left_after_the_beep(converse: Converse, speech: Samples) -> None:
    async with converse(
        hears=("Please leave a message after the tone.",), outbound_call=OUTBOUND_CALL
    ) as call:
        await call.caller.say(speech)
        await asyncio.sleep(0.5)
        assert call.tts.said == []
        start = call.caller.now
        beeped = await call.caller.say(beep())
        async with asyncio.timeout(20):
            await call.closed.wait()
        assert call.tts.said == [OUTBOUND_CALL.message]
        assert call.llm.told == []
        first = call.caller.heard.first_sound(start)
        last = call.caller.heard.last_sound(call.caller.now)
        assert first is not None
        assert last is not None
        assert first > beeped - 0.1
        assert last - first > 1.4  # of a message of 1.85 s: it was said to its end


async def test_an_announcement_gets_no_message(converse: Converse, speech: Samples) -> None:
    async with converse(
        hears=("This number is not in service.",), outbound_call=OUTBOUND_CALL
    ) as call:
        await call.caller.say(speech)
        async with asyncio.timeout(20):
            await call.closed.wait()
        assert call.tts.said == []


async def test_a_call_counts_as_answered_when_its_status_says_so(server: Server) -> None:
    ringing = {**CALL, "sip.callStatus": "ringing"}
    name = f"call-{uuid.uuid4().hex[:8]}"
    async with join(server, name, identity="callee", call=ringing) as callee:
        room = rtc.Room()
        await room.connect(server.url, server.token(name, "agent"))
        known = room.remote_participants["callee"]
        changed = asyncio.Event()
        room.on("participant_attributes_changed", lambda *_: changed.set())
        try:
            waiting = asyncio.create_task(wait_until_answered(room, known))
            await asyncio.sleep(0.3)
            assert not waiting.done()
            await callee.room.local_participant.set_attributes({"sip.callStatus": "active"})
            async with asyncio.timeout(30):
                await waiting
                changed.clear()
                await callee.room.local_participant.set_attributes({"sip.callStatus": "ringing"})
                while known.attributes["sip.callStatus"] != "ringing":
                    await changed.wait()
                    changed.clear()
            waiting = asyncio.create_task(wait_until_answered(room, known))
            await asyncio.sleep(0.3)
            await callee.room.disconnect()
            async with asyncio.timeout(30):
                with pytest.raises(HungUp):
                    await waiting
        finally:
            await room.disconnect()


@pytest_asyncio.fixture(loop_scope="session")
async def client(server: Server) -> AsyncIterator[api.LiveKitAPI]:
    async with api.LiveKitAPI(server.url, server.api_key, server.api_secret) as client:
        yield client


async def test_an_order_reaches_the_agent_with_its_room(client: api.LiveKitAPI) -> None:
    room = await dispatch_outbound_call(client, OUTBOUND_CALL)
    (dispatch,) = await client.agent_dispatch.list_dispatch(room)
    assert OutboundCall.from_metadata(dispatch.metadata) == OUTBOUND_CALL


async def test_a_number_that_may_not_be_called_ends_the_job_before_it_rings(
    client: api.LiveKitAPI, tmp_path: Path
) -> None:
    class Context:
        class job:
            metadata = OUTBOUND_CALL.model_copy(
                update={"number": "+882512345678"}
            ).model_dump_json()

        room, api = rtc.Room(), client

        async def connect(self) -> None: ...

    profile = load("gpu").model_copy(update={"phone": SETTINGS})
    dials = dialler(tmp_path, client)
    with pytest.raises(NotAllowed):
        await connect_user(cast(JobContext, Context()), profile, dials)
    await dials.aclose()


async def test_livekit_takes_our_requests_and_says_that_no_sip_service_is_there(
    client: api.LiveKitAPI, server: Server, redis: str | None, tmp_path: Path
) -> None:
    if redis is None:
        pytest.skip("redis-server is not installed, without which LiveKit has no SIP API")
    trunk = api.SIPOutboundTrunkInfo(
        name="provider", address="127.0.0.1:9", numbers=["+12025550100"]
    )
    created = await client.sip.create_outbound_trunk(api.CreateSIPOutboundTrunkRequest(trunk=trunk))
    dials, another = dialler(tmp_path, client), dialler(tmp_path, client)
    try:
        with pytest.raises(NoAnswer) as called:
            await dials.dial("+12025550143", order="program", room="r", identity="callee")
        name = f"call-{uuid.uuid4().hex[:8]}"
        async with join(server, name, identity="sip_caller", call=CALL):
            with pytest.raises(NoAnswer) as transferred:
                await dials.transfer("+442079460018", room=name, identity="sip_caller")
        # A request that was not well-formed would be an invalid argument.
        for failed in (called, transferred):
            cause = failed.value.__cause__
            assert isinstance(cause, api.TwirpError)
            assert cause.code == "unavailable"
        # Both counted, where another conversation sees it.
        with pytest.raises(NotAllowed, match="within a minute"):
            await another.dial("+12025550143", order="program", room="r", identity="callee")
    finally:
        await dials.aclose()
        await another.aclose()
        await client.sip.delete_trunk(api.DeleteSIPTrunkRequest(sip_trunk_id=created.sip_trunk_id))

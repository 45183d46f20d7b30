"""Folders of one's own in calls: the agent as its own process, a real room, instant engines."""

from __future__ import annotations

import asyncio
import contextlib
import json
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from livekit import api

from agent.stack import Server
from harness.caller import Caller, join
from harness.recording import SAMPLE_RATE
from tests.observability.running import ANSWER, Agent, running

from .conftest import recorded

pytestmark = [pytest.mark.room, pytest.mark.asyncio(loop_scope="session")]

GREETINGS = {"tea": "Tea shop, hello {{caller}}.", "clinic": "This is the clinic."}
NUMBER, OTHER = "+442079460018", "+442079460019"
CALL = {
    "sip.callID": "SCL_1",
    "sip.callStatus": "active",
    "sip.phoneNumber": "+12025550100",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the agents are, and what their calls leave."""
    return tmp_path_factory.mktemp("agents")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def agent(livekit: Server, folder: Path) -> AsyncIterator[Agent]:
    for name, greeting in GREETINGS.items():
        (folder / name).mkdir()
        says = {
            "name": name,
            "instructions": f"You are the {name}.",
            "greeting": greeting,
            "variables": {"caller": "stranger"},
            "limits": {"turns": 1},
            "post_call": {"numbers": True},
        }
        (folder / name / "agent.yaml").write_text(json.dumps(says), "utf-8")
    more = {
        "PARLEY_AGENTS": json.dumps({name: str(folder / name) for name in GREETINGS}),
        "PARLEY_PHONE__AGENTS": json.dumps({NUMBER: "clinic"}),
        "PARLEY_POST_CALL__FOLDER": str(folder / "calls"),
        "PARLEY_POST_CALL__SUMMARY": "false",
        "PARLEY_STATE": str(folder / "state"),
    }
    async with running(livekit, folder, more) as agent:
        yield agent


def said(caller: Caller) -> str:
    return " ".join(c.text for c in caller.captions.values() if c.identity != caller.identity)


async def record_of(room: str, folder: Path) -> dict[str, Any]:
    """The record of a call, once it is there."""
    async with asyncio.timeout(60):
        while True:
            for path in (folder / "calls").glob("*/call_*.json"):
                record: dict[str, Any] = json.loads(path.read_text("utf-8"))
                if record["room"] == room:
                    return record
            await asyncio.sleep(0.1)


async def test_a_dispatch_names_the_agent_and_the_caller(
    livekit: Server, agent: Agent, folder: Path
) -> None:
    name = f"yours-{uuid.uuid4().hex[:8]}"
    metadata = json.dumps({"agent": "tea", "variables": {"caller": "Ben"}})
    async with api.LiveKitAPI(livekit.url, livekit.api_key, livekit.api_secret) as client:
        dispatch = api.RoomAgentDispatch(metadata=metadata)
        await client.room.create_room(api.CreateRoomRequest(name=name, agents=[dispatch]))
    async with join(livekit, name, language="en") as caller:
        await caller.answer(after=0.0)
        assert said(caller) == "Tea shop, hello Ben."
        # It answers one turn, and leaves.
        await caller.say(recorded("jfk.wav")[: 2 * SAMPLE_RATE])
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(60):
                while caller.room.isconnected() and caller.room.remote_participants:
                    await caller.tick()
        assert said(caller) == f"Tea shop, hello Ben. {ANSWER} We have to stop here. Goodbye!"
    record = await record_of(name, folder)
    assert (record["agent"], record["channel"], record["language"]) == ("tea", "web", "en")
    told = [said["text"] for said in record["transcript"] if said["who"] == "agent"]
    assert told == ["Tea shop, hello Ben.", ANSWER, "We have to stop here. Goodbye!"]


@pytest.mark.parametrize(("number", "words"), [(NUMBER, "This is the clinic."), (OTHER, "Hello.")])
async def test_the_number_that_was_called_decides(
    livekit: Server, agent: Agent, folder: Path, number: str, words: str
) -> None:
    name = f"yours-{uuid.uuid4().hex[:8]}"
    call = {**CALL, "sip.trunkPhoneNumber": number}
    async with join(livekit, name, identity="sip_caller", call=call) as caller:
        await caller.answer(after=0.0)
        assert said(caller).startswith(words)  # and may ask who is silent
    record = await record_of(name, folder)
    assert record["channel"] == "phone"
    # The usual agent's folder does not ask for numbers.
    known = CALL["sip.phoneNumber"] if number == NUMBER else None
    assert record["caller"] == {"number": known, "visitor": None}

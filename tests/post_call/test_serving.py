"""Whose model reads a call: that of the agent which held it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from livekit.agents import AgentServer
from pydantic import HttpUrl

from agent import settings as settings_module
from agent.engine_settings import LLMSettings
from agent.post_call import Outbox, delivering, form, places
from agent.post_call import deliverer as deliverer_module
from agent.post_call import serving as post_call_serving
from agent.post_call_settings import PostCallSettings
from agent.server import Server

from ..form_server import FormServer, serving
from .receiver import SECRET, receiving

FILLED = json.dumps({"summary": "A room was booked."})


@pytest.fixture
async def outbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Outbox]:
    monkeypatch.setenv("PARLEY_STATE", str(tmp_path / "state"))
    opened = Outbox()
    yield opened
    await opened.aclose()


def written(folder: Path, **says: object) -> str:
    folder.mkdir()
    content = {"name": "Clerk", "instructions": "You take bookings.", **says}
    (folder / "agent.yaml").write_text(yaml.safe_dump(content), "utf-8")
    return str(folder)


async def delivered(
    outbox: Outbox, record: dict[str, Any], agent: str, profiles: FormServer, folder: Path
) -> dict[str, Any]:
    """What arrives of a call of an agent, on a profile whose model has a server."""
    server = Server()
    llm = LLMSettings.model_validate({"base_url": profiles.url})
    server.settings = settings_module.load("cpu").model_copy(update={"llm": llm})
    post_call = PostCallSettings(folder=folder)
    await outbox.put(record, places(post_call), form(post_call), agent)
    async with delivering(post_call, server.model_of), asyncio.timeout(20):
        while await outbox.waiting():
            await asyncio.sleep(0.02)
    found: dict[str, Any] = json.loads((folder / "2026-11-29" / "call_AJ_1.json").read_text())
    return found


@pytest.mark.parametrize("own", [True, False])
async def test_a_call_is_read_by_the_model_that_its_agent_spoke_with(
    outbox: Outbox, record: dict[str, Any], tmp_path: Path, own: bool
) -> None:
    async with serving(FILLED) as agents, serving(FILLED) as profiles:
        engines = {"engines": {"llm": {"base_url": agents.url}}} if own else {}
        agent = written(tmp_path / "clerk", **engines)
        arrived = await delivered(outbox, record, agent, profiles, tmp_path / "calls")
    assert arrived["summary"] == "A room was booked."
    assert (len(agents.asked), len(profiles.asked)) == ((1, 0) if own else (0, 1))


async def test_a_call_of_an_agent_that_is_gone_is_shown_to_no_model(
    outbox: Outbox, record: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliverer_module, "ANALYSES", 1)
    async with serving(FILLED) as profiles:
        agent = str(tmp_path / "clerk")
        arrived = await delivered(outbox, record, agent, profiles, tmp_path / "calls")
    assert arrived["summary"] is None
    assert arrived["unfilled"] == "The agent that held the call cannot be read any more."
    assert profiles.asked == []


async def test_a_server_that_is_stopped_delivers_the_records_of_its_last_calls(
    outbox: Outbox, record: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped = asyncio.Event()

    async def run(server: AgentServer, **_: Any) -> None:
        server.emit("worker_started")
        await stopped.wait()

    async def aclose(_: AgentServer) -> None:
        stopped.set()

    async def watch(*_: Any) -> None: ...

    monkeypatch.setattr(AgentServer, "run", run)
    monkeypatch.setattr(AgentServer, "aclose", aclose)
    monkeypatch.setattr(Server, "_watch", watch)
    async with serving(FILLED) as model:
        llm = LLMSettings.model_validate({"base_url": model.url})
        post_call = PostCallSettings(folder=tmp_path / "calls")
        server = Server()
        changes = {"llm": llm, "post_call": post_call}
        server.settings = settings_module.load("cpu").model_copy(update=changes)
        running = asyncio.create_task(server.run())
        await asyncio.sleep(0.2)
        agent = written(tmp_path / "clerk")
        await outbox.put(record, places(post_call), form(post_call), agent)
        async with asyncio.timeout(20):
            await server.aclose()
        running.cancel()  # as LiveKit's command line does
        await asyncio.gather(running, return_exceptions=True)
    assert (tmp_path / "calls" / "2026-11-29" / "call_AJ_1.json").is_file()


async def test_a_receiver_that_hangs_does_not_keep_a_server_from_ending(
    outbox: Outbox, record: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(post_call_serving, "FLUSH", 0.2)
    async with receiving(0) as receiver:
        given = PostCallSettings.model_validate(
            {"webhook": {"url": receiver.url, "secret": SECRET}, "summary": False}
        )
        llm = LLMSettings(base_url=HttpUrl("http://127.0.0.1:9/v1"))
        async with asyncio.timeout(10):
            async with delivering(given, lambda _: llm):
                await outbox.put(record, places(given))
                await receiver.arrived.wait()
    (left,) = await outbox.waiting()
    assert left.id == record["id"]

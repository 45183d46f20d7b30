"""A call in a real room, held by a real job: its record arrives after it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import uuid
from pathlib import Path
from typing import Any

import pytest
from livekit import api
from livekit.agents import Agent, AgentServer, AgentSession, JobContext, JobExecutorType

from agent.ending import on_session_end, when_over
from agent.engine_settings import LLMSettings
from agent.post_call import About, delivering, hand_over
from agent.post_call_settings import PostCallSettings
from agent.stack import Server
from harness.caller import join
from harness.scripted import Llm

from ..form_server import serving
from ..post_call.receiver import SECRET, receiving

pytestmark = [pytest.mark.room, pytest.mark.asyncio(loop_scope="session")]


async def test_the_record_of_a_call_is_posted_after_it(
    livekit: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PARLEY_STATE", str(tmp_path))
    agent = f"clerk-{uuid.uuid4().hex[:8]}"
    name = f"call-{uuid.uuid4().hex[:8]}"
    async with (
        receiving(200) as receiver,
        serving(json.dumps({"summary": "They asked for the hours."})) as model,
    ):
        settings = PostCallSettings.model_validate(
            {"webhook": {"url": receiver.url, "secret": SECRET}}
        )
        server = AgentServer(
            job_executor_type=JobExecutorType.THREAD,
            ws_url=livekit.url,
            api_key=livekit.api_key,
            api_secret=livekit.api_secret,
            host="127.0.0.1",
            port=0,
            load_threshold=2.0,
        )

        @server.rtc_session(agent_name=agent, on_session_end=on_session_end)
        async def enter(ctx: JobContext) -> None:
            await ctx.connect()
            about = About(agent="clerk", channel="web", language="en")
            when_over(
                ctx, "the record", lambda: hand_over(ctx, settings, about, session.history, "clerk")
            )
            session = AgentSession[Any](llm=Llm("At nine."), vad=None)
            await session.start(Agent(instructions=""), record=False)
            await session.run(user_input="When do you open?")
            ctx.shutdown()

        running = asyncio.create_task(server.run(devmode=True))
        try:
            registered = asyncio.Event()
            server.once("worker_registered", lambda *_: registered.set())
            async with asyncio.timeout(60):
                await registered.wait()
            async with (
                delivering(settings, lambda _: LLMSettings.model_validate({"base_url": model.url})),
                api.LiveKitAPI(livekit.url, livekit.api_key, livekit.api_secret) as client,
                join(livekit, name),
            ):
                await client.agent_dispatch.create_dispatch(
                    api.CreateAgentDispatchRequest(agent_name=agent, room=name)
                )
                async with asyncio.timeout(60):
                    await receiver.taken.wait()
        finally:
            await server.aclose()
            running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await running
    (post,) = receiver.posts
    record = post["data"]
    assert record["room"] == name
    assert record["agent"] == "clerk"
    assert record["summary"] == "They asked for the hours."
    assert [said["text"] for said in record["transcript"]] == ["When do you open?", "At nine."]

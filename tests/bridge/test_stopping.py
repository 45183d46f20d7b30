"""A bridge that is told to stop closes what it has open."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from typing import Any

import pytest
import uvicorn
from aiohttp import web
from aiohttp.test_utils import TestServer
from starlette.applications import Starlette

from agent.bridge.__main__ import _Server
from harness.livekit_server import free_port
from tests.observability.running import engines

from .conftest import STREAM_TOKEN, STREAM_URL, process
from .provider import calling


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_what_comes_after_the_server_is_done_before_the_program_ends(
    number: signal.Signals,
) -> None:
    said: list[str] = []

    async def say_goodbye() -> None:
        said.append("goodbye")

    server = _Server(
        say_goodbye, uvicorn.Config(Starlette(), host="127.0.0.1", port=0, log_level="warning")
    )
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    os.kill(os.getpid(), number)
    async with asyncio.timeout(10):
        await serving
    assert said == ["goodbye"]


@pytest.mark.slow
@pytest.mark.timeout(200)
async def test_a_bridge_of_its_own_process_says_goodbye_to_its_callers() -> None:
    asked: list[str] = []

    @web.middleware
    async def listen(request: web.Request, handler: Any) -> web.StreamResponse:
        if request.path.endswith("/audio/speech"):
            asked.append((await request.json())["input"])
        response: web.StreamResponse = await handler(request)
        return response

    app = engines()
    app.middlewares.append(listen)
    port = free_port()
    async with TestServer(app) as server, contextlib.AsyncExitStack() as stack:
        url = str(server.make_url("/v1"))
        await stack.enter_async_context(
            process(
                *("-m", "agent.bridge", "--port", str(port)),
                health=f"http://127.0.0.1:{port}/health",
                PARLEY_PROFILE="gpu",
                PARLEY_LLM__BASE_URL=url,
                PARLEY_STT__BASE_URL=url,
                PARLEY_STT__REALTIME="false",
                PARLEY_TTS__BASE_URL=url,
                PARLEY_BRIDGE__STREAM_URL=STREAM_URL,
                PARLEY_BRIDGE__STREAM_TOKEN=STREAM_TOKEN,
            )
        )
        address = f"ws://127.0.0.1:{port}/media-streams"
        async with (
            calling(address, STREAM_URL, STREAM_TOKEN) as first,
            calling(address, STREAM_URL, STREAM_TOKEN) as second,
        ):
            await asyncio.gather(first.quiet(0.5), second.quiet(0.5))  # the greeting
            before, marks = len(asked), (first.marks, second.marks)
            await stack.aclose()  # SIGTERM, and the end of the process
            async with asyncio.timeout(30):
                await asyncio.gather(first.ended, second.ended)
    said = " ".join(asked[before:])
    assert said.count("we have to stop here") == 2
    assert said.count("Goodbye!") == 2
    assert first.marks > marks[0]  # they were sent something after it was told to stop
    assert second.marks > marks[1]

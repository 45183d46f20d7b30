"""A bridge that is told to stop closes what it has open."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest
import uvicorn
from starlette.applications import Starlette

from agent.bridge.__main__ import _Server


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

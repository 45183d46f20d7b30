"""A livekit-server for each test: a call goes to any agent server that is there."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from agent.stack import Server
from tests.web.conftest import LiveKitServer


@pytest_asyncio.fixture(loop_scope="session")
async def livekit(tmp_path: Path) -> AsyncIterator[Server]:
    running = LiveKitServer(tmp_path / "livekit.yaml")
    await running.start()
    where = running.livekit
    yield Server(where.url, where.api_key, where.api_secret)
    await running.kill()

"""A livekit-server for each test: a call goes to any agent server that is there."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from agent.stack import Server
from harness.livekit_server import LiveKitServer, free_port


@pytest.fixture
def livekit_metrics(monkeypatch: pytest.MonkeyPatch) -> str:
    """Base URL of LiveKit's own metrics."""
    port = free_port()
    monkeypatch.setenv("LIVEKIT_PROMETHEUS_PORT", str(port))
    return f"http://127.0.0.1:{port}"


@pytest_asyncio.fixture(loop_scope="session")
async def livekit(livekit_metrics: str, tmp_path: Path) -> AsyncIterator[Server]:
    running = LiveKitServer(tmp_path / "livekit.yaml")
    await running.start()
    where = running.livekit
    yield Server(where.url, where.api_key, where.api_secret)
    await running.kill()

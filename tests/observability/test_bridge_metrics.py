"""``/metrics`` of the bridge: its requests, and the calls over media streams."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator

import httpx
import pytest
from aiohttp.test_utils import TestServer

from agent.stack.stack import ROOT
from harness.livekit_server import free_port
from tests.bridge.conftest import STREAM_TOKEN, STREAM_URL, process
from tests.bridge.provider import calling

from .running import engines, read

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

HOST = "127.0.0.1"


def variables(url: str) -> dict[str, str]:
    return {
        "PARLEY_PROFILE": "gpu",
        "PARLEY_LLM__BASE_URL": url,
        "PARLEY_STT__BASE_URL": url,
        "PARLEY_STT__REALTIME": "false",
        "PARLEY_TTS__BASE_URL": url,
        "PARLEY_BRIDGE__STREAM_URL": STREAM_URL,
        "PARLEY_BRIDGE__STREAM_TOKEN": STREAM_TOKEN,
    }


@pytest.fixture
async def url() -> AsyncIterator[str]:
    """Base URL of engines that answer at once."""
    async with TestServer(engines()) as server:
        yield str(server.make_url("/v1"))


async def test_the_page_has_requests_and_calls(url: str) -> None:
    bridge, metrics = free_port(), free_port()
    at, page = f"{HOST}:{bridge}", f"http://{HOST}:{metrics}/metrics"
    ended = 'parley_bridge_requests_total{{kind="{}",outcome="{}"}}'
    async with (
        process(
            *("-m", "agent.bridge", "--port", str(bridge)),
            health=f"http://{at}/health",
            PARLEY_PORT_METRICS=str(metrics),
            **variables(url),
        ),
        httpx.AsyncClient(base_url=f"http://{at}", trust_env=False, timeout=30) as http,
    ):
        begun = await read(page)
        assert begun[ended.format("chat", "done")] == 0
        assert begun["parley_bridge_calls"] == 0
        assert begun['parley_turns_total{language="en",outcome="answered"}'] == 0
        for path, body, status in (
            ("/bridge/chat", {"text": "When did it land?"}, 200),
            ("/v1/audio/speech", {"input": "It never did."}, 200),
            ("/v1/audio/speech", {"input": "a" * 100_000}, 413),
        ):
            response = await http.post(path, json=body)
            assert response.status_code == status, response.text
        async with calling(f"ws://{at}/media-streams", STREAM_URL, STREAM_TOKEN) as caller:
            await caller.quiet(0.5)  # the greeting
            during = await read(page)
            await caller.press("7")
            await caller.press("#")
            await caller.quiet(0.5)
        async with asyncio.timeout(30):
            while (after := await read(page))["parley_bridge_calls"]:
                await asyncio.sleep(0.1)
    assert during["parley_bridge_calls"] == 1
    assert during["parley_first_words_seconds_count"] == 1
    assert after['parley_turns_total{language="en",outcome="answered"}'] == 1
    assert after[ended.format("chat", "done")] == 1
    assert after[ended.format("speech", "done")] == 1
    assert after[ended.format("speech", "refused")] == 1
    assert after['parley_bridge_first_audio_seconds_count{kind="chat"}'] == 1
    assert after['parley_bridge_first_audio_seconds_count{kind="speech"}'] == 1
    assert 0 < after['parley_bridge_first_audio_seconds_sum{kind="speech"}'] < 30


async def test_a_port_that_is_taken_is_one_sentence(url: str) -> None:
    with socket.create_server((HOST, 0)) as taken:
        port = str(taken.getsockname()[1])
        bridge = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "agent.bridge", "--port", str(free_port())),
            cwd=ROOT,
            env={**os.environ, **variables(url), "PARLEY_PORT_METRICS": port},
            stderr=asyncio.subprocess.PIPE,
        )
        _, said = await bridge.communicate()
    assert bridge.returncode == 1
    assert f"PARLEY_PORT_METRICS = {port} cannot be used" in said.decode()

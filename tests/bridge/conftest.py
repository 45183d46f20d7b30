"""The bridge as its own process, before the small real engines of this machine."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import sys
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager

import httpx
import pytest_asyncio

from agent.stack import ports
from agent.stack.stack import ROOT

STREAM_URL = "wss://voice.example.com/media-streams"
STREAM_TOKEN = "12345"


@contextlib.asynccontextmanager
async def process(*command: str, health: str, **environment: str) -> AsyncIterator[None]:
    """A program that answers 200 at an address, for as long as the context lasts."""
    running = await asyncio.create_subprocess_exec(
        sys.executable, *command, cwd=ROOT, env={**os.environ, **environment}
    )
    try:
        async with asyncio.timeout(90), httpx.AsyncClient() as client:
            while True:
                assert running.returncode is None, f"{command} ended"
                with contextlib.suppress(httpx.TransportError):
                    if (await client.get(health)).status_code == 200:
                        break
                await asyncio.sleep(0.1)
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            running.terminate()
        await running.wait()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def urls() -> AsyncIterator[dict[str, str]]:
    """Addresses of the bridge and of its engines."""
    port = ports.free()
    found = {name: f"http://127.0.0.1:{port[name]}" for name in ("llm", "stt", "tts", "web")}
    async with contextlib.AsyncExitStack() as stack:
        await asyncio.gather(
            *(
                stack.enter_async_context(
                    process(
                        *("-m", "agent.local", name, "--port", str(port[name])),
                        health=found[name] + "/health",
                    )
                )
                for name in ("llm", "stt", "tts")
            )
        )
        await stack.enter_async_context(bridge(found, port["web"]))
        yield found | {"bridge": found["web"]}


def bridge(urls: dict[str, str], port: int) -> AbstractAsyncContextManager[None]:
    """A bridge before these engines, which is told to stop as the context ends."""
    return process(
        *("-m", "agent.bridge", "--port", str(port)),
        health=f"http://127.0.0.1:{port}/health",
        PARLEY_PROFILE="cpu",
        PARLEY_LLM__BASE_URL=urls["llm"] + "/v1",
        PARLEY_STT__BASE_URL=urls["stt"] + "/v1",
        PARLEY_TTS__BASE_URL=urls["tts"] + "/v1",
        PARLEY_BRIDGE__MAX_REQUESTS="2",
        PARLEY_BRIDGE__MAX_CHARACTERS="400",
        PARLEY_BRIDGE__STREAM_URL=STREAM_URL,
        PARLEY_BRIDGE__STREAM_TOKEN=STREAM_TOKEN,
    )


async def running(urls: dict[str, str]) -> float:
    """Requests that the language model and the voice work on, by their own account."""
    async with httpx.AsyncClient() as client:
        llm = (await client.get(urls["llm"] + "/metrics")).text
        tts = (await client.get(urls["tts"] + "/metrics")).text
    counts = re.findall(r"^llamacpp:requests_processing(?:\{.*\})? (\S+)", llm, re.M)
    counts += re.findall(r"^vllm_omni:num_requests_running(?:\{.*\})? (\S+)", tts, re.M)
    assert len(counts) == 2
    return sum(map(float, counts))

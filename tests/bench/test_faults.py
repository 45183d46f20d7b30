"""The proxy fails as it says, and the engines behind it know their questions."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import aiohttp
import numpy as np
import pytest

from harness.faults import engines
from harness.faults.cell import noise, spoken
from harness.faults.engines import serve
from harness.faults.proxy import Fault, FaultProxy
from harness.recording import SAMPLE_RATE

pytestmark = pytest.mark.slow


@pytest.fixture
async def proxy() -> AsyncIterator[FaultProxy]:
    async with serve() as steady, FaultProxy(steady.port, kind="audio/pcm", middle=9600) as proxy:
        yield proxy


async def speech(proxy: FaultProxy) -> bytes:
    """What is heard of ten letters, which are 32,000 bytes."""
    url = f"http://127.0.0.1:{proxy.port}/v1/audio/speech"
    timeout = aiohttp.ClientTimeout(sock_read=1.0)
    async with (
        aiohttp.ClientSession(timeout=timeout) as session,
        session.post(url, json={"input": "abcdefghij"}) as response,
    ):
        response.raise_for_status()
        return await response.read()


async def test_it_passes_on_what_is_well(proxy: FaultProxy) -> None:
    assert len(await speech(proxy)) == 32_000


async def test_it_refuses_and_is_back(proxy: FaultProxy) -> None:
    await proxy.fail(Fault.REFUSES)
    with pytest.raises(aiohttp.ClientConnectorError):
        await speech(proxy)
    await proxy.fail(None)
    assert len(await speech(proxy)) == 32_000


@pytest.mark.parametrize("fault", [Fault.HANGS, Fault.STALLS])
async def test_it_hangs(proxy: FaultProxy, fault: Fault) -> None:
    await proxy.fail(fault)
    with pytest.raises(aiohttp.ServerTimeoutError):
        await speech(proxy)


async def test_it_resets_in_the_middle(proxy: FaultProxy) -> None:
    await proxy.fail(Fault.RESETS)
    with pytest.raises(aiohttp.ClientError):
        await speech(proxy)


async def test_it_is_ten_times_too_slow(proxy: FaultProxy) -> None:
    await speech(proxy)
    began = time.monotonic()
    await speech(proxy)
    usual = time.monotonic() - began
    await proxy.fail(Fault.CRAWLS)
    began = time.monotonic()
    with pytest.raises(aiohttp.ServerTimeoutError):
        await speech(proxy)  # 1.5 s to the first byte
    assert usual < 1.0 <= time.monotonic() - began


async def test_it_sends_noise(proxy: FaultProxy) -> None:
    await proxy.fail(Fault.GARBAGE)
    heard = np.frombuffer(await speech(proxy), np.int16)
    assert noise(heard) == heard.size / SAMPLE_RATE


@pytest.mark.parametrize(("fault", "status"), [(Fault.BUSY, 429), (Fault.ERROR, 500)])
async def test_it_answers_with_an_error(proxy: FaultProxy, fault: Fault, status: int) -> None:
    await proxy.fail(fault)
    with pytest.raises(aiohttp.ClientResponseError) as e:
        await speech(proxy)
    assert e.value.status == status
    assert e.value.headers is not None
    assert e.value.headers.get("retry-after") == ("2" if status == 429 else None)


async def test_it_restarts(proxy: FaultProxy) -> None:
    await proxy.fail(Fault.RESTARTS)
    with pytest.raises(aiohttp.ClientConnectorError):
        await speech(proxy)
    await asyncio.sleep(3.2)
    assert len(await speech(proxy)) == 32_000


def test_neither_a_voice_nor_a_tone_is_noise() -> None:
    assert noise(spoken()) == 0.0
    at = np.arange(2 * SAMPLE_RATE) / SAMPLE_RATE
    tone = (np.sin(2 * np.pi * 300 * at) * 9000).astype(np.int16)
    assert noise(tone) == 0.0
    assert engines.spoken_seconds(tone) == 2.0
    assert engines.spoken_seconds(spoken()) < 0.3

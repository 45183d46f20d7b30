"""Ten real calls at once through LiveKit's SIP service, to an agent with engines of tones.

They run where `livekit-sip` and `baresip` are on PATH.
"""

from __future__ import annotations

import asyncio
import shutil
from contextlib import AsyncExitStack
from pathlib import Path

import numpy as np
import psutil
import pytest
from livekit import api

from agent.settings import CONFIGS
from agent.telephony import config
from agent.telephony.stack import phone_stack
from bench.recording import SAMPLE_RATE, Samples
from bench.softphone import Phone, phone

from .tones import GREETING, TONES, engines, heard, tone

MISSING = [name for name in ("redis-server", "livekit-sip", "baresip") if not shutil.which(name)]
pytestmark = [
    pytest.mark.room,
    pytest.mark.timeout(240),
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.skipif(bool(MISSING), reason=f"not on PATH: {', '.join(MISSING)}"),
]

TRUNKS = "inbound: {open: {allowed_addresses: [127.0.0.0/8], language: en}}"
BEFORE, AFTER = 10.0, 12.0
"""Seconds of silence before and after a caller's words: ten greetings begin within 4 s of the
answer on two cores, and end 2 s later."""


async def test_ten_calls_at_once_are_each_greeted_answered_and_over(
    tmp_path: Path, speech: Samples, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PARLEY_SIP_MEDIA_PORTS", "42200-42299")
    # LiveKit learns within a second or so that a job has ended: ten that follow ten need more.
    monkeypatch.setenv("PARLEY_MAX_ROOMS", "20")
    (tmp_path / "trunks.yaml").write_text(TRUNKS)
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(engines())
        for engine in ("LLM", "STT", "TTS"):
            monkeypatch.setenv(f"PARLEY_{engine}__BASE_URL", url)
        # By its path, so that the engines of this machine are not started.
        running = await stack.enter_async_context(
            phone_stack(config.load(tmp_path / "trunks.yaml"), profile=str(CONFIGS / "phone.yaml"))
        )
        at = running.server
        server = await stack.enter_async_context(api.LiveKitAPI(at.url, at.api_key, at.api_secret))
        address = f"127.0.0.1:{running.ports['sip']}"

        async def rooms() -> int:
            return len((await server.room.list_rooms(api.ListRoomsRequest())).rooms)

        async def call(folder: str, names: list[str]) -> list[Phone]:
            async with AsyncExitStack() as calls:
                callers = [
                    await calls.enter_async_context(
                        phone(
                            tmp_path / folder / name,
                            words(name, speech),
                            f"+44163296010{i}",
                            codec=("pcmu", "pcma")[i % 2],
                        )
                    )
                    for i, name in enumerate(names)
                ]
                for caller in callers:
                    caller.dial(f"sip:100@{address}")
                await asyncio.gather(*(c.until("established: ", within=60) for c in callers))
                assert await rooms() == len(names)
                await asyncio.gather(*(c.until("terminated", within=60) for c in callers))
            async with asyncio.timeout(30):  # with each call its job ends
                while await rooms() or len(processes()) > idle:
                    await asyncio.sleep(0.1)
            return callers

        idle = len(processes())
        await call("one", ["alpha"])
        before = memory()
        callers = await call("ten", list(TONES))
        print(f"memory: {before / 2**20:.0f} MiB before, {memory() / 2**20:.0f} MiB after")
        for caller, frequency in zip(callers, TONES.values(), strict=True):
            assert heard(caller.heard, SAMPLE_RATE) == {GREETING, frequency}


def words(name: str, speech: Samples) -> Samples:
    """A caller's voice, with their tone under it."""
    under = tone(TONES[name], len(speech) / SAMPLE_RATE, SAMPLE_RATE, level=3000)
    silence = [np.zeros(round(s * SAMPLE_RATE), np.int16) for s in (BEFORE, AFTER)]
    return np.concatenate([silence[0], speech // 2 + under, silence[1]])


def processes() -> list[psutil.Process]:
    """All that the stack runs."""
    return [p for p in psutil.Process().children(recursive=True) if p.is_running()]


def memory() -> int:
    """Of all of them, what is not shared counted once: bytes."""
    return sum(p.memory_full_info().pss for p in processes())

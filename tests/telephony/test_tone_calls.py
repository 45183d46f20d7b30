"""Real calls in and out through LiveKit's SIP service, to an agent with engines of tones.

They run where `livekit-sip` and `baresip` are on PATH.
"""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
import pytest
import pytest_asyncio
from livekit import api

from agent.demo import Stack
from agent.settings import CONFIGS
from agent.telephony import config, provision
from agent.telephony.order import Order, send
from agent.telephony.stack import phone_stack
from bench.recording import SAMPLE_RATE, Samples, first_sound
from bench.softphone import Phone, phone

from .tones import GREETING, TONES, engines, heard, tone

MISSING = [name for name in ("redis-server", "livekit-sip", "baresip") if not shutil.which(name)]
pytestmark = [
    pytest.mark.room,
    pytest.mark.timeout(240),
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.skipif(bool(MISSING), reason=f"not on PATH: {', '.join(MISSING)}"),
]

TRUNKS = "inbound: {open: {allowed_addresses: [127.0.0.0/8], language: en}}\n"
OUTBOUND = TRUNKS + "outbound: {out: {address: 'ADDRESS', transport: udp, numbers: ['+44100']}}\n"
CALLEE = "+441632960999"
BEFORE, AFTER = 10.0, 12.0
"""Seconds of silence before and after a caller's words: ten greetings begin within 4 s of the
answer on two cores, and end 2 s later."""


@dataclass
class Line:
    """The stack, and what a test wants of it."""

    stack: Stack
    server: api.LiveKitAPI
    folder: Path

    async def rooms(self) -> int:
        return len((await self.server.room.list_rooms(api.ListRoomsRequest())).rooms)

    async def call(self, folder: Path, speech: Samples, names: list[str]) -> list[Phone]:
        """Have callers call at once, say who they are, and hang up."""
        async with AsyncExitStack() as calls:
            callers = [
                await calls.enter_async_context(
                    phone(
                        folder / name,
                        words(name, speech),
                        f"+44163296010{i}",
                        codec=("pcmu", "pcma")[i % 2],
                    )
                )
                for i, name in enumerate(names)
            ]
            for caller in callers:
                caller.dial(f"sip:100@127.0.0.1:{self.stack.ports['sip']}")
            await asyncio.gather(*(c.until("established: ", within=60) for c in callers))
            assert await self.rooms() == len(names)
            await asyncio.gather(*(c.until("terminated", within=60) for c in callers))
        return callers

    async def order(self, folder: Path, microphone: Samples) -> Phone:
        """Have the agent call somebody who picks up at once, and wait for it to hang up."""
        async with phone(folder, microphone, CALLEE, account="answermode=auto") as callee:
            trunks = self.folder / "out.yaml"
            trunks.write_text(OUTBOUND.replace("ADDRESS", callee.address))
            await provision.setup(self.server, config.load(trunks))
            await send(self.server, Order(number=CALLEE, message="You are alpha."))
            await callee.until("session closed|terminated", within=60)
        return callee


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def line(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Line]:
    folder = tmp_path_factory.mktemp("tones")
    (folder / "trunks.yaml").write_text(TRUNKS)
    async with AsyncExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        url = await stack.enter_async_context(engines())
        for engine in ("LLM", "STT", "TTS"):
            patch.setenv(f"PARLEY_{engine}__BASE_URL", url)
        patch.setenv("PARLEY_SIP_MEDIA_PORTS", "42200-42299")
        # LiveKit learns within a second or so that a job has ended: ten that follow ten need more.
        patch.setenv("PARLEY_MAX_ROOMS", "20")
        patch.setenv("PARLEY_PHONE__TRUNK", "out")
        patch.setenv("PARLEY_PHONE__PREFIXES", json.dumps(["+44"]))
        # By its path, so that the engines of this machine are not started.
        profile = str(CONFIGS / "phone.yaml")
        running = await stack.enter_async_context(
            phone_stack(config.load(folder / "trunks.yaml"), profile=profile)
        )
        at = running.server
        server = await stack.enter_async_context(api.LiveKitAPI(at.url, at.api_key, at.api_secret))
        yield Line(running, server, folder)


async def test_ten_calls_at_once_are_each_greeted_answered_and_over(
    line: Line, tmp_path: Path, speech: Samples
) -> None:
    idle = len(processes())
    await line.call(tmp_path / "one", speech, ["alpha"])
    await over(line, idle)
    before = memory()
    callers = await line.call(tmp_path / "ten", speech, list(TONES))
    await over(line, idle)
    print(f"memory: {before / 2**20:.0f} MiB before, {memory() / 2**20:.0f} MiB after")
    for caller, frequency in zip(callers, TONES.values(), strict=True):
        assert heard(caller.heard, SAMPLE_RATE) == {GREETING, frequency}


async def test_a_message_is_left_on_a_machine_after_its_beep(
    line: Line, tmp_path: Path, speech: Samples
) -> None:
    # The ear of tones makes no words of a voice: it is the beep that tells.
    greeting = np.concatenate([silence(1.0), speech, silence(0.7), beep(), silence(20.0)])
    machine = await line.order(tmp_path / "machine", greeting)
    assert heard(machine.heard, SAMPLE_RATE) == {TONES["alpha"]}
    first = first_sound(machine.heard, after=0.0)
    assert first is not None
    assert first > len(greeting) / SAMPLE_RATE - 20.0


async def test_a_person_who_is_called_is_told_the_message(
    line: Line, tmp_path: Path, speech: Samples
) -> None:
    person = await line.order(
        tmp_path / "person", np.concatenate([silence(1.0), speech, silence(8.0)])
    )
    assert heard(person.heard, SAMPLE_RATE) == {TONES["alpha"]}


async def over(line: Line, idle: int) -> None:
    """Wait until with each call its job has ended."""
    async with asyncio.timeout(30):
        while await line.rooms() or len(processes()) > idle:
            await asyncio.sleep(0.1)


def words(name: str, speech: Samples) -> Samples:
    """A caller's voice, with their tone under it."""
    under = tone(TONES[name], len(speech) / SAMPLE_RATE, SAMPLE_RATE, level=3000)
    return np.concatenate([silence(BEFORE), speech // 2 + under, silence(AFTER)])


def beep() -> Samples:
    """Of an answering machine: no caller's tone."""
    return tone(570.0, 0.4, SAMPLE_RATE)


def silence(seconds: float) -> Samples:
    return np.zeros(round(seconds * SAMPLE_RATE), np.int16)


def processes() -> list[psutil.Process]:
    """All that the stack runs."""
    return [p for p in psutil.Process().children(recursive=True) if p.is_running()]


def memory() -> int:
    """Of all of them, what is not shared counted once: bytes."""
    return sum(p.memory_full_info().pss for p in processes())

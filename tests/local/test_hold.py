"""An engine that is asked to rest stops in the middle of its work, and goes on by itself."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import struct
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agent.local.hold import LONGEST, MOST, SHARE, Budget, Neighbours
from agent.stack import ports

_ENGINE = """
import sys, time
from agent.local.hold import may_be_held
spare = float(sys.argv[2])
may_be_held(int(sys.argv[1]), lambda: spare)
print("ready", flush=True)
while True:
    time.sleep(0.001)
"""


class Engine:
    """A process that does nothing but work."""

    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        self.process, self.port = process, port

    @property
    def state(self) -> str:
        """R while it works, T while it is stopped."""
        stat = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="ascii")
        return stat.rpartition(") ")[2][0]

    async def until(self, *states: str) -> None:
        async with asyncio.timeout(10):
            while self.state not in states:
                await asyncio.sleep(0.005)


@contextlib.asynccontextmanager
async def engine(spare: float) -> AsyncIterator[Engine]:
    port = ports.free()["llm"]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", _ENGINE, str(port), str(spare)), stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout
        assert await process.stdout.readline() == b"ready\n"
        yield Engine(process, port)
    finally:
        process.kill()
        await process.wait()


async def test_model_and_voice_rest_until_the_words_are_there() -> None:
    async with engine(10.0) as model, engine(10.0) as voice:
        neighbours = Neighbours(model.port, voice.port)
        async with neighbours.resting():
            await voice.until("T")
            await model.until("T")
        assert neighbours.rests
        assert {model.state, voice.state} <= {"R", "S"}


async def test_a_voice_with_nothing_to_spare_is_not_held_and_nor_is_the_model() -> None:
    async with engine(10.0) as model, engine(0.0) as voice:
        neighbours = Neighbours(model.port, voice.port)
        async with neighbours.resting():
            async with asyncio.timeout(10):
                for _ in range(20):
                    await asyncio.sleep(0.01)
                    assert "T" not in (model.state, voice.state)
        assert not neighbours.rests


async def test_it_goes_on_though_nobody_tells_it_to() -> None:
    async with engine(10.0) as model, engine(10.0) as voice:
        asker = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", _ASKER, str(model.port), str(voice.port))
        )
        await voice.until("T")
        asker.kill()
        await asker.wait()
        await voice.until("R", "S")
        await model.until("R", "S")


_ASKER = """
import asyncio, sys
from agent.local.hold import Neighbours
async def main():
    async with Neighbours(int(sys.argv[1]), int(sys.argv[2])).resting():
        await asyncio.sleep(60)
asyncio.run(main())
"""


async def test_engines_that_are_not_there_are_not_waited_for() -> None:
    numbers = ports.free()
    async with asyncio.timeout(10), Neighbours(numbers["llm"], numbers["tts"]).resting():
        await asyncio.sleep(0)


async def test_two_who_ask_at_once_are_one() -> None:
    async with engine(10.0) as model, engine(10.0) as voice:
        neighbours = Neighbours(model.port, voice.port)
        async with neighbours.resting():
            async with neighbours.resting():
                await voice.until("T")
            async with asyncio.timeout(10):
                before = neighbours.rests
                while neighbours.rests == before:  # it is asked again for the other
                    await asyncio.sleep(0.01)


def test_rest_is_limited() -> None:
    budget = Budget(0.0)
    assert budget.left(0.0) == MOST
    budget.spend(MOST)
    assert budget.left(0.0) == 0.0
    assert budget.left(2.0) == pytest.approx(2.0 * SHARE)
    assert budget.left(1000.0) == MOST
    assert LONGEST < MOST


@pytest.mark.skipif(os.getuid() != 0, reason="only root can be somebody else")
async def test_other_users_are_not_obeyed() -> None:
    async with engine(10.0) as voice, engine(10.0) as model:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            somebody = struct.pack("3i", os.getpid(), 12345, 12345)
            until = struct.pack("d", time.monotonic() + 60)
            ancillary = [(socket.SOL_SOCKET, socket.SCM_CREDENTIALS, somebody)]
            sock.sendmsg([until], ancillary, 0, f"\0parley-hold-{voice.port}")
            # Whoever comes after it is heard after it.
            async with Neighbours(voice=model.port, model=voice.port).resting():
                await voice.until("T")

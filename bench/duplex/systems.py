"""The systems under test, each a program of its own that does as it is told."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, BinaryIO

from agent.models.store import cache
from harness import report

SYSTEMS = ("parley", "stock", "pipecat", "parley-stream")
STREAM = "parley-stream"
"""The one that is called over a provider's media stream; the others are in a room."""

_MODULES = {"pipecat": "pipecat_host", STREAM: "stream_host"}
"""Their programs; LiveKit's own has the others."""

_ANSWER = 40.0
"""Longest wait for an answer, in seconds; the first order waits for imports."""


class SystemFailure(Exception):
    """A system under test failed; the text says how."""


class Host:
    """One such program, in one room or call at a time. Made by :func:`start`."""

    def __init__(
        self, name: str, process: asyncio.subprocess.Process, answers: asyncio.StreamReader
    ) -> None:
        self.name = name
        self._process = process
        self._answers = answers

    async def order(self, what: str, **details: str | bool) -> dict[str, Any]:
        """Have the system do something.

        Raises:
            SystemFailure: It could not be done, or not in time.
        """
        assert self._process.stdin
        self._process.stdin.write(json.dumps({"do": what, **details}).encode() + b"\n")
        answer = await self.answer()
        if error := answer.get("error"):
            raise SystemFailure(f"{self.name} could not {what}: {error}")
        return answer

    def kill(self) -> None:
        """End it, whatever it does."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    async def answer(self) -> dict[str, Any]:
        """Read the next answer."""
        try:
            async with asyncio.timeout(_ANSWER):
                line = await self._answers.readline()
        except TimeoutError:
            raise SystemFailure(f"{self.name} does not answer") from None
        if not line:
            raise SystemFailure(f"{self.name} ended by itself: see its log")
        answer: dict[str, Any] = json.loads(line)
        return answer


@contextlib.asynccontextmanager
async def start(name: str, slot: int) -> AsyncIterator[Host]:
    """Start a system.

    Args:
        name: One of :data:`SYSTEMS`.
        slot: Number that tells its log from those of others of its kind.

    Raises:
        SystemFailure: It does not start.
    """
    python = str(pipecat_python()) if name == "pipecat" else sys.executable
    command = [python, "-m", f"bench.duplex.{_MODULES.get(name, 'livekit_host')}", name]
    log = report.OUT / "duplex" / f"{name}-{slot}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    async with _pipe() as (answers, end):
        # Its end of the pipe is closed here: once the host has ended, so have the answers.
        with end, log.open("wb") as file:
            process = await asyncio.create_subprocess_exec(
                *(*command, str(end.fileno())),
                stdin=asyncio.subprocess.PIPE,
                stdout=file,
                stderr=file,
                pass_fds=(end.fileno(),),
                env={
                    **os.environ,
                    "LIVEKIT_AGENTS_PRELOAD_LOCAL_INFERENCE": "0",
                    "OPENBLAS_NUM_THREADS": "1",  # as agent.py sets it
                },
                process_group=0,  # in one session with the engines, as in a stack
            )
        host = Host(name, process, answers)
        try:
            await host.answer()
            yield host
        finally:
            host.kill()
            await process.wait()


@contextlib.asynccontextmanager
async def _pipe() -> AsyncIterator[tuple[asyncio.StreamReader, BinaryIO]]:
    """What is written to the second is read from the first."""
    reading, writing = os.pipe()
    reader = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(reading, "rb")
    )
    try:
        yield reader, os.fdopen(writing, "wb")
    finally:
        transport.close()


def pipecat_python() -> Path:
    """The Python of Pipecat's environment, which ``scripts/setup_pipecat.sh`` makes."""
    return cache() / "pipecat" / "bin" / "python"


async def set_up_pipecat() -> None:
    """Install Pipecat, unless it is installed already.

    Raises:
        SystemFailure: It cannot be installed; why is on standard error.
    """
    process = await asyncio.create_subprocess_exec("scripts/setup_pipecat.sh")
    if await process.wait():
        raise SystemFailure("pipecat could not be installed")

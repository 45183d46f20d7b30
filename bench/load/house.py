"""The agent server on the first core, and all that its callers need on the others."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from agent.stack import Server, footprint
from agent.stack.ports import LOOPBACK, free

from .. import programs
from . import engines
from .network import HERE, Impairment, namespace

CALLERS = 4
"""Callers to a process: each sends a frame every 20 ms."""
_WITHOUT_CALLS = 3
"""Processes of an agent server besides those that hold a call or wait for one."""
_STARTING, _LOOK_EVERY, _STEADY = 120.0, 2.0, 3.0
"""Longest wait for the processes that wait for calls, and how they are known to be there: between
two looks, in seconds, their memory has grown by less than so many MiB."""


@dataclass(frozen=True)
class House:
    """livekit-server, engines that answer at once, and the agent server."""

    livekit: Server
    agent: psutil.Process
    idle: float
    """Memory of the agent server in MiB, with the processes that wait for calls."""
    where: Sequence[str]
    """The beginning of a command that runs where the callers' network is; may be empty."""
    callers: Sequence[str] = ()
    """The beginning of a command that keeps callers on their cores; may be empty."""

    async def call(self, languages: Sequence[str], seconds: float) -> list[dict[str, Any]]:
        """Hold a conversation in each of these languages at once.

        Returns:
            What each caller measured (:class:`.caller.Measured`).

        Raises:
            RuntimeError: The callers failed; what they said of it is on standard error.
        """
        with tempfile.TemporaryDirectory(prefix="parley-callers-") as folder:
            rows = Path(folder) / "rows.jsonl"
            process = await asyncio.create_subprocess_exec(
                *(*self.where, *self.callers, sys.executable, "-m", "bench.load.caller"),
                *(self.livekit.url, self.livekit.api_key, self.livekit.api_secret),
                *("--seconds", str(seconds), "--languages", *languages, "--rows", str(rows)),
            )
            try:
                await process.wait()
            finally:
                if process.returncode is None:
                    process.kill()
                    await process.wait()
            if process.returncode:
                raise RuntimeError(
                    f"Callers in {', '.join(languages)} ended with {process.returncode}."
                )
            return [json.loads(line) for line in rows.read_text(encoding="utf-8").splitlines()]


@contextlib.asynccontextmanager
async def opened(
    rooms: int, impairment: Impairment | None = None, engines_at: str | None = None
) -> AsyncIterator[House]:
    """Start all of it, once the agent server waits for calls, until the context ends.

    Args:
        rooms: Calls that the agent server takes at once.
        impairment: What happens to the callers' packets.
        engines_at: Base URL of engines that run already, beside which nothing is kept on cores of
            its own. If None there are some that answer at once, and the agent has the first core.

    Raises:
        TimeoutError: The agent server was not ready after 120 s.
    """
    async with contextlib.AsyncExitStack() as stack:
        where: Sequence[str] = ()
        if impairment:
            where = await stack.enter_async_context(namespace(impairment))
        livekit = await stack.enter_async_context(programs.livekit(HERE if where else LOOPBACK))
        agents, callers = _pinned("0"), _pinned(f"1-{(os.cpu_count() or 2) - 1}")
        if engines_at:
            url, agents, callers = engines_at, [], []
        else:
            url = await stack.enter_async_context(engines.serve())
        agent = await stack.enter_async_context(_agent(livekit, url, rooms, agents))
        yield House(livekit, agent, await _waiting(agent), where, callers)


def family(process: psutil.Process) -> list[psutil.Process]:
    """A process and all that it has started."""
    return [process, *process.children(recursive=True)]


def processor_time(process: psutil.Process) -> float:
    """Seconds that a process and those that it has started have used, those that ended included."""
    used = 0.0
    for member in family(process):
        with contextlib.suppress(psutil.NoSuchProcess):  # it has ended since, and is its parent's
            times = member.cpu_times()
            used += times.user + times.system + times.children_user + times.children_system
    return used


def memory(process: psutil.Process) -> float:
    """Memory of a process and those that it has started in MiB, what they share counted once."""
    return sum(footprint.memory([process]).values()) / 2**20


async def _waiting(agent: psutil.Process) -> float:
    """Wait until the processes that wait for calls are there, and return the memory of all."""
    async with asyncio.timeout(_STARTING):
        now = memory(agent)
        while True:
            await asyncio.sleep(_LOOK_EVERY)
            before, now = now, memory(agent)
            if len(family(agent)) > _WITHOUT_CALLS and abs(now - before) < _STEADY:
                return now


def _pinned(cores: str) -> list[str]:
    """The beginning of a command that keeps to some cores."""
    return ["taskset", "-c", cores]


@contextlib.asynccontextmanager
async def _agent(
    server: Server, url: str, rooms: int, pinned: Sequence[str]
) -> AsyncIterator[psutil.Process]:
    port = free()["agent"]
    variables = {
        "LIVEKIT_URL": server.url,
        "LIVEKIT_API_KEY": server.api_key,
        "LIVEKIT_API_SECRET": server.api_secret,
        "PARLEY_PROFILE": "gpu",
        "PARLEY_LLM__BASE_URL": url,
        "PARLEY_STT__BASE_URL": url,
        "PARLEY_STT__REALTIME": "false",
        "PARLEY_TTS__BASE_URL": url,
        "PARLEY_MAX_ROOMS": str(rooms),
        "PARLEY_MAX_MINUTES": "1440",  # a caller may stay for hours here
        "PARLEY_PORT_AGENT": str(port),
        "PARLEY_PORT_METRICS": "0",
    }
    start = [*pinned, sys.executable, "agent.py", "start", "--drain-timeout", "1"]
    health = f"http://{LOOPBACK}:{port}"
    async with programs.running(f"agent-{rooms}", start, variables, health) as pid:
        yield psutil.Process(pid)

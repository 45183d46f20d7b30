"""How many rooms a core holds: ``make bench-load``, 12 minutes; ``make bench-load ROOMS=8``.

Callers in real rooms ask, are silent and speak over the agent, half of them in English and half in
Chinese. The agent server is the real one, kept on the first core; callers, engines that answer at
once and livekit-server are on the others. There are more and more rooms until the callers' P95 of
voice to voice is 20 % above what it is in one: the last number before that is what a core holds.
With ``ARGS="--loss 0.03 --jitter 0.03"`` the callers' network loses and delays packets
(:mod:`.network`; for root).
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import json
import os
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

import psutil

from agent.stack import Server
from agent.stack.ports import LOOPBACK, free
from harness import report

from .. import programs
from . import engines
from .network import HERE, Impairment, namespace

_CALLERS = 4
"""Callers to a process: each sends a frame every 10 ms."""
_ROOMS = [1, 2, 4, 6, 8, 10, 12, 16]
_GROWTH = 1.2
_REFERENCE = 120.0
"""Seconds of conversation, of all rooms together, that are measured at least."""
_SETTLING = 8.0
"""Seconds in which the rooms are made; the processor is measured after them."""
_WITHOUT_CALLS = 3
"""Processes of an agent server besides those that hold a call or wait for one."""
_STARTING, _LOOK_EVERY, _STEADY = 120.0, 2.0, 3.0
"""Longest wait for the processes that wait for calls, and how they are known to be there: between
two looks, in seconds, their memory has grown by less than so many MiB."""


async def main() -> None:
    """Measure each number of rooms, and report."""
    parser = argparse.ArgumentParser(prog="make bench-load ARGS=…", description=__doc__)
    parser.add_argument("--rooms", type=int, nargs="+", default=_ROOMS)
    parser.add_argument("--seconds", type=float, default=60.0, help="of each number of rooms (60)")
    parser.add_argument("--loss", type=float, default=0.0, help="share of packets, 0 to 1")
    parser.add_argument("--jitter", type=float, default=0.0, help="greatest delay in seconds")
    args = parser.parse_args()
    impairment = Impairment(args.loss, args.jitter) if args.loss or args.jitter else None
    metrics: dict[str, report.Metric] = {}
    held, alone = 0, 0.0
    for rooms in args.rooms:
        # One room has few turns: as many of them as give a P95 that can be compared with.
        seconds = max(args.seconds, _REFERENCE / rooms)
        found = summarise(rooms, await measure(rooms, seconds, impairment))
        metrics |= found
        latency = found.get(f"voice_to_voice.rooms{rooms}")
        if latency is None or found[f"unanswered.rooms{rooms}"]["value"]:
            break
        alone = alone or latency["p95"]
        if latency["p95"] > _GROWTH * alone:
            break
        held = rooms
    metrics["rooms_per_core"] = {"value": held, "n": len(args.rooms), "unit": "rooms"}
    network = f", {args.loss:.0%} lost, {args.jitter * 1000:.0f} ms jitter" if impairment else ""
    report.write("load", metrics, profile=f"gpu, instant engines{network}")


@dataclass(frozen=True)
class Measured:
    """What was measured with one number of rooms."""

    callers: Sequence[dict[str, Any]]
    """What each measured."""
    cpu: float
    """Seconds of processor time that the agent server and its jobs used in a second."""
    others: float
    """The same of callers, engines and livekit-server."""
    memory: float
    """Of the agent server and its jobs in MiB, what they share counted once."""
    idle: float
    """The same before there were rooms, with the processes that wait for them."""


def summarise(rooms: int, measured: Measured) -> dict[str, report.Metric]:
    """The figures of one number of rooms."""
    callers = measured.callers

    def of(what: str) -> list[float]:
        return [value * 1000 for caller in callers for value in caller[what]]

    joined = [c["join_time"] * 1000 for c in callers if c["join_time"] is not None]
    found: dict[str, report.Metric] = {}
    for name, values in (
        ("voice_to_voice", of("voice_to_voice")),
        ("stop_latency", of("stop_latency")),
        ("join_time", joined),
    ):
        if values:
            found[f"{name}.rooms{rooms}"] = report.percentiles(values, "ms")
    for name in ("unanswered", "not_stopped"):
        found[f"{name}.rooms{rooms}"] = report.total([c[name] for c in callers], "turns")
    for name, value, unit in (
        ("cpu_per_room", measured.cpu / rooms * 1000, "ms/s"),
        ("cpu_of_callers", measured.others * 1000, "ms/s"),
        ("memory_per_room", (measured.memory - measured.idle) / rooms, "MiB"),
        ("memory", measured.memory, "MiB"),
    ):
        found[f"{name}.rooms{rooms}"] = {"value": round(value, 1), "n": rooms, "unit": unit}
    return found


async def measure(rooms: int, seconds: float, impairment: Impairment | None) -> Measured:
    """Hold that many conversations at once."""
    async with contextlib.AsyncExitStack() as stack:
        where: Sequence[str] = ()
        if impairment:
            where = await stack.enter_async_context(namespace(impairment))
        server = await stack.enter_async_context(programs.livekit(HERE if where else LOOPBACK))
        url = await stack.enter_async_context(engines.serve())
        agent = await stack.enter_async_context(_agent(server, url, rooms))
        everything = psutil.Process()
        idle = await _waiting(agent)
        languages = list(itertools.islice(itertools.cycle(("en", "zh")), rooms))
        groups = [languages[i : i + _CALLERS] for i in range(0, rooms, _CALLERS)]
        async with asyncio.TaskGroup() as tasks:
            calls = [tasks.create_task(_callers(where, server, group, seconds)) for group in groups]
            await asyncio.sleep(_SETTLING)
            before, began = _Used.by(agent, everything), asyncio.get_running_loop().time()
            await asyncio.sleep(max(1.0, seconds - _SETTLING))
            after, lasted = _Used.by(agent, everything), asyncio.get_running_loop().time() - began
            memory = _memory(agent)
    cpu = (after.agent - before.agent) / lasted
    others = (after.everything - before.everything) / lasted - cpu
    return Measured([c for call in calls for c in call.result()], cpu, others, memory, idle)


async def _waiting(agent: psutil.Process) -> float:
    """Wait until the processes that wait for calls are there, and return the memory of all."""
    async with asyncio.timeout(_STARTING):
        memory = _memory(agent)
        while True:
            await asyncio.sleep(_LOOK_EVERY)
            before, memory = memory, _memory(agent)
            if len(_family(agent)) > _WITHOUT_CALLS and abs(memory - before) < _STEADY:
                return memory


@contextlib.asynccontextmanager
async def _agent(server: Server, url: str, rooms: int) -> AsyncIterator[psutil.Process]:
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
    start = ["taskset", "-c", "0", sys.executable, "agent.py", "start", "--drain-timeout", "1"]
    health = f"http://{LOOPBACK}:{port}"
    async with programs.running(f"agent-{rooms}", start, variables, health) as pid:
        yield psutil.Process(pid)


async def _callers(
    where: Sequence[str], server: Server, languages: list[str], seconds: float
) -> list[dict[str, Any]]:
    cores = f"1-{(os.cpu_count() or 2) - 1}"
    process = await asyncio.create_subprocess_exec(
        *(*where, "taskset", "-c", cores, sys.executable, "-m", "bench.load.caller"),
        *(server.url, server.api_key, server.api_secret),
        *("--seconds", str(seconds), "--languages", *languages),
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        out, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return [json.loads(line) for line in out.splitlines()]


def _family(process: psutil.Process) -> list[psutil.Process]:
    return [process, *process.children(recursive=True)]


@dataclass(frozen=True)
class _Used:
    """Seconds of processor time until now."""

    agent: float
    everything: float

    @classmethod
    def by(cls, agent: psutil.Process, everything: psutil.Process) -> _Used:
        return cls(_processor_time(agent), _processor_time(everything))


def _processor_time(process: psutil.Process) -> float:
    """Seconds that a process and those that it has started have used, those that ended included."""
    times = [member.cpu_times() for member in _family(process)]
    return sum(t.user + t.system + t.children_user + t.children_system for t in times)


def _memory(process: psutil.Process) -> float:
    """Memory of the agent server and its jobs in MiB, what they share counted once."""
    return sum(member.memory_full_info().pss for member in _family(process)) / 2**20


if __name__ == "__main__":
    # Callers, engines and livekit-server leave the first core to the agent.
    os.sched_setaffinity(0, set(range(1, os.cpu_count() or 2)) or {0})
    asyncio.run(main())

"""How many rooms a core holds: ``make bench-load ARGS="--rooms 1 2 4 8"``.

Callers in real rooms ask, are silent and speak over the agent, half of them in English and half in
Chinese. The agent server is the real one, kept on the first core; callers, engines that answer at
once and livekit-server are on the others. A core holds as many rooms as leave the callers' P95 of
voice to voice within 20 % of what it is in one room.
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
from typing import Any

import psutil

from agent.stack import Server
from agent.stack.ports import LOOPBACK, free
from harness import report

from .. import programs
from . import engines

_CALLERS = 4
"""Callers to a process: each sends a frame every 10 ms."""
_GROWTH = 1.2
_SETTLING = 8.0
"""Seconds in which the rooms are made; the processor is measured after them."""


async def main() -> None:
    """Measure each number of rooms, and report."""
    parser = argparse.ArgumentParser(prog="make bench-load ARGS=…", description=__doc__)
    parser.add_argument("--rooms", type=int, nargs="+", default=[1, 2, 4, 6, 8, 12])
    parser.add_argument("--seconds", type=float, default=60.0, help="of each number of rooms (60)")
    args = parser.parse_args()
    metrics: dict[str, report.Metric] = {}
    held, alone = 0, 0.0
    for rooms in args.rooms:
        callers, cpu, memory = await measure(rooms, args.seconds)
        found = summarise(rooms, callers, cpu, memory)
        metrics |= found
        p95 = found[f"voice_to_voice.rooms{rooms}"]["p95"]
        alone = alone or p95
        if p95 <= _GROWTH * alone and not found[f"unanswered.rooms{rooms}"]["value"]:
            held = rooms
    metrics["rooms_per_core"] = {"value": held, "n": len(args.rooms), "unit": "rooms"}
    report.write("load", metrics, profile="gpu, instant engines")


def summarise(
    rooms: int, callers: Sequence[dict[str, Any]], cpu: float, memory: float
) -> dict[str, report.Metric]:
    """The figures of one number of rooms."""

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
    found[f"cpu_per_room.rooms{rooms}"] = {"value": round(cpu, 1), "n": rooms, "unit": "ms/s"}
    found[f"memory_per_room.rooms{rooms}"] = {"value": round(memory, 1), "n": rooms, "unit": "MiB"}
    return found


async def measure(rooms: int, seconds: float) -> tuple[list[dict[str, Any]], float, float]:
    """Hold that many conversations at once.

    Returns:
        What each caller measured, the agent's milliseconds of processor time a second and room,
        and what a room adds to the memory of its processes, in MiB.
    """
    async with (
        programs.livekit() as server,
        engines.serve() as url,
        _agent(server, url, rooms) as agent,
    ):
        idle = _memory(agent)
        languages = list(itertools.islice(itertools.cycle(("en", "zh")), rooms))
        groups = [languages[i : i + _CALLERS] for i in range(0, rooms, _CALLERS)]
        calls = asyncio.gather(*(_callers(server, group, seconds) for group in groups))
        await asyncio.sleep(_SETTLING)
        before, began = _processor_time(agent), asyncio.get_running_loop().time()
        await asyncio.sleep(max(1.0, seconds - _SETTLING))
        used = _processor_time(agent) - before
        lasted = asyncio.get_running_loop().time() - began
        memory = (_memory(agent) - idle) / rooms
        callers = [caller for group in await calls for caller in group]
    return callers, used / lasted / rooms * 1000, memory


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
        "PARLEY_PORT_AGENT": str(port),
        "PARLEY_PORT_METRICS": "0",
    }
    start = ["taskset", "-c", "0", sys.executable, "agent.py", "start", "--drain-timeout", "1"]
    health = f"http://{LOOPBACK}:{port}"
    async with programs.running(f"agent-{rooms}", start, variables, health) as pid:
        yield psutil.Process(pid)


async def _callers(server: Server, languages: list[str], seconds: float) -> list[dict[str, Any]]:
    cores = f"1-{(os.cpu_count() or 2) - 1}"
    process = await asyncio.create_subprocess_exec(
        *("taskset", "-c", cores, sys.executable, "-m", "bench.load.caller"),
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


def _processor_time(process: psutil.Process) -> float:
    """Seconds that the agent server and its jobs have used, those that have ended included."""
    times = [member.cpu_times() for member in _family(process)]
    ended = process.cpu_times()
    return sum(t.user + t.system for t in times) + ended.children_user + ended.children_system


def _memory(process: psutil.Process) -> float:
    """Memory of the agent server and its jobs in MiB, what they share counted once."""
    return sum(member.memory_full_info().pss for member in _family(process)) / 2**20


if __name__ == "__main__":
    # Callers, engines and livekit-server leave the first core to the agent.
    os.sched_setaffinity(0, set(range(1, os.cpu_count() or 2)) or {0})
    asyncio.run(main())

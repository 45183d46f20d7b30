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
import itertools
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psutil

from harness import report

from .house import CALLERS, House, memory, opened, processor_time
from .network import Impairment
from .records import stages

_ROOMS = [1, 2, 4, 6, 8, 10, 12, 16]
_GROWTH = 1.2
_REFERENCE = 120.0
"""Seconds of conversation, of all rooms together, that are measured at least."""
_SETTLING = 8.0
"""Seconds in which the rooms are made; the processor is measured after them."""


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
    """The figures of one number of rooms.

    Raises:
        RuntimeError: No caller has heard the agent, so that nothing was measured.
    """
    callers = measured.callers
    if all(caller["join_time"] is None for caller in callers):
        log = report.OUT / "programs" / f"agent-{rooms}.log"
        raise RuntimeError(f"No caller of {rooms} heard the agent: {log} says why.")

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
    for stage, taken in stages(turn for caller in callers for turn in caller["turns"]).items():
        found[f"stage.{stage}.rooms{rooms}"] = report.percentiles(taken, "ms")
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


async def measure(
    rooms: int,
    seconds: float,
    impairment: Impairment | None = None,
    engines_at: str | None = None,
) -> Measured:
    """Hold that many conversations at once."""
    async with opened(rooms, impairment, engines_at) as house, asyncio.TaskGroup() as tasks:
        everything = psutil.Process()
        languages = list(itertools.islice(itertools.cycle(("en", "zh")), rooms))
        groups = [languages[i : i + CALLERS] for i in range(0, rooms, CALLERS)]
        calls = [tasks.create_task(house.call(group, seconds)) for group in groups]
        await asyncio.sleep(_SETTLING)
        before, began = _Used.by(house, everything), asyncio.get_running_loop().time()
        await asyncio.sleep(max(1.0, seconds - _SETTLING))
        after, lasted = _Used.by(house, everything), asyncio.get_running_loop().time() - began
        used = memory(house.agent)
        callers = [caller for call in calls for caller in await call]
    cpu = (after.agent - before.agent) / lasted
    others = (after.everything - before.everything) / lasted - cpu
    return Measured(callers, cpu, others, used, house.idle)


@dataclass(frozen=True)
class _Used:
    """Seconds of processor time until now."""

    agent: float
    everything: float

    @classmethod
    def by(cls, house: House, everything: psutil.Process) -> _Used:
        return cls(processor_time(house.agent), processor_time(everything))


if __name__ == "__main__":
    # Callers, engines and livekit-server leave the first core to the agent.
    os.sched_setaffinity(0, set(range(1, os.cpu_count() or 2)) or {0})
    asyncio.run(main())

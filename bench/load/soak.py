"""Conversations for an hour: ``make bench-load.soak ROOMS=4``.

So many callers each hold one call of five minutes after another, half of them in English and half
in Chinese, with the real agent server on the first core, as in :mod:`bench.load`. What it takes is
looked at twice a minute. ``bench/out/load-soak.json`` compares the first quarter with the last, and
:mod:`.graph` draws what was between them.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from harness import report

from .house import House, family, memory, opened, processor_time

ROWS = report.OUT / "load-soak-rows.json"
"""Calls and looks, for :mod:`.graph`."""
_LOOK_EVERY = 30.0


@dataclass(frozen=True)
class Call:
    """One call, and what its caller measured."""

    at: float
    """Its beginning, in seconds of the soak."""
    measured: dict[str, Any] | None
    """Nothing if the caller failed."""


@dataclass(frozen=True)
class Look:
    """What the agent server and its jobs take at one moment."""

    at: float
    """Seconds of the soak."""
    memory: float
    """MiB, what they share counted once."""
    files: int
    """Open files of the server itself, which lives as long as the soak."""
    processes: int
    processor: float
    """Seconds of processor time until now."""


async def main() -> None:
    """Hold the calls, look on, and report."""
    parser = argparse.ArgumentParser(prog="make bench-load.soak ROOMS=… ARGS=…")
    parser.add_argument("--rooms", type=int, default=2, help="calls at once (2)")
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--call", type=float, default=5.0, help="minutes of one call (5)")
    args = parser.parse_args()
    calls, looks = await hold(args.rooms, args.minutes, args.call)
    metrics = summarise(calls, looks, args.minutes * 60)
    report.write("load-soak", metrics, profile=f"gpu, instant engines, {args.rooms} rooms")


async def hold(
    rooms: int, minutes: float, call: float, *, engines_at: str | None = None
) -> tuple[list[Call], list[Look]]:
    """Hold the calls and look on; both are in :data:`ROWS`, too, however it ends.

    Args:
        rooms: Calls at once.
        minutes: How long.
        call: Minutes of one call.
        engines_at: As for :func:`.house.opened`.
    """
    calls: list[Call] = []
    looks: list[Look] = []
    try:
        async with opened(rooms, engines_at=engines_at) as house, asyncio.TaskGroup() as tasks:
            began = time.monotonic()
            until = began + minutes * 60
            watching = tasks.create_task(_watch(house, began, looks))
            async with asyncio.TaskGroup() as callers:
                for number, language in zip(range(rooms), itertools.cycle(("en", "zh"))):
                    # Spread over the first call, so that they do not all begin and end together.
                    late = began + number * call * 60 / rooms
                    callers.create_task(
                        _calls(house, language, call * 60, (began, late, until), calls)
                    )
            watching.cancel()
    finally:
        ROWS.parent.mkdir(parents=True, exist_ok=True)
        kept = {"calls": [asdict(c) for c in calls], "looks": [asdict(x) for x in looks]}
        ROWS.write_text(json.dumps(kept), encoding="utf-8")
    return calls, looks


async def _calls(
    house: House,
    language: str,
    seconds: float,
    times: tuple[float, float, float],
    calls: list[Call],
) -> None:
    """Hold one call after another, from the second of these moments to the third."""
    began, first, until = times
    await asyncio.sleep(first - time.monotonic())
    while time.monotonic() + 30 < until:  # not for a few turns
        now = time.monotonic()
        try:
            (measured,) = await house.call([language], min(seconds, until - now))
        except RuntimeError:  # one of hundreds, which does not end the hour
            measured = None
        calls.append(Call(now - began, measured))


async def _watch(house: House, began: float, looks: list[Look]) -> None:
    while True:
        now = time.monotonic() - began
        used, processor = memory(house.agent), processor_time(house.agent)
        looks.append(Look(now, used, house.agent.num_fds(), len(family(house.agent)), processor))
        await asyncio.sleep(_LOOK_EVERY)


def summarise(
    calls: Sequence[Call], looks: Sequence[Look], whole: float
) -> dict[str, report.Metric]:
    """The figures of all of it, and of its first and last quarter.

    The first minute of looks is left out, in which the first calls begin.

    Args:
        calls: All calls.
        looks: All looks.
        whole: Seconds of the soak.
    """
    held = [(call.at, call.measured) for call in calls if call.measured]
    metrics: dict[str, report.Metric] = {}
    for name in ("unanswered", "not_stopped"):
        metrics[name] = report.total([measured[name] for _, measured in held], "turns")
    metrics["calls"] = report.total([1 for _ in calls], "calls")
    metrics["calls_failed"] = report.total([c.measured is None for c in calls], "calls")
    metrics["calls_unheard"] = report.total([m["join_time"] is None for _, m in held], "calls")
    joined = [m["join_time"] * 1000 for _, m in held if m["join_time"] is not None]
    if joined:
        metrics["join_time"] = report.percentiles(joined, "ms")
    for name, begin, end in (
        ("whole", 0.0, whole),
        ("first_quarter", 0.0, whole / 4),
        ("last_quarter", whole * 3 / 4, whole),
    ):
        for what in ("voice_to_voice", "stop_latency"):
            values = [
                value * 1000
                for at, measured in held
                if begin <= at < end
                for value in measured[what]
            ]
            if values:
                metrics[f"{what}.{name}"] = report.percentiles(values, "ms")
        within = [look for look in looks if max(60.0, begin) <= look.at <= end]
        if len(within) < 2:
            continue
        took = (within[-1].processor - within[0].processor) / (within[-1].at - within[0].at)
        for what, value, unit in (
            ("memory", float(np.median([look.memory for look in within])), "MiB"),
            ("files", float(np.median([look.files for look in within])), "files"),
            ("processor", took * 1000, "ms/s"),
        ):
            metrics[f"{what}.{name}"] = {
                "value": round(value, 1),
                "n": len(within),
                "unit": unit,
            }
    return metrics


if __name__ == "__main__":
    os.sched_setaffinity(0, set(range(1, os.cpu_count() or 2)) or {0})
    asyncio.run(main())

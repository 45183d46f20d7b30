"""The whole room on one GPU: ``python -m bench.gpu_room --llm URL --tts URL --stt URL``.

Callers in real rooms, as for ``make bench-load``, before vLLM and vllm-omni with random weights of
the true shape (:mod:`.load.random_weights`) and a recogniser (:mod:`.load.recogniser`): voice to
voice and barge-in on the callers' own clock, each stage and decision from the agent's records
(:func:`.load.records.of_turns`), how soon the engines are idle after a hang-up (of one room alone),
the recogniser's batches, and the GPU.
Writes ``bench/out/gpu-room.json``, anew after each number of rooms, and beside it each batch.
With ``--soak MINUTES`` one call follows another, as for ``make bench-load.soak``.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

import aiohttp

from harness import report

from .load import soak
from .load.__main__ import measure, summarise
from .load.random_weights import Behind, serve
from .load.records import of_turns

_LOOK_EVERY = 1.0


async def main() -> None:
    """Measure each number of rooms, and report."""
    parser = argparse.ArgumentParser(prog="python -m bench.gpu_room", description=__doc__)
    parser.add_argument("--llm", default="http://127.0.0.1:8000", help="root of vLLM")
    parser.add_argument("--tts", default="http://127.0.0.1:8091", help="root of vllm-omni")
    parser.add_argument("--stt", default="", help="root of a recogniser; else 150 ms of waiting")
    parser.add_argument("--unguided", action="store_true", help="no guided decoding: any tokens")
    parser.add_argument("--rooms", type=int, nargs="+", default=[1, 4, 8, 16])
    parser.add_argument("--seconds", type=float, nargs="+", help="of each (60, and 90 of one room)")
    parser.add_argument("--name", default="gpu-room", help="of the file that is written")
    parser.add_argument("--soak", type=float, help="minutes of calls after calls, in place of that")
    parser.add_argument("--call", type=float, default=1.0, help="minutes of one of them (1)")
    args = parser.parse_args()
    seconds = args.seconds or [90.0 if rooms == 1 else 60.0 for rooms in args.rooms]
    if len(seconds) not in (1, len(args.rooms)):
        parser.error("give one number of seconds, or one for each number of rooms")
    seconds = seconds * len(args.rooms) if len(seconds) == 1 else seconds
    metrics: dict[str, report.Metric] = {}
    for rooms, lasting in zip(args.rooms, seconds, strict=True):
        guided = not args.unguided
        behind = Behind(args.llm, args.tts, args.stt, guided=guided, watched=rooms == 1)
        if args.stt:
            await _batches(args.stt)  # those of others
        async with serve(behind) as url, _watched() as gpu:
            if args.soak:
                calls, looks = await soak.hold(rooms, args.soak, args.call, engines_at=url)
                soaked = soak.summarise(calls, looks, args.soak * 60)
                metrics |= {f"soak.{key}.rooms{rooms}": found for key, found in soaked.items()}
            else:
                measured = await measure(rooms, lasting, engines_at=url)
                metrics |= summarise(rooms, measured)
                turns = [turn for caller in measured.callers for turn in caller["turns"]]
                metrics |= of_turns(turns, rooms)
        metrics |= _seen(behind, gpu, rooms)
        if args.stt:
            heard = await _batches(args.stt)
            metrics |= of_batches(heard["batches"], rooms)
            told = "eager: " + heard["eager"] if heard["eager"] else "a CUDA graph"
            print(f"the recogniser's decoder is {told}", flush=True)
            rows = report.OUT / f"{args.name}-batches-{rooms}.json"
            rows.parent.mkdir(parents=True, exist_ok=True)
            rows.write_text(json.dumps(heard), encoding="utf-8")
        report.write(args.name, metrics, profile="gpu, random weights")


def _seen(behind: Behind, gpu: _Gpu, rooms: int) -> dict[str, report.Metric]:
    """What engines and the GPU did meanwhile."""
    metrics: dict[str, report.Metric] = {}
    if behind.idle:
        idle = [seconds * 1000 for seconds in behind.idle]
        metrics[f"engine_idle.rooms{rooms}"] = report.percentiles(idle, "ms")
    count = len(behind.failed)
    metrics[f"refused.rooms{rooms}"] = {"value": count, "n": 1, "unit": "requests"}
    for said in sorted(set(behind.failed))[:5]:
        print(said, flush=True)
    for key, unit, values in (("gpu_use", "%", gpu.used), ("gpu_memory", "MiB", gpu.memory)):
        if values:
            metrics[f"{key}.rooms{rooms}"] = report.percentiles(values, unit)
    if len(gpu.memory) > 1:
        grown = gpu.memory[-1] - gpu.memory[0]
        metrics[f"gpu_memory_grown.rooms{rooms}"] = {"value": grown, "n": 1, "unit": "MiB"}
    return metrics


async def _batches(stt: str) -> dict[str, Any]:
    """What the recogniser did since it was last asked."""
    async with (
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session,
        session.get(f"{stt}/batches") as answer,
    ):
        answer.raise_for_status()
        heard: dict[str, Any] = await answer.json()
    return heard


def of_batches(batches: Sequence[dict[str, Any]], rooms: int) -> dict[str, report.Metric]:
    """How long the recogniser took for its batches, and how long the first of each had waited."""
    metrics: dict[str, report.Metric] = {}
    for key, unit, factor in (
        ("waited", "ms", 1000),
        ("heard", "ms", 1000),
        ("took", "ms", 1000),
        ("requests", "requests", 1),
        ("tokens", "tokens", 1),
    ):
        if batches:
            values = [factor * batch[key] for batch in batches]
            metrics[f"stt_batch.{key}.rooms{rooms}"] = report.percentiles(values, unit)
    return metrics


class _Gpu:
    """What a GPU has said of itself."""

    def __init__(self) -> None:
        self.used: list[float] = []
        """Share of the time in which it had something to do, in per cent."""
        self.memory: list[float] = []
        """MiB, of everything on it."""

    async def look(self) -> None:
        """Ask it again and again; ends at once where there is none."""
        query = ("--query-gpu=utilization.gpu,memory.used", "--format=csv,noheader,nounits")
        while True:
            try:
                process = await asyncio.create_subprocess_exec(
                    "nvidia-smi", *query, stdout=asyncio.subprocess.PIPE
                )
            except FileNotFoundError:
                return
            out, _ = await process.communicate()
            with contextlib.suppress(ValueError):
                used, memory = (float(value) for value in out.decode().splitlines()[0].split(","))
                self.used.append(used)
                self.memory.append(memory)
            await asyncio.sleep(_LOOK_EVERY)


@contextlib.asynccontextmanager
async def _watched() -> AsyncIterator[_Gpu]:
    gpu = _Gpu()
    task = asyncio.ensure_future(gpu.look())
    try:
        yield gpu
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


if __name__ == "__main__":
    asyncio.run(main())

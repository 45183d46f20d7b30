"""The whole bridge: from a question's text to the first audio of its answer, and what a stop frees.

``python -m bench.bridge http://127.0.0.1:8090 --engines http://… http://…``. First separate
conversations, several at once; then many in a row; then stops, after which the engines' own gauges
of running requests are read until they are zero.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

import aiohttp

from harness import report
from harness.playback import BYTES_PER_SECOND, gap_free

QUESTIONS = (
    "What should I cook tonight?",
    "今天晚上吃什么好？",
    "And without the oven?",
    "不用烤箱呢？",
)
_DEADLINE = 30.0
# vllm-omni's vllm:num_requests_running goes stale when nothing runs; its own gauge does not.
_RUNNING = re.compile(
    r"^(?:vllm_omni:num_requests_running|llamacpp:requests_processing)(?:\{[^}]*\})? ([0-9.e+]+)",
    re.M,
)
_LLM_RUNNING = re.compile(r"^vllm:num_requests_running(?:\{[^}]*\})? ([0-9.e+]+)", re.M)


@dataclass(frozen=True)
class Turn:
    """An answer as the client saw it, in seconds."""

    first: float
    gap_free: float
    total: float
    audio: float


async def turn(session: aiohttp.ClientSession, url: str, number: int) -> Turn | None:
    """Ask something new, and receive the whole answer; None if that failed."""
    body = {"text": QUESTIONS[number % len(QUESTIONS)], "conversation": uuid.uuid4().hex}
    start = time.perf_counter()
    arrivals: list[tuple[float, float]] = []
    try:
        async with (
            asyncio.timeout(_DEADLINE),
            session.post(f"{url}/bridge/chat", json=body) as response,
        ):
            response.raise_for_status()
            async for chunk in response.content.iter_any():
                arrivals.append((time.perf_counter() - start, len(chunk) / BYTES_PER_SECOND))
    except (aiohttp.ClientError, TimeoutError):
        return None
    if not arrivals:
        return None
    return Turn(
        first=arrivals[0][0],
        gap_free=gap_free(arrivals),
        total=time.perf_counter() - start,
        audio=sum(length for _, length in arrivals),
    )


def summarise(key: str, turns: Sequence[Turn | None]) -> dict[str, report.Metric]:
    """Figures of one load; times in milliseconds."""
    good = [t for t in turns if t]
    found = {f"failed.{key}": report.total([t is None for t in turns], "conversations")}
    if good:
        found |= {
            f"first_audio.{key}": report.percentiles([1000 * t.first for t in good], "ms"),
            f"gap_free.{key}": report.percentiles([1000 * t.gap_free for t in good], "ms"),
            f"total.{key}": report.percentiles([1000 * t.total for t in good], "ms"),
            f"audio.{key}": report.percentiles([t.audio for t in good], "s"),
        }
    return found


async def running(session: aiohttp.ClientSession, engines: Sequence[str]) -> float:
    """How many requests the engines are working on, by their own account."""

    async def own(engine: str) -> float:
        async with session.get(f"{engine}/metrics") as response:
            text = await response.text()
        return sum(map(float, _RUNNING.findall(text) or _LLM_RUNNING.findall(text)))

    # Read together, they take as long as the slower of the two.
    return sum(await asyncio.gather(*map(own, engines)))


async def freed(session: aiohttp.ClientSession, url: str, engines: Sequence[str]) -> float | None:
    """Milliseconds from a stop, sent at the first audio, to engines without a request."""
    name = uuid.uuid4().hex
    body = {"text": QUESTIONS[0], "conversation": name}
    async with session.post(f"{url}/bridge/chat", json=body) as response:
        await response.content.readany()
        start = time.perf_counter()
        async with session.post(f"{url}/bridge/stop", json={"conversation": name}) as stopped:
            await stopped.read()
        while time.perf_counter() - start < 5.0:
            if not await running(session, engines):
                return 1000 * (time.perf_counter() - start)
    return None


async def measure(
    url: str, engines: Sequence[str], conversations: Sequence[int], *, row: int, stops: int
) -> dict[str, report.Metric]:
    """Measure conversations at once, then a long row of them, then stops.

    Args:
        url: The bridge's address.
        engines: Addresses of the language model and the TTS, without ``/v1``.
        conversations: How many conversations are held at once, one number after another.
        row: How many are held one after another.
        stops: How many are stopped.
    """
    metrics: dict[str, report.Metric] = {}
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:
        for number in conversations:
            turns: list[Turn | None] = []
            for i in range(max(3, 32 // number) + 1):
                if i == 1:  # the first round warmed up
                    turns = []
                turns += await asyncio.gather(*(turn(session, url, i + j) for j in range(number)))
            metrics |= summarise(f"conversations{number}", turns)
        if row:
            metrics |= summarise("in_a_row", [await turn(session, url, i) for i in range(row)])
        took = [await freed(session, url, engines) for _ in range(stops)]
        if times := [t for t in took if t is not None]:
            metrics["freed_after_stop"] = report.percentiles(times, "ms")
        if took:
            metrics["never_freed"] = report.total([t is None for t in took], "stops")
    return metrics


async def _main(args: argparse.Namespace) -> None:
    metrics = await measure(
        args.url, args.engines, args.conversations, row=args.row, stops=args.stops
    )
    report.write(args.name, metrics, profile=args.profile or args.url)


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(prog="python -m bench.bridge", description=__doc__)
    parser.add_argument("url", help="the bridge's address")
    parser.add_argument(
        "--engines",
        nargs="*",
        default=["http://127.0.0.1:8000", "http://127.0.0.1:8091"],
        help="addresses of the language model and the TTS, without /v1 (the GPU scripts')",
    )
    parser.add_argument("--conversations", type=int, nargs="*", default=[1, 8, 16])
    parser.add_argument("--row", type=int, default=200, help="conversations in a row (200)")
    parser.add_argument("--stops", type=int, default=10, help="replies stopped (10)")
    parser.add_argument("--name", default="bridge", help="name of the result (bridge)")
    parser.add_argument("--profile", help="what was measured, for the record (the address)")
    asyncio.run(_main(parser.parse_args()))


if __name__ == "__main__":
    main()

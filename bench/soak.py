"""Soak: many replies at once for many minutes; what fails, and what is left behind.

Run with ``make bench-soak URL=http://host:8091/v1``. Each stream is a caller who hears reply after
reply; every fifth is interrupted at a random moment. Memory, tasks and open files are counted
after a minute, when everything that is kept has been made once, and at the end.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import os
import random
import time
from collections import Counter
from pathlib import Path

import aiohttp
from livekit.agents import APIConnectOptions, APIError
from livekit.plugins import qwen3_tts

from harness import report

from .tts import REPLIES

_ONCE = APIConnectOptions(max_retry=0)
_SETTLED = 60.0


async def call(
    tts: qwen3_tts.TTS, rng: random.Random, until: float, outcomes: Counter[str]
) -> None:
    """Receive replies until a moment of `time.monotonic`."""
    language = rng.choice(sorted(REPLIES))
    while time.monotonic() < until:
        interrupted = rng.random() < 0.2
        left = rng.uniform(0.0, 6.0) if interrupted else float("inf")  # seconds of audio
        async with tts.stream(conn_options=_ONCE, language=language) as stream:
            for token in REPLIES[language]:
                stream.push_text(token)
            stream.end_input()
            try:
                async for event in stream:
                    left -= event.frame.duration
                    if left < 0:
                        break
            except APIError as e:
                outcomes[f"error: {e.message}"] += 1
                continue
        outcomes["interrupted" if interrupted else "whole"] += 1


class Retries(logging.Handler):
    """Counts the units that were asked for again, which a listener hears as a pause at most."""

    def __init__(self, outcomes: Counter[str]) -> None:
        super().__init__(logging.WARNING)
        self._outcomes = outcomes

    def emit(self, record: logging.LogRecord) -> None:
        """Count by what was wrong."""
        self._outcomes[f"{record.getMessage()}: {getattr(record, 'error', '')}"] += 1


def left_behind() -> dict[str, float]:
    """Count what a leak would make grow."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return {
        "tasks": len(asyncio.all_tasks()),
        "files": len(os.listdir("/proc/self/fd")),
        "memory": pages * os.sysconf("SC_PAGE_SIZE") / 2**20,
    }


async def main() -> None:
    """Soak and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url", help="base URL of the TTS service, ending in /v1")
    parser.add_argument("--streams", type=int, default=16, help="callers at once (16)")
    parser.add_argument("--minutes", type=float, default=10.0, help="how long (10)")
    args = parser.parse_args()
    outcomes: Counter[str] = Counter()
    retries: Counter[str] = Counter()
    logging.getLogger("livekit.plugins.qwen3_tts").addHandler(Retries(retries))
    async with aiohttp.ClientSession() as session:
        tts = qwen3_tts.TTS(base_url=args.url, http_session=session)
        # Tasks and files are counted between two rounds of calls, when no call is running.
        counts: list[dict[str, float]] = []
        settling = min(_SETTLED, args.minutes * 30)
        for seconds in (settling, args.minutes * 60 - settling):
            until = time.monotonic() + seconds
            await asyncio.gather(
                *(call(tts, random.Random(i), until, outcomes) for i in range(args.streams))
            )
            counts.append(left_behind())
        await tts.aclose()
    errors = {text: n for text, n in outcomes.items() if text.startswith("error")}
    for text, n in (errors | retries).items():
        print(f"{n} times {text}")
    replies = outcomes.total()
    metrics: dict[str, report.Metric] = {
        "soak.replies": {"value": replies, "n": args.streams, "unit": "replies"},
        "soak.interrupted": {"value": outcomes["interrupted"], "n": replies, "unit": "replies"},
        "soak.errors": {"value": sum(errors.values()), "n": replies, "unit": "errors"},
        "soak.retries": {"value": retries.total(), "n": replies, "unit": "units"},
    }
    settled, end = counts
    for what, unit in (("tasks", "tasks"), ("files", "files"), ("memory", "MiB")):
        metrics |= {
            f"soak.{what}.settled": {"value": round(settled[what], 1), "n": 1, "unit": unit},
            f"soak.{what}.end": {"value": round(end[what], 1), "n": 1, "unit": unit},
        }
    report.write("soak", metrics, profile=f"{args.url}, {args.streams} streams")


if __name__ == "__main__":
    asyncio.run(main())

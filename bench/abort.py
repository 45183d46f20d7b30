"""Abort: how soon a server has nothing left to do when a reply is interrupted.

``python -m bench.abort llm http://127.0.0.1:8000/v1``, or ``tts`` and its address. A reply is begun
through the plugin and closed at a random moment; from then on the server's own count of running
requests (``/metrics``) is read again and again. *closed* is our side: until the stream is closed.
*zero* is the reading that says zero, *still* the last one before it that did not: the truth lies
between the two.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import re
import time
from collections.abc import Awaitable, Callable

import aiohttp
from livekit.agents import llm
from livekit.plugins import qwen3_tts, vllm

from harness import report

from .tts import REPLIES

_RUNNING = re.compile(r"^\w+:num_requests_running(?:{.*})? (\S+)$", re.MULTILINE)
_LONGEST = 0.2
"""Longest time for which a reply is taken after its first piece, in seconds."""

Begin = Callable[[], Awaitable[Callable[[], Awaitable[None]]]]
"""Begins a reply, waits for its first piece and returns what closes it."""


class Counter:
    """The server's count of running requests.

    Args:
        session: The HTTP session; one connection of it stays open.
        root: The server's address without ``/v1``.
        key: The server's bearer token.
    """

    def __init__(self, session: aiohttp.ClientSession, root: str, key: str | None) -> None:
        self._session = session
        self._url = f"{root}/metrics"
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}

    async def running(self) -> float:
        """Read the count.

        Raises:
            ValueError: The server does not count.
        """
        async with self._session.get(self._url, headers=self._headers) as response:
            counts = _RUNNING.findall(await response.text())
        if not counts:
            raise ValueError(f"{self._url} has no num_requests_running")
        return sum(float(count) for count in counts)


async def measure(begin: Begin, counter: Counter, count: int) -> dict[str, list[float]]:
    """Interrupt ``count`` replies, and return the times in milliseconds by what was timed."""
    dice = random.Random(1)
    found: dict[str, list[float]] = {"closed": [], "still": [], "zero": []}
    for _ in range(count):
        close = await begin()
        await asyncio.sleep(dice.uniform(0.0, _LONGEST))
        while not await counter.running():
            # A TTS that is far ahead of playback rests: try another moment.
            await close()
            close = await begin()
        start = time.perf_counter()
        await close()
        closed = asked = time.perf_counter()
        still = start
        async with asyncio.timeout(10.0):
            while await counter.running():
                still, asked = asked, time.perf_counter()
        times = {"closed": closed, "still": still, "zero": time.perf_counter()}
        for name, at in times.items():
            found[name].append(1000 * (at - start))
    return found


def llm_replies(model: vllm.LLM) -> Begin:
    """Replies of a language model that would never end."""

    async def begin() -> Callable[[], Awaitable[None]]:
        context = llm.ChatContext.empty()
        context.add_message(role="user", content="Tell me a long story.")
        stream = model.chat(chat_ctx=context)
        await anext(stream)
        return stream.aclose

    return begin


def tts_replies(tts: qwen3_tts.TTS) -> Begin:
    """Replies of a TTS."""

    async def begin() -> Callable[[], Awaitable[None]]:
        stream = tts.stream()
        stream.push_text(" ".join([REPLIES["en"]] * 4))
        stream.end_input()
        await anext(stream)
        return stream.aclose

    return begin


async def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(prog="python -m bench.abort", description=__doc__)
    parser.add_argument("kind", choices=["llm", "tts"])
    parser.add_argument("url", help="the service's address, ending in /v1")
    parser.add_argument("--count", type=int, default=50, help="interruptions (50)")
    args = parser.parse_args()
    async with aiohttp.ClientSession() as session:
        if args.kind == "llm":
            model = vllm.LLM(
                base_url=args.url,
                max_completion_tokens=1500,
                temperature=1.0,
                extra_body={"ignore_eos": True},
            )
            begin, end, key = llm_replies(model), model.aclose, "VLLM_API_KEY"
        else:
            tts = qwen3_tts.TTS(base_url=args.url, language="en", http_session=session)
            begin, end, key = tts_replies(tts), tts.aclose, "QWEN3_TTS_API_KEY"
        counter = Counter(session, args.url.removesuffix("/v1"), os.environ.get(key))
        try:
            found = await measure(begin, counter, args.count)
        finally:
            await end()
    metrics = {
        f"abort.{args.kind}.{name}": report.percentiles(times, "ms")
        for name, times in found.items()
    }
    within = [time <= 100.0 for time in found["zero"]]
    metrics[f"abort.{args.kind}.within_100_ms"] = {
        "value": sum(within) / len(within), "n": len(within), "unit": "of all"
    }  # fmt: skip
    report.write(f"abort-{args.kind}", metrics, profile=args.url)


if __name__ == "__main__":
    asyncio.run(main())

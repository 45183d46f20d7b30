"""TTS: first audio, holes and speed of a service as the plugin uses it.

Run with ``make bench-tts URL=http://host:8091/v1``. All streams of a round start together; each
is one reply spoken by the plugin, from its text to its audio, and ends in an error only where a
user would have noticed it. A service that makes speech more slowly than it is spoken is not asked
for more streams.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from dataclasses import dataclass

import aiohttp
import numpy as np
from livekit.agents import APIConnectOptions, APIError
from livekit.plugins import qwen3_tts

from harness import report
from harness.clicks import clicks
from harness.playback import gap_free
from harness.recording import Samples

REPLIES = {
    "en": (
        "Sure. The museum opens at nine in the morning and closes at six. "
        "If you come before noon, the line is short and the tickets are cheaper."
    ),
    "zh": "好的。博物馆早上九点开门，下午六点关门。如果你中午之前来，排队的人少，门票也便宜一些。",
}
_ONCE = APIConnectOptions(max_retry=0)
"""LiveKit would speak the reply a second time, from its beginning."""


@dataclass
class Spoken:
    """A reply as it arrived."""

    arrivals: list[tuple[float, float]]
    """For each frame: when it came, in seconds from the request, and its length in seconds."""
    samples: Samples

    @property
    def first(self) -> float:
        """Time to first audio, in seconds, including how long the plugin held it back."""
        return self.arrivals[0][0]

    @property
    def total(self) -> float:
        """Time to the last audio, in seconds."""
        return self.arrivals[-1][0]

    @property
    def audio(self) -> float:
        """Length of the speech, in seconds."""
        return sum(length for _, length in self.arrivals)

    @property
    def holes(self) -> int:
        """How often playback that began with the first byte would have run dry."""
        holes, dry_at = 0, self.first
        for at, length in self.arrivals:
            if at > dry_at + 1e-3:  # a millisecond is the clock's error, and is not heard
                holes += 1
                dry_at = at
            dry_at += length
        return holes

    @property
    def start_delay(self) -> float:
        """How long playback should have waited after the first byte so as never to run dry."""
        return gap_free(self.arrivals) - self.first


async def speak(tts: qwen3_tts.TTS, language: str) -> Spoken | None:
    """Have one reply spoken; None if it ended in an error."""
    arrivals: list[tuple[float, float]] = []
    samples: list[Samples] = []
    async with tts.stream(conn_options=_ONCE) as stream:
        start = time.perf_counter()
        stream.push_text(REPLIES[language])
        stream.end_input()
        try:
            async for event in stream:
                arrivals.append((time.perf_counter() - start, event.frame.duration))
                samples.append(np.frombuffer(event.frame.data, np.int16))
        except APIError as e:
            print(e, file=sys.stderr)
            return None
    return Spoken(arrivals, np.concatenate(samples))


def summarise(key: str, rounds: list[Spoken | None], units: int) -> dict[str, report.Metric]:
    """Figures of all rounds with the same number of streams; times in milliseconds."""
    spoken = [s for s in rounds if s]
    errors = report.total([int(s is None) for s in rounds], "errors")
    if not spoken:
        return {f"errors.{key}": errors}
    return {
        f"ttfa.{key}": report.percentiles([s.first * 1000 for s in spoken], "ms"),
        f"start_delay.{key}": report.percentiles([s.start_delay * 1000 for s in spoken], "ms"),
        f"total.{key}": report.percentiles([s.total * 1000 for s in spoken], "ms"),
        f"rtf.{key}": report.percentiles([s.total / s.audio for s in spoken], "ratio"),
        f"holes.{key}": report.total([s.holes for s in spoken], "holes"),
        # Every unit except a reply's first is joined to the one before it.
        f"units.{key}": {"value": units / len(rounds), "n": len(rounds), "unit": "a reply"},
        f"joins.{key}": {"value": units - len(rounds), "n": len(rounds), "unit": "joins"},
        f"clicks.{key}": report.total([len(clicks(s.samples)) for s in spoken], "clicks"),
        f"errors.{key}": errors,
    }


class Bench:
    """One service, asked by one TTS for each language.

    Args:
        url: Base URL of the service, ending in ``/v1``.
        rounds: How many rounds are measured for each number of streams.
    """

    def __init__(self, url: str, rounds: int) -> None:
        self._url = url
        self._rounds = rounds
        self._units = 0

    async def measure(self, language: str, numbers: list[int]) -> dict[str, report.Metric]:
        """Measure cold, then warm with growing numbers of streams."""
        trace = aiohttp.TraceConfig()
        trace.on_request_start.append(self._count)
        async with aiohttp.ClientSession(trace_configs=[trace]) as session:
            tts = qwen3_tts.TTS(base_url=self._url, language=language, http_session=session)
            cold = await speak(tts, language)
            if cold is None:
                sys.exit(f"{self._url} does not speak: see above.")
            metrics: dict[str, report.Metric] = {
                f"ttfa.cold.{language}": {"value": cold.first * 1000, "n": 1, "unit": "ms"},
                f"total.cold.{language}": {"value": cold.total * 1000, "n": 1, "unit": "ms"},
            }
            for streams in numbers:
                spoken: list[Spoken | None] = []
                for i in range(self._rounds + 1):
                    if i == 1:  # the first round warmed up what the server keeps for this number
                        spoken, self._units = [], 0
                    spoken += await asyncio.gather(*(speak(tts, language) for _ in range(streams)))
                metrics |= summarise(f"streams{streams}.{language}", spoken, self._units)
                slow = [s is None or s.total > s.audio for s in spoken]
                if 2 * sum(slow) > len(slow) and streams != numbers[-1]:
                    print(f"{language}: slower than speech at {streams} streams, no more asked")
                    break
            await tts.aclose()
        return metrics

    async def _count(self, _: object, __: object, params: aiohttp.TraceRequestStartParams) -> None:
        self._units += params.url.path.endswith("/audio/speech")


async def main() -> None:
    """Measure each language and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url", help="base URL of the TTS service, ending in /v1")
    parser.add_argument("--languages", nargs="+", choices=sorted(REPLIES), default=["zh", "en"])
    parser.add_argument("--streams", type=int, nargs="+", default=[1, 4, 8, 16, 32])
    parser.add_argument("--rounds", type=int, default=4, help="rounds for each number (4)")
    args = parser.parse_args()
    bench = Bench(args.url, args.rounds)
    metrics: dict[str, report.Metric] = {}
    for language in args.languages:
        metrics |= await bench.measure(language, args.streams)
    report.write("tts", metrics, profile=args.url)


if __name__ == "__main__":
    asyncio.run(main())

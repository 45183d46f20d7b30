"""Voice: first audio, holes and speed of a TTS service as the plugin uses it.

Run with ``make bench-tts URL=http://host:8091/v1``. All streams of a round start together; each
is one reply spoken by the plugin, from its text to its audio.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from dataclasses import dataclass

import aiohttp
import numpy as np
from livekit.plugins import qwen3_tts

from . import report

REPLIES = {
    "en": (
        "Sure. The museum opens at nine in the morning and closes at six. "
        "If you come before noon, the line is short and the tickets are cheaper."
    ),
    "zh": "好的。博物馆早上九点开门，下午六点关门。如果你中午之前来，排队的人少，门票也便宜一些。",
}


@dataclass
class Spoken:
    """A reply as it arrived."""

    arrivals: list[tuple[float, float]]
    """For each frame: when it came, in seconds from the request, and its length in seconds."""
    clicks: int
    """Jumps from one sample to the next of more than a quarter of full scale."""

    @property
    def first(self) -> float:
        """Time to first audio, in seconds."""
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
            if at > dry_at + 1e-3:  # a millisecond is the clock's, not the ear's
                holes += 1
                dry_at = at
            dry_at += length
        return holes

    @property
    def gap_free(self) -> float:
        """First audio, plus the smallest start delay with which playback never runs dry."""
        played, latest = 0.0, self.first
        for at, length in self.arrivals:
            latest = max(latest, at - played)
            played += length
        return latest


async def speak(voice: qwen3_tts.TTS, language: str) -> Spoken:
    """Have one reply spoken."""
    arrivals: list[tuple[float, float]] = []
    samples: list[np.ndarray[tuple[int], np.dtype[np.int16]]] = []
    async with voice.stream() as stream:
        start = time.perf_counter()
        stream.push_text(REPLIES[language])
        stream.end_input()
        async for event in stream:
            arrivals.append((time.perf_counter() - start, event.frame.duration))
            samples.append(np.frombuffer(event.frame.data, np.int16))
    jumps = np.abs(np.diff(np.concatenate(samples).astype(np.int32)))
    return Spoken(arrivals, int((jumps > 8192).sum()))


def summarise(streams: int, spoken: list[Spoken], units: int) -> dict[str, report.Metric]:
    """Figures of all rounds with so many streams; times in milliseconds."""
    key = f"streams{streams}"
    return {
        f"ttfa.{key}": report.percentiles([s.first * 1000 for s in spoken], "ms"),
        f"gap_free.{key}": report.percentiles([s.gap_free * 1000 for s in spoken], "ms"),
        f"total.{key}": report.percentiles([s.total * 1000 for s in spoken], "ms"),
        f"rtf.{key}": report.percentiles([s.total / s.audio for s in spoken], "ratio"),
        f"holes.{key}": report.total([s.holes for s in spoken], "holes"),
        f"units.{key}": {"value": units / len(spoken), "n": len(spoken), "unit": "a reply"},
        f"clicks.{key}": report.total([s.clicks for s in spoken], "clicks"),
    }


async def main() -> None:
    """Measure cold, then warm with growing numbers of streams."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url", help="base URL of the TTS service, ending in /v1")
    parser.add_argument("--language", choices=sorted(REPLIES), default="zh")
    parser.add_argument("--streams", type=int, nargs="+", default=[1, 4, 8, 16, 32])
    parser.add_argument("--rounds", type=int, default=4, help="rounds for each number (4)")
    args = parser.parse_args()
    units = 0

    async def count(_: object, __: object, params: aiohttp.TraceRequestStartParams) -> None:
        nonlocal units
        units += params.url.path.endswith("/audio/speech")

    trace = aiohttp.TraceConfig()
    trace.on_request_start.append(count)
    async with aiohttp.ClientSession(trace_configs=[trace]) as session:
        voice = qwen3_tts.TTS(base_url=args.url, language=args.language, http_session=session)
        cold = await speak(voice, args.language)
        metrics: dict[str, report.Metric] = {
            "ttfa.cold": {"value": round(cold.first * 1000, 1), "n": 1, "unit": "ms"}
        }
        for streams in args.streams:
            spoken: list[Spoken] = []
            for i in range(args.rounds + 1):
                if i == 1:  # the first round warmed up what the server keeps for this number
                    spoken, units = [], 0
                spoken += await asyncio.gather(
                    *(speak(voice, args.language) for _ in range(streams))
                )
            metrics |= summarise(streams, spoken, units)
        await voice.aclose()
    report.write("tts", metrics, profile=args.url)


if __name__ == "__main__":
    asyncio.run(main())

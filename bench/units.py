"""TTS unit by unit: first audio and holes of a voice's servers under growing load.

``python -m bench.units http://127.0.0.1:8091/v1``, or with the addresses of several servers of the
same model. The units are what the plugin's segmenter makes of real replies, starters and mains in
turn, each one request as the plugin sends it. *Burst*: that many requests are always running, and
the first of them start together. *Staggered*: that many talkers, who pause for 0 to 2 s between
their units, as people do. *Poisson* (``--rates``): that many requests per second come at random,
whether or not the ones before have been answered.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import random
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from itertools import cycle
from typing import Any

import aiohttp
from livekit.agents import APIError
from livekit.plugins import qwen3_tts
from livekit.plugins.qwen3_tts.client import Deadlines, SpeechClient

from harness import report
from harness.gpu_memory import memory
from harness.playback import BYTES_PER_SECOND, audible, gap_free

from .tts import REPLIES

# After this a listener has gone, and the plugin has tried again. Seconds.
_DEADLINE = 30.0
_PATIENT = Deadlines(connect=_DEADLINE, first_byte=_DEADLINE, between_bytes=_DEADLINE)


@dataclass(frozen=True)
class Unit:
    """One request to the TTS."""

    text: str
    language: str
    starter: bool

    def body(self, model: str, voice: str | None, *, spoken: bool = False) -> dict[str, Any]:
        """The request as the plugin writes it, but for the format, which is the engine's own.

        Args:
            model: The model's name at the server.
            voice: The speaker; the server's first if None.
            spoken: Whether to end it where a reader of the text would, after 0.22 s per syllable
                and 0.2 s: for random weights, which do not know when to end.
        """
        syllables = len(self.text) if self.language == "Chinese" else 1.5 * len(self.text.split())
        # The plugin's limit for a model that never stops.
        seconds = 0.22 * syllables + 0.2 if spoken else 3 * 0.22 * syllables + 4
        # In codec frames.
        frames = math.ceil(seconds * 12.5)
        named = {"voice": voice} if voice else {}
        return named | {
            "model": model,
            "input": self.text,
            "language": self.language,
            "non_streaming_mode": True,
            "max_new_tokens": frames,
        }


@dataclass(frozen=True)
class Answer:
    """A unit as it arrived: when each network chunk came, and its length, both in seconds."""

    unit: Unit
    arrivals: Sequence[tuple[float, float]]
    audible: float | None = None
    """Seconds to the arrival of the first sample above −50 dBFS; None if all was silence."""

    @property
    def audio(self) -> float:
        """Seconds of speech."""
        return sum(length for _, length in self.arrivals)

    @property
    def first(self) -> float:
        """Seconds to the first byte."""
        return self.arrivals[0][0]

    @property
    def gap_free(self) -> float:
        """The smallest start delay with which playback never runs dry, in seconds."""
        return gap_free(self.arrivals)

    @property
    def hole(self) -> float:
        """Seconds for which playback from the first byte on would have been dry."""
        return self.gap_free - self.first


def units() -> Iterator[Unit]:
    """Starters and mains of both languages in turn, without end."""
    names = {"zh": "Chinese", "en": "English"}
    cut = [
        [Unit(u, names[tag], starter=i == 0) for i, u in enumerate(qwen3_tts.segment(REPLIES[tag]))]
        for tag in ("zh", "en")
    ]
    pairs = [
        reply[index] for index in range(max(map(len, cut))) for reply in cut if index < len(reply)
    ]
    starters = cycle([u for u in pairs if u.starter])
    for main in cycle([u for u in pairs if not u.starter]):
        yield next(starters)
        yield main


class Servers:
    """Servers of the same model; the next unit goes to the one with the fewest requests.

    Args:
        session: The HTTP session, without a limit of connections.
        urls: The servers' addresses, ending in ``/v1``.
        voice: The speaker; the server's first if None.
        spoken: Whether to end units where a reader would, as for :meth:`Unit.body`.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        urls: Sequence[str],
        voice: str | None = None,
        *,
        spoken: bool = False,
    ) -> None:
        self._session = session
        # The plugin's own, which speaks to either engine.
        self._clients = {url: SpeechClient(lambda: session, url, {}) for url in urls}
        self._running = dict.fromkeys(urls, 0)
        self._voice = voice
        self._spoken = spoken
        self._model = ""
        self.peak = 0
        """The most requests that ran at once since this was last set to 0."""

    async def ready(self) -> None:
        """Ask for the model."""
        async with self._session.get(f"{next(iter(self._running))}/models") as response:
            self._model = (await response.json())["data"][0]["id"]

    async def ask(self, unit: Unit) -> Answer | None:
        """Ask for one unit; None if it failed, which counts against the server."""
        arrivals: list[tuple[float, bytes]] = []
        url = min(self._running, key=lambda u: self._running[u])
        self._running[url] += 1
        self.peak = max(self.peak, sum(self._running.values()))
        body = unit.body(self._model, self._voice, spoken=self._spoken)
        start = time.perf_counter()
        try:
            async with (
                asyncio.timeout(_DEADLINE),
                aclosing(self._clients[url].speech(body, _PATIENT)) as chunks,
            ):
                async for chunk in chunks:
                    arrivals.append((time.perf_counter() - start, chunk))
        except (APIError, TimeoutError) as e:
            print(f"{url} failed {unit.text!r}: {e!r}", file=sys.stderr)
            return None
        finally:
            self._running[url] -= 1
        if not arrivals:
            return None
        lengths = [(at, len(chunk) / BYTES_PER_SECOND) for at, chunk in arrivals]
        return Answer(unit, lengths, audible(arrivals))

    async def burst(self, streams: int, count: int) -> list[Answer | None]:
        """Ask for ``count`` units, ``streams`` of them at any time."""
        stream = units()

        async def work() -> list[Answer | None]:
            return [await self.ask(next(stream)) for _ in range(max(1, count // streams))]

        return [a for many in await asyncio.gather(*(work() for _ in range(streams))) for a in many]

    async def staggered(self, streams: int, each: int) -> list[Answer | None]:
        """Have ``streams`` talkers ask for ``each`` units, with pauses between."""
        dice = random.Random(streams)
        stream = units()

        async def talk() -> list[Answer | None]:
            found = []
            for _ in range(each):
                await asyncio.sleep(dice.uniform(0, 2.0))
                found.append(await self.ask(next(stream)))
            return found

        return [a for many in await asyncio.gather(*(talk() for _ in range(streams))) for a in many]

    async def poisson(self, rate: float, seconds: float) -> list[Answer | None]:
        """Ask for units at random, ``rate`` per second, however many are still unanswered.

        The same rate and duration, in seconds, give the same times.
        """
        stream = units()
        start = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            asked = []
            for at in arrivals(rate, seconds):
                await asyncio.sleep(start + at - time.perf_counter())
                asked.append(group.create_task(self.ask(next(stream))))
        return [task.result() for task in asked]


def arrivals(rate: float, seconds: float) -> Iterator[float]:
    """When the requests of a Poisson process come, in seconds from its beginning."""
    dice = random.Random(f"{rate:g}")
    at = dice.expovariate(rate)
    while at < seconds:
        yield at
        at += dice.expovariate(rate)


@asynccontextmanager
async def busy(url: str, talkers: int, *, voice: str | None = None) -> AsyncIterator[None]:
    """Keep a TTS busy with talkers who never end, for as long as the context lasts."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        server = Servers(session, [url], voice)
        await server.ready()
        talking = asyncio.create_task(server.staggered(talkers, sys.maxsize))
        try:
            yield
        finally:
            talking.cancel()
            await asyncio.gather(talking, return_exceptions=True)


def summarise(key: str, answers: Sequence[Answer | None], wall: float) -> dict[str, report.Metric]:
    """Figures of one load; times in milliseconds."""
    good = [a for a in answers if a]
    failed = report.total([a is None for a in answers], "requests")
    if not good:
        return {f"failed.{key}": failed}
    found = {
        f"gap_free.{key}": report.percentiles([1000 * a.gap_free for a in good], "ms"),
        f"first_byte.{key}": report.percentiles([1000 * a.first for a in good], "ms"),
    }
    heard = [1000 * a.audible for a in good if a.audible is not None]
    if heard:
        found[f"audible.{key}"] = report.percentiles(heard, "ms")
    for name, wanted in (("starter", True), ("main", False)):
        some = [1000 * a.gap_free for a in good if a.unit.starter is wanted]
        if some:
            found[f"gap_free.{name}.{key}"] = report.percentiles(some, "ms")
    holes = [1000 * a.hole for a in good]
    return found | {
        f"rtf.{key}": report.percentiles([a.arrivals[-1][0] / a.audio for a in good], "ratio"),
        # A millisecond is the clock's error, and is not heard.
        f"holes.{key}": report.total([hole > 1.0 for hole in holes], "requests"),
        f"longest_hole.{key}": {"value": round(max(holes), 1), "n": len(good), "unit": "ms"},
        f"audio.{key}": report.percentiles([a.audio for a in good], "s"),
        f"speed.{key}": {
            "value": round(sum(a.audio for a in good) / wall, 1),
            "n": len(good),
            "unit": "x real time",
        },
        f"failed.{key}": failed,
    }


async def measure(
    urls: Sequence[str],
    streams: Sequence[int],
    *,
    rates: Sequence[float] = (),
    seconds: float = 25.0,
    requests: int = 64,
    voice: str | None = None,
    spoken: bool = False,
) -> dict[str, report.Metric]:
    """Warm up, then measure each number of streams in both ways, and each rate.

    Args:
        urls: The servers' addresses, ending in ``/v1``.
        streams: Numbers of requests at a time, and of talkers.
        rates: Numbers of requests per second that come at random.
        seconds: For how many seconds they come, at each rate.
        requests: Least number of requests of a burst, which has at least twice its streams.
        voice: The speaker; the server's first if None.
        spoken: Whether to end units where a reader would, as for :meth:`Unit.body`.
    """
    metrics: dict[str, report.Metric] = {}
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:
        server = Servers(session, urls, voice, spoken=spoken)
        await server.ready()
        await server.burst(1, 4)
        for number in streams:
            await server.burst(number, number)

        async def take(key: str, load: Callable[[], Awaitable[list[Answer | None]]]) -> None:
            server.peak = 0
            start = time.perf_counter()
            answers = await load()
            metrics.update(summarise(key, answers, time.perf_counter() - start))
            metrics[f"peak.{key}"] = {"value": server.peak, "n": len(answers), "unit": "requests"}

        for number in streams:
            # One stream alone takes long: half as many say enough.
            count = max(requests // 2 if number == 1 else requests, 2 * number)
            await take(f"burst.streams{number}", partial(server.burst, number, count))
            each = max(3, 8 // number)
            await take(f"staggered.streams{number}", partial(server.staggered, number, each))
        for rate in rates:
            await take(f"poisson.rate{rate:g}", partial(server.poisson, rate, seconds))
    return metrics


async def _main(args: argparse.Namespace) -> None:
    metrics = await measure(
        args.urls,
        args.streams,
        rates=args.rates,
        seconds=args.seconds,
        requests=args.requests,
        voice=args.voice,
        spoken=args.spoken,
    )
    report.write(args.name, metrics | memory(), profile=args.profile or " ".join(args.urls))


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(prog="python -m bench.units", description=__doc__)
    parser.add_argument("urls", nargs="+", help="the server's address, ending in /v1; or several")
    parser.add_argument("--streams", type=int, nargs="*", default=[1, 8, 16, 32, 64])
    parser.add_argument("--rates", type=float, nargs="*", default=[1, 4, 8, 10, 16, 20])
    parser.add_argument("--seconds", type=float, default=25.0, help="seconds for each rate (25)")
    parser.add_argument(
        "--requests", type=int, default=64, help="requests for each number of streams (64)"
    )
    parser.add_argument("--voice", help="the speaker; the server's first if not given")
    parser.add_argument(
        "--spoken", action="store_true", help="end each unit where a reader would (random weights)"
    )
    parser.add_argument("--name", default="units", help="name of the result (units)")
    parser.add_argument("--profile", help="what was measured, for the record (the addresses)")
    asyncio.run(_main(parser.parse_args()))


if __name__ == "__main__":
    main()

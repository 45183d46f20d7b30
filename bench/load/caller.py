"""Callers in rooms of their own, who ask, listen, speak over the agent and are silent, in turn.

A process of its own, so that many callers do not share one interpreter with each other and the
engines. ``python -m bench.load.caller`` writes what each caller measured as a line of JSON to a
file of its own, since libraries print whatever they like.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import functools
import json
import random
import time
import uuid
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import soundfile

from agent.languages import FOLDER
from agent.models import locate
from agent.stack import Server
from harness.caller import Caller, join
from harness.recording import SAMPLE_RATE, Samples
from harness.resample import resampled

_ENGLISH, _CHINESE = locate("speech") / "jfk.wav", FOLDER / "zh" / "prerecorded"
_ASKS = {"en": (_ENGLISH, 8.1, 10.5), "zh": (_CHINESE / "again.ogg", 2.1, 3.8)}
_BARGES_IN = {"en": (_ENGLISH, 0.25, 2.1), "zh": (_CHINESE / "mute.ogg", 0.7, 2.5)}
"""Recordings, and a part of each without a pause, in seconds. What they say does not matter, as the
recogniser is none; but whoever asks has to sound as if they had finished, or the agent waits for
more and its wait is what is measured."""
_FRAME_MS = 20
"""What a caller sends at once: the packet of a browser. All callers share what cores the agent
leaves, and those who send every 10 ms take half as much again."""
_NO_ANSWER = 15.0
_SOUNDING = 0.3
"""Seconds for which the agent may have been silent, at most, for a barge-in to be one."""


@dataclass
class Measured:
    """What one caller measured; times in seconds on its own clock."""

    language: str
    join_time: float | None = None
    """From joining to the agent's first sound."""
    voice_to_voice: list[float] = field(default_factory=list)
    stop_latency: list[float] = field(default_factory=list)
    """From the first sample over the agent's speech to its last."""
    unanswered: int = 0
    not_stopped: int = 0
    turns: list[dict[str, Any]] = field(default_factory=list)
    """The agent's own record of each turn (:mod:`agent.telemetry`)."""


async def call(server: Server, language: str, seconds: float, rng: random.Random) -> Measured:
    """Hold one conversation."""
    measured = Measured(language)
    room = f"load-{uuid.uuid4().hex[:8]}"
    async with join(server, room, language=language, frame_ms=_FRAME_MS) as caller:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(30):
                measured.join_time = await _first_sound(caller, 0.0)
        until = time.monotonic() + seconds
        turn = 0
        while time.monotonic() < until:
            await _quiet(caller)
            await asyncio.sleep(rng.uniform(0.5, 4.0))
            await _ask(caller, measured)
            turn += 1
            if turn % 3 == 0:
                await _barge_in(caller, measured)
        measured.turns = [turn for turn in caller.turns if turn.get("kind") == "turn"]
    return measured


async def _ask(caller: Caller, measured: Measured) -> None:
    asked = await caller.say(_part(*_ASKS[measured.language]))
    try:
        async with asyncio.timeout(_NO_ANSWER):
            measured.voice_to_voice.append(await _first_sound(caller, asked) - asked)
    except TimeoutError:
        measured.unanswered += 1


async def _barge_in(caller: Caller, measured: Measured) -> None:
    await asyncio.sleep(1.0)
    began = caller.now
    if began - (caller.heard.last_sound(began) or 0.0) > _SOUNDING:
        return  # the agent has finished
    speaking = asyncio.ensure_future(caller.say(_part(*_BARGES_IN[measured.language])))
    try:
        async with asyncio.timeout(4.0):
            await _quiet(caller, pause=_SOUNDING)
        measured.stop_latency.append((caller.heard.last_sound(caller.now) or began) - began)
    except TimeoutError:
        measured.not_stopped += 1
    asked = await speaking
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_NO_ANSWER):
            await _first_sound(caller, asked)


async def _first_sound(caller: Caller, after: float) -> float:
    while (first := caller.heard.first_sound(after)) is None:
        await caller.tick()
    return first


async def _quiet(caller: Caller, pause: float = 1.2) -> None:
    """Wait until the agent has not been heard for so long."""
    while caller.now - (caller.heard.last_sound(caller.now) or 0.0) < pause:
        await caller.tick()


@functools.cache
def _part(path: Path, begin: float, end: float) -> Samples:
    samples, rate = soundfile.read(path, dtype="int16")
    return resampled(samples, rate, SAMPLE_RATE)[int(begin * SAMPLE_RATE) : int(end * SAMPLE_RATE)]


async def main() -> None:
    """Be some callers, and write down what they measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url", help="LiveKit's address")
    parser.add_argument("key", help="its API key")
    parser.add_argument("secret", help="its API secret")
    parser.add_argument("--languages", nargs="+", required=True, help="one for each caller")
    parser.add_argument("--seconds", type=float, required=True, help="length of a conversation")
    parser.add_argument("--rows", type=Path, required=True, help="file for what they measured")
    args = parser.parse_args()
    server = Server(args.url, args.key, args.secret)
    calls = (
        call(server, language, args.seconds, random.Random(number))
        for number, language in enumerate(args.languages)
    )
    rows = [json.dumps(asdict(measured)) + "\n" for measured in await asyncio.gather(*calls)]
    args.rows.write_text("".join(rows), encoding="utf-8")


if __name__ == "__main__":
    asyncio.run(main())

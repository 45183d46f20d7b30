"""The program around a system under test: it joins a room, speaks, stops and tells its history.

One that is reached otherwise is ready to be reached where the others have joined.

Orders come as JSON lines on standard input, answers go out on standard output, so that a system
may live in an environment of its own and ends with whoever started it. This module imports nothing
but the standard library.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import Literal, Protocol, TypedDict


class Join(TypedDict):
    """Where to go."""

    url: str
    """Of the livekit-server; of the media streams to serve, and then there is no room or token."""
    room: str
    token: str
    engines: str
    """Base URL of the room's engines, without ``/v1``."""
    stt: str
    """Base URL of an STT, ending in ``/v1``; empty where the room's own is to be asked."""
    stt_model: str
    """What the model of that STT is called."""
    language: Literal["en", "zh"]
    phone: bool
    """Whether the caller is on a telephone line."""


class Judgement(TypedDict):
    """What a system made of a sound over its speech."""

    at: float
    """When, in seconds of :func:`time.monotonic`, which all processes of a machine share; in a
    take, of its recording."""
    verdict: str
    stops: bool
    """Whether it stopped for it, or would have."""


class System(Protocol):
    """A system under test."""

    async def join(self, order: Join) -> None:
        """Enter a room and be ready to hear and to speak."""

    async def speak(self, text: str) -> None:
        """Make a reply, as if asked for one by a text."""

    async def stop(self) -> None:
        """Stop speaking."""

    async def history(self) -> list[str]:
        """What the assistant said, as the model would be told, the last at the end."""

    async def judged(self) -> list[Judgement] | None:
        """What it made of sounds since the last time; None from one that does not tell."""

    async def leave(self) -> None:
        """Leave the room."""


def main(system: System) -> None:
    """Carry out orders until there are no more."""
    asyncio.run(_serve(system))


async def _serve(system: System) -> None:
    # Libraries print, also while they are imported: answers have a pipe of their own.
    out = os.fdopen(int(sys.argv[-1]), "w", buffering=1)
    reader = asyncio.StreamReader(limit=1 << 20)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    print(json.dumps({"ready": True}), file=out)
    while line := await reader.readline():
        order = json.loads(line)
        answer: dict[str, object] = {}
        try:
            match order.pop("do"):
                case "join":
                    await system.join(order)
                case "speak":
                    await system.speak(order["text"])
                case "stop":
                    await system.stop()
                case "history":
                    answer["history"] = await system.history()
                case "judged":
                    answer["judged"] = await system.judged()
                case "leave":
                    await system.leave()
        except Exception as e:  # the bench is to know, whatever it is
            answer["error"] = f"{type(e).__name__}: {e}"
        print(json.dumps(answer), file=out)
    # Whoever gave the orders is gone; a room that does not close is no reason to stay.
    os._exit(0)

"""How the caller and a system come together: in a room, or over a provider's media stream."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Protocol

import aiohttp

from agent.models import called
from agent.stack import Server
from agent.stack.ports import LOOPBACK, free
from harness import caller, media_caller
from harness.caller import DelayLine
from harness.line import Line
from harness.recording import Channel, Samples

from .engines import Engines
from .scenarios import Language
from .systems import STREAM, Host, SystemFailure

STT_MODEL = called("stt")
"""What the CPU engine's model is called, which it insists on."""


class Caller(Protocol):
    """What a case needs of its caller."""

    said: Channel
    heard: Channel

    @property
    def now(self) -> float:
        """Seconds from the start, on the caller's clock."""

    async def say(self, samples: Samples) -> float:
        """Speak, and return when the last sample was sent."""

    def echo(self, line: DelayLine | None) -> None:
        """Have the microphone pick up what is heard, or no longer."""

    async def tick(self) -> None:
        """Let one frame go by."""


@contextlib.asynccontextmanager
async def met(
    host: Host, server: Server, engines: Engines, name: str, language: Language, line: Line | None
) -> AsyncIterator[Caller]:
    """Bring a system and a caller together, for as long as the context lasts.

    Args:
        host: The system.
        server: The livekit-server of those that are in a room.
        engines: The engines of all systems.
        name: Name of the room, on the server or of the engines alone.
        language: The caller's.
        line: The caller's telephone line, or None; a media stream always has one, and None is a
            good one there.

    Raises:
        SystemFailure: The system cannot be reached, or hung up.
    """
    order = {
        "engines": engines.url(name),
        "stt": engines.stt,
        "stt_model": STT_MODEL,
        "language": language,
        "room": name,
    }
    if host.name == STREAM:
        url = f"ws://{LOOPBACK}:{free()['web']}/media-streams"
        await host.order("join", url=url, token="", phone=True, **order)
        try:
            async with media_caller.dial(url, language=language, line=line or Line()) as phone:
                await host.order("history")  # it answers once the conversation has begun
                yield phone
        except (ConnectionError, aiohttp.ClientError) as e:
            raise SystemFailure(f"{host.name}: {e}") from e
        finally:
            await host.order("leave")
    else:
        async with caller.join(server, name, language=language, line=line) as person:
            token = caller.agent_token(server, name)
            on_phone = line is not None
            await host.order("join", url=server.url, token=token, phone=on_phone, **order)
            try:
                yield person
            finally:
                await host.order("leave")

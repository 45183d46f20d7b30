"""The three engines behind the bridge, through the same plugins as in a room."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from types import SimpleNamespace

import aiohttp
from livekit import rtc
from livekit.agents import APIError
from livekit.agents.types import NOT_GIVEN
from livekit.plugins import qwen3_tts, vllm

from agent import engines as clients
from agent.settings import Language, Settings

on_unit: ContextVar[Callable[[str], None]] = ContextVar("on_unit")
"""Told of every unit that is sent to the voice on behalf of the current request. The plugin's
tasks inherit the context of whoever opened the stream, so requests do not mix."""


@dataclass(frozen=True)
class Engines:
    """What makes a reply."""

    stt: vllm.STT
    llm: vllm.LLM
    tts: qwen3_tts.TTS

    async def hear(
        self, frames: list[rtc.AudioFrame], language: Language | None
    ) -> tuple[str, Language | None]:
        """Recognise speech.

        Returns:
            The words, empty if there are none, and their language: the one given, or what was
            detected.

        Raises:
            APIError: The recogniser cannot be had.
        """
        found = await self.stt.recognize(frames, language=language or NOT_GIVEN)
        best = found.alternatives[0]
        detected = str(best.language)[:2]
        spoken: Language | None = "zh" if detected == "zh" else "en" if detected == "en" else None
        return best.text.strip(), language or spoken

    async def warm(self) -> None:
        """Wait for all three, and have each do once what its first request would wait for.

        Raises:
            APIError: One cannot be had; the text says which and why.
        """
        await self.llm.ready()
        await self.stt.ready()
        self.stt.prewarm()
        for text in ("好的。", "Hello, it is good to hear from you."):
            async with self.tts.stream() as speech:
                speech.push_text(text)
                speech.end_input()
                async for _ in speech:
                    pass


@asynccontextmanager
async def open_engines(settings: Settings) -> AsyncIterator[Engines]:
    """Connect to the engines of a profile, for as long as the context lasts."""
    trace = aiohttp.TraceConfig()
    trace.on_request_chunk_sent.append(_tell_unit)
    # No limit of connections: the engines' own queues, and ours at the door, are the limit.
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, trace_configs=[trace]) as session:
        engines = Engines(
            stt=clients.stt(settings.stt),
            llm=clients.llm(settings.llm),
            tts=clients.tts(settings.tts, http_session=session),
        )
        engines.tts.prewarm()
        try:
            yield engines
        finally:
            for engine in (engines.tts, engines.llm, engines.stt):
                await engine.aclose()


async def _tell_unit(
    _: aiohttp.ClientSession, __: SimpleNamespace, params: aiohttp.TraceRequestChunkSentParams
) -> None:
    tell = on_unit.get(None)
    if tell and params.url.path.endswith("/audio/speech"):
        tell(json.loads(params.chunk)["input"])


def sentence(error: APIError) -> str:
    """What went wrong with an engine, in one line."""
    return " ".join(error.message.split())

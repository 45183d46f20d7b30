"""The three engines behind the bridge, through the same plugins as in a room."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass

import aiohttp
from livekit import rtc
from livekit.agents import APIError, vad
from livekit.agents.types import NOT_GIVEN
from livekit.plugins import qwen3_tts, vllm

from agent import engines as clients
from agent.languages import Language, language_named
from agent.settings import Settings


@dataclass(frozen=True)
class Engines:
    """The three engines that make a reply."""

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
            APIError: The recogniser does not answer, or refuses.
        """
        found = await self.stt.recognize(frames, language=language or NOT_GIVEN)
        best = found.alternatives[0]
        return best.text.strip(), language or language_named(best.language.language)

    async def aclose(self) -> None:
        """Close the connections to all three; may be called twice."""
        for engine in (self.tts, self.llm, self.stt):
            await engine.aclose()

    async def warm(self) -> None:
        """Wait for all three, and have each do what its first request would otherwise wait for.

        Raises:
            APIError: One of them does not answer, or refuses; the text says which and why.
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


OpenCall = Callable[[Settings, Language | None, vad.VAD], AbstractAsyncContextManager[Engines]]
"""Connects one call to the engines, given the profile with what its agent has of it for itself, its
language and its detector of voice, for as long as the context lasts: a session paces its voice and
may change the language of its engines, so that no two calls share them."""


@asynccontextmanager
async def open_engines(settings: Settings) -> AsyncIterator[tuple[Engines, OpenCall]]:
    """Connect to the engines of a profile, for as long as the context lasts.

    Returns:
        The engines of all requests, and what opens those of a call.
    """

    @asynccontextmanager
    async def opened(engines: Engines) -> AsyncIterator[Engines]:
        engines.tts.prewarm()
        try:
            yield engines
        finally:
            await engines.aclose()

    def open_call(
        own: Settings, language: Language | None, detector: vad.VAD
    ) -> AbstractAsyncContextManager[Engines]:
        return opened(
            Engines(
                stt=clients.stt(own.stt, language, detector=detector),
                llm=clients.llm(own.llm, hears=True),
                tts=clients.tts(own.tts, language, http_session=session),
            )
        )

    # No limit of connections: the engines' own queues, and ours at the door, are the limit.
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:
        shared = Engines(
            stt=clients.stt(settings.stt),
            # A model that cannot hear calls, though it is to, is refused when the engines warm up.
            llm=clients.llm(settings.llm, hears=settings.bridge.stream_url is not None),
            tts=clients.tts(settings.tts, http_session=session),
        )
        async with opened(shared):
            yield shared, open_call


def sentence(error: APIError) -> str:
    """What went wrong with an engine, in one line."""
    return " ".join(error.message.split())

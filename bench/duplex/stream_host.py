"""Parley's session behind the bridge, called over a media stream: ``python -m …``."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any, cast
from urllib.parse import urlsplit

import aiohttp
import uvicorn
from livekit.agents import AgentSession, vad
from livekit.plugins import qwen3_tts, vllm
from livekit.plugins.turn_taking import Floor

from agent.bridge import Engines, create_app
from agent.settings import Language, Settings
from harness.agents import silent

from . import host
from .judgements import Judgements
from .livekit_host import profile, recogniser, said

_BEGIN_WITHIN = 20.0
"""Longest wait for a call to begin, in seconds: the first one loads the detectors."""


class _Tts(qwen3_tts.TTS):
    """The voice of a call. Its session is made within the bridge, and shows itself to the voice.

    Args:
        base_url: Base URL of the TTS, ending in ``/v1``.
        language: Its language.
        http: What connects to it.
    """

    def __init__(self, base_url: str, language: str, http: aiohttp.ClientSession) -> None:
        super().__init__(base_url=base_url, language=language, http_session=http)
        self._begun: asyncio.Future[AgentSession[Any]] = asyncio.get_running_loop().create_future()
        self.judged = Judgements(time.monotonic)

    def follow(self, session: AgentSession[Any]) -> None:
        super().follow(session)

        # Its first state, listening, is that it has started.
        @session.on("agent_state_changed")
        def _on_state(_: object) -> None:
            if not self._begun.done():
                Floor.of(session).on("judged", self.judged.add)
                self._begun.set_result(session)

    async def session(self) -> AgentSession[Any]:
        """The session, once it has begun.

        Raises:
            TimeoutError: There is no call, or it does not begin.
        """
        async with asyncio.timeout(_BEGIN_WITHIN):
            return await asyncio.shield(self._begun)


class MediaStreams:
    """The bridge, with one call."""

    def __init__(self) -> None:
        self._exit = contextlib.AsyncExitStack()
        self._tts: _Tts | None = None

    async def join(self, order: host.Join) -> None:
        """Serve media streams."""
        base = f"{order['engines']}/v1"
        http = await self._exit.enter_async_context(aiohttp.ClientSession())
        self._tts = _Tts(base, order["language"], http)
        engines = Engines(
            stt=vllm.STT(base_url=order["stt"] or base), llm=vllm.LLM(base_url=base), tts=self._tts
        )
        self._exit.push_async_callback(engines.aclose)

        @contextlib.asynccontextmanager
        async def open_call(
            _: Settings, __: Language | None, detector: vad.VAD
        ) -> AsyncIterator[Engines]:
            # The bridge asks no more of a call's recogniser than a session does.
            stt = cast(vllm.STT, recogniser(order, http, detector))
            try:
                yield replace(engines, stt=stt)
            finally:
                await stt.aclose()

        loaded = profile(order)
        bridge = loaded.bridge.model_copy(update={"stream_url": order["url"]})
        app = create_app(
            loaded.model_copy(update={"bridge": bridge}), silent("parley"), engines, open_call
        )
        address = urlsplit(order["url"])
        server = uvicorn.Server(
            uvicorn.Config(
                app,
                host=address.hostname or "",
                port=address.port or 0,
                log_level="warning",
                ws="wsproto",
                timeout_graceful_shutdown=3,
            )
        )
        serving = asyncio.create_task(server.serve(), name="bridge")

        async def stop() -> None:
            server.should_exit = True
            await serving

        self._exit.push_async_callback(stop)
        while not server.started:
            if serving.done():
                raise RuntimeError("the bridge does not start")
            await asyncio.sleep(0.01)

    async def speak(self, text: str) -> None:
        """Make a reply."""
        (await self._session()).generate_reply(user_input=text)

    async def stop(self) -> None:
        """Stop speaking."""
        await (await self._session()).interrupt(force=True)

    async def history(self) -> list[str]:
        """What the assistant said."""
        return said(await self._session())

    async def judged(self) -> list[host.Judgement] | None:
        """What it made of sounds since the last time."""
        assert self._tts
        return self._tts.judged.read()

    async def leave(self) -> None:
        """Serve no more."""
        await self._exit.aclose()
        self._exit = contextlib.AsyncExitStack()

    async def _session(self) -> AgentSession[Any]:
        assert self._tts
        return await self._tts.session()


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    host.main(MediaStreams())

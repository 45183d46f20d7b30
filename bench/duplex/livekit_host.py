"""Parley's session and LiveKit's own, with the same engines: ``python -m … parley | stock``."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
from typing import Any

import aiohttp
from livekit import rtc
from livekit.agents import (
    DEFAULT_API_CONNECT_OPTIONS,
    NOT_GIVEN,
    Agent,
    AgentSession,
    APIConnectOptions,
    NotGivenOr,
    inference,
    stt,
)
from livekit.agents.language import LanguageCode
from livekit.agents.llm import ChatMessage
from livekit.agents.utils import AudioBuffer
from livekit.agents.voice import room_io
from livekit.plugins import qwen3_tts, vllm
from livekit.plugins.turn_taking import HEARING

from agent import settings
from agent.assistant import Assistant
from agent.session import make, turns_of

from . import host
from .ear import RATE

_CALLER = "caller"

_FIRST_WORDS = 0.3
"""Seconds that the ear of :mod:`.ear` takes to its first words, or less: whoever runs a recogniser
that streams would write this into their profile."""


class EarSTT(stt.STT[Any]):
    """The bench's ear as a LiveKit STT."""

    def __init__(self, url: str, language: str, http: aiohttp.ClientSession) -> None:
        super().__init__(capabilities=stt.STTCapabilities(streaming=True, interim_results=True))
        self.url, self.language, self.http = url, LanguageCode(language), http

    async def _recognize_impl(
        self,
        buffer: AudioBuffer,
        *,
        language: NotGivenOr[str] = NOT_GIVEN,
        conn_options: APIConnectOptions,
    ) -> stt.SpeechEvent:
        raise NotImplementedError("the ear hears streams only")

    def stream(
        self,
        *,
        language: NotGivenOr[str] = NOT_GIVEN,
        conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS,
    ) -> stt.RecognizeStream:
        """Begin to hear."""
        return _EarStream(self, conn_options)


class _EarStream(stt.RecognizeStream):
    def __init__(self, ear: EarSTT, conn_options: APIConnectOptions) -> None:
        super().__init__(stt=ear, conn_options=conn_options, sample_rate=RATE)
        self._ear = ear

    async def _run(self) -> None:
        kinds = {
            "interim": stt.SpeechEventType.INTERIM_TRANSCRIPT,
            "final": stt.SpeechEventType.FINAL_TRANSCRIPT,
        }
        async with self._ear.http.ws_connect(self._ear.url) as socket:

            async def send() -> None:
                async for item in self._input_ch:
                    if isinstance(item, rtc.AudioFrame):
                        await socket.send_bytes(bytes(item.data))
                await socket.close()

            sending = asyncio.create_task(send())
            try:
                async for message in socket:
                    heard = message.json()
                    data = stt.SpeechData(
                        language=self._ear.language,
                        text=heard["text"],
                        start_time=heard["start"],
                        end_time=heard["end"],
                        confidence=1.0,
                    )
                    self._event_ch.send_nowait(
                        stt.SpeechEvent(type=kinds[heard["kind"]], alternatives=[data])
                    )
            finally:
                sending.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await sending


class LiveKit:
    """One of the two."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._exit = contextlib.AsyncExitStack()
        self._session: AgentSession[Any] | None = None

    async def join(self, order: host.Join) -> None:
        """Enter a room."""
        base = f"{order['engines']}/v1"
        http = await self._exit.enter_async_context(aiohttp.ClientSession())
        voice = qwen3_tts.TTS(base_url=base, language=order["language"], http_session=http)
        self._exit.push_async_callback(voice.aclose)
        thinker = vllm.LLM(base_url=base)
        self._exit.push_async_callback(thinker.aclose)
        ear: stt.STT[Any] = EarSTT(f"{order['engines']}/ear", order["language"], http)
        if order["stt"]:
            ear = vllm.STT(base_url=order["stt"], language=order["language"])
        room = rtc.Room()
        await room.connect(order["url"], order["token"])
        self._exit.push_async_callback(room.disconnect)
        options = room_io.RoomOptions(participant_identity=_CALLER)
        if self._name == "parley":
            options.audio_input = HEARING
            session, agent = self._parley(room, order, ear, thinker, voice)
        else:
            session, agent = self._stock(ear, thinker, voice)
        self._session = session
        self._exit.push_async_callback(session.aclose)
        await session.start(
            agent,
            room=room,
            room_options=options,
            record=False,
        )

    def _parley(
        self,
        room: rtc.Room,
        order: host.Join,
        ear: stt.STT[Any],
        thinker: vllm.LLM,
        voice: qwen3_tts.TTS,
    ) -> tuple[AgentSession[Any], Agent]:
        """The agent of the CPU or phone profile, without greeting."""
        language, phone = order["language"], order["phone"]
        profile = settings.load("phone" if phone else "cpu")
        profile = profile.model_copy(update={"greeting": {"en": "", "zh": ""}})
        turns = turns_of(profile, phone=phone)
        if not order["stt"]:
            turns = turns.model_copy(update={"first_words": _FIRST_WORDS})
        conversation = make(
            profile,
            room=room,
            stt=ear,
            llm=thinker,
            tts=voice,
            language=language,
            phone=phone,
            options=turns.options,
        )
        self._exit.push_async_callback(conversation.aclose)
        return conversation.session, Assistant(profile, language, conversation.floor)

    def _stock(
        self, ear: stt.STT[Any], thinker: vllm.LLM, voice: qwen3_tts.TTS
    ) -> tuple[AgentSession[None], Agent]:
        """LiveKit's defaults, apart from what would ask its cloud."""
        session: AgentSession[None] = AgentSession(
            stt=ear,
            llm=thinker,
            tts=voice,
            vad=inference.VAD(model="silero"),
            turn_handling={"turn_detection": "vad", "interruption": {"mode": "vad"}},
        )
        return session, Agent(instructions="You are on the phone.")

    async def speak(self, text: str) -> None:
        """Make a reply."""
        assert self._session
        self._session.generate_reply(user_input=text)

    async def stop(self) -> None:
        """Stop speaking."""
        assert self._session
        await self._session.interrupt(force=True)

    async def history(self) -> list[str]:
        """What the assistant said."""
        assert self._session
        return [
            item.text_content or ""
            for item in self._session.history.items
            if isinstance(item, ChatMessage) and item.role == "assistant"
        ]

    async def leave(self) -> None:
        """Leave the room."""
        await self._exit.aclose()
        self._exit = contextlib.AsyncExitStack()


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    host.main(LiveKit(sys.argv[1]))

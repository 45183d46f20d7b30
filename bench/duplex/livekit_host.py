"""Parley's session and LiveKit's own, with the same engines: ``python -m … parley | stock``."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
import time
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
    vad,
)
from livekit.agents.language import LanguageCode
from livekit.agents.llm import ChatMessage
from livekit.agents.utils import AudioBuffer
from livekit.agents.voice import room_io
from livekit.plugins import qwen3_tts, vllm
from livekit.plugins.turn_taking import HEARING, Endpointer

from agent import settings
from agent.assistant import Assistant
from agent.session import make, turns_of
from agent.settings import Settings
from harness.agents import silent

from . import host
from .judgements import Judgements
from .scripted_stt import RATE

_CALLER = "caller"

_FIRST_WORDS = 0.3
"""Seconds that :mod:`.scripted_stt` takes to its first words, at most: whoever runs a recogniser
that streams would write this into their profile."""


class BenchSTT(stt.STT[Any]):
    """The scripted STT of the bench, for LiveKit."""

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
        raise NotImplementedError("the scripted STT takes streams only")

    def stream(
        self,
        *,
        language: NotGivenOr[str] = NOT_GIVEN,
        conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS,
    ) -> stt.RecognizeStream:
        """Begin to listen."""
        return _BenchStream(self, conn_options)


class _BenchStream(stt.RecognizeStream):
    def __init__(self, bench: BenchSTT, conn_options: APIConnectOptions) -> None:
        super().__init__(stt=bench, conn_options=conn_options, sample_rate=RATE)
        self._bench = bench

    async def _run(self) -> None:
        kinds = {
            "interim": stt.SpeechEventType.INTERIM_TRANSCRIPT,
            "final": stt.SpeechEventType.FINAL_TRANSCRIPT,
        }
        async with self._bench.http.ws_connect(self._bench.url) as socket:

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
                        language=self._bench.language,
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


def profile(order: host.Join) -> Settings:
    """The CPU or the phone profile, with what its recogniser takes."""
    phone = order["phone"]
    loaded = settings.load("phone" if phone else "cpu")
    turns = turns_of(loaded, phone=phone)
    if not order["stt"]:
        turns = turns.model_copy(update={"first_words": _FIRST_WORDS})
    return loaded.model_copy(
        update={
            **({"phone": loaded.phone.model_copy(update={"turns": turns})} if phone else {}),
            **({} if phone else {"turns": turns}),
        }
    )


def recogniser(
    order: host.Join, http: aiohttp.ClientSession, detector: vad.VAD | None
) -> stt.STT[Any]:
    """The STT that an order names."""
    if order["stt"]:
        return vllm.STT(base_url=order["stt"], language=order["language"], vad=detector)
    return BenchSTT(f"{order['engines']}/stt", order["language"], http)


def said(session: AgentSession[Any]) -> list[str]:
    """What the assistant said, as the history has it."""
    return [
        item.text_content or ""
        for item in session.history.items
        if isinstance(item, ChatMessage) and item.role == "assistant"
    ]


class LiveKit:
    """Parley's session or LiveKit's own."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._exit = contextlib.AsyncExitStack()
        self._session: AgentSession[Any] | None = None
        # Stock LiveKit stops at any voice and tells nothing of why.
        self._judged = Judgements(time.monotonic) if name == "parley" else None

    async def join(self, order: host.Join) -> None:
        """Enter a room."""
        base = f"{order['engines']}/v1"
        http = await self._exit.enter_async_context(aiohttp.ClientSession())
        tts = qwen3_tts.TTS(base_url=base, language=order["language"], http_session=http)
        self._exit.push_async_callback(tts.aclose)
        llm = vllm.LLM(base_url=base)
        self._exit.push_async_callback(llm.aclose)
        loaded = profile(order)
        turns = turns_of(loaded, phone=order["phone"]).options
        endpointer = Endpointer.load(turns) if self._name == "parley" else None
        stt = recogniser(order, http, endpointer)
        room = rtc.Room()
        await room.connect(order["url"], order["token"])
        self._exit.push_async_callback(room.disconnect)
        options = room_io.RoomOptions(participant_identity=_CALLER)
        if endpointer:
            options.audio_input = HEARING
            parley = silent("parley")
            conversation = make(
                loaded,
                parley,
                room=room,
                stt=stt,
                llm=llm,
                tts=tts,
                language=order["language"],
                phone=order["phone"],
                endpointer=endpointer,
            )
            self._exit.push_async_callback(conversation.aclose)
            assert self._judged
            conversation.floor.on("judged", self._judged.add)
            session: AgentSession[Any] = conversation.session
            agent: Agent = Assistant(parley, loaded, order["language"], conversation.floor)
        else:
            session, agent = self._stock(stt, llm, tts)
        self._session = session
        self._exit.push_async_callback(session.aclose)
        await session.start(
            agent,
            room=room,
            room_options=options,
            record=False,
        )

    def _stock(
        self, stt: stt.STT[Any], llm: vllm.LLM, tts: qwen3_tts.TTS
    ) -> tuple[AgentSession[None], Agent]:
        """LiveKit's defaults, apart from what would ask its cloud."""
        session: AgentSession[None] = AgentSession(
            stt=stt,
            llm=llm,
            tts=tts,
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
        return said(self._session)

    async def judged(self) -> list[host.Judgement] | None:
        """What Parley made of sounds since the last time."""
        return self._judged.read() if self._judged else None

    async def leave(self) -> None:
        """Leave the room."""
        await self._exit.aclose()
        self._exit = contextlib.AsyncExitStack()


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    host.main(LiveKit(sys.argv[1]))

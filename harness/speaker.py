"""A session that says what it is told, in a room of its own, through the TTS plugin.

What the agent itself says depends on a language model; here the text is known, and so is what
LiveKit should have in its history. Listening and turn-taking are the agent's own.
"""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import numpy as np
from livekit import api, rtc
from livekit.agents import Agent, AgentSession, ModelSettings, inference, stt
from livekit.agents.types import TimedString
from livekit.agents.voice import room_io
from livekit.plugins import qwen3_tts, vllm
from livekit.plugins.turn_taking import HEARING, Endpointer, TurnTakingAgent

from agent import settings
from agent.definition.loading import load_agent
from agent.session import make
from agent.stack import Server

from .caller import Caller, agent_token, join
from .recording import Samples


@dataclass
class Reply:
    """What the TTS made of a text: more than is heard if the reply is interrupted."""

    words: list[TimedString] = field(default_factory=list)
    frames: list[Samples] = field(default_factory=list)

    @property
    def samples(self) -> Samples:
        """The sound of the reply, at 24 kHz."""
        return np.concatenate(self.frames) if self.frames else np.zeros(0, np.int16)


class Speaker(Agent):
    """Says what it is told, and keeps what the TTS made."""

    def __init__(self, **options: Any) -> None:
        super().__init__(instructions="", **options)
        self.replies: list[Reply] = []

    async def tts_node(
        self, text: AsyncIterable[str], model_settings: ModelSettings
    ) -> AsyncGenerator[rtc.AudioFrame, None]:
        """Speak as any agent does."""
        reply = Reply()
        self.replies.append(reply)
        async for frame in Agent.default.tts_node(self, text, model_settings):
            reply.words += frame.userdata.get("lk.timed_transcripts", [])
            reply.frames.append(np.frombuffer(frame.data, np.int16))
            yield frame


class TurnTakingSpeaker(Speaker, TurnTakingAgent):
    """A speaker that takes turns as Parley does."""

    def tts_node(
        self, text: AsyncIterable[str], model_settings: ModelSettings
    ) -> AsyncGenerator[rtc.AudioFrame, None]:
        """Speak, and let the floor remember what."""
        return Speaker.tts_node(self, self.floor.written(text), model_settings)


@dataclass
class Conversation:
    """Somebody who speaks and somebody who listens."""

    session: AgentSession[None]
    speaker: Speaker
    caller: Caller


@contextlib.asynccontextmanager
async def converse(
    server: Server,
    *,
    tts_url: str,
    stt_url: str,
    language: str,
    stt: stt.STT[Any] | None = None,
    max_ahead: float = 12.0,
    stock: bool = False,
) -> AsyncIterator[Conversation]:
    """Bring a speaker and a caller together.

    Args:
        server: The server on which they meet.
        tts_url: Base URL of the TTS, ending in ``/v1``.
        stt_url: Base URL of the STT, ending in ``/v1``.
        language: Language of both.
        stt: An STT to use in place of the one at ``stt_url``.
        max_ahead: Seconds of audio that the TTS makes ahead of playback.
        stock: Whether turn-taking and output are LiveKit's own, as for anybody who has only the
            engines' plugins.

    Raises:
        livekit.rtc.ConnectError: The server cannot be reached or refuses.
    """
    name = f"speaker-{uuid.uuid4().hex[:8]}"
    async with contextlib.AsyncExitStack() as stack:
        # The room asks for an agent that does not exist, or the server would send its own.
        client = await stack.enter_async_context(
            api.LiveKitAPI(server.url, server.api_key, server.api_secret)
        )
        nobody = api.RoomAgentDispatch(agent_name="nobody")
        await client.room.create_room(api.CreateRoomRequest(name=name, agents=[nobody]))
        http = await stack.enter_async_context(aiohttp.ClientSession())
        tts = qwen3_tts.TTS(
            base_url=tts_url, language=language, max_ahead=max_ahead, http_session=http
        )
        stack.push_async_callback(tts.aclose)
        profile = settings.load("cpu")
        endpointer = None if stock else Endpointer.load(profile.turns.options)
        stt = stt or vllm.STT(base_url=stt_url, language=language, vad=endpointer)
        stack.push_async_callback(stt.aclose)
        caller = await stack.enter_async_context(join(server, name, language=language))
        room = rtc.Room()
        await room.connect(server.url, agent_token(server, name, "speaker"))
        stack.push_async_callback(room.disconnect)
        speaker: Speaker
        if stock:
            speaker = Speaker()
            session: AgentSession[Any] = AgentSession(
                stt=stt,
                tts=tts,
                vad=inference.VAD(model="silero"),
                # In development LiveKit would choose detectors in its cloud.
                turn_handling={"turn_detection": "vad", "interruption": {"mode": "vad"}},
                use_tts_aligned_transcript=True,
            )
            tts.follow(session)
        else:
            conversation = make(
                profile, load_agent("parley"), room=room, stt=stt, tts=tts, endpointer=endpointer
            )
            stack.push_async_callback(conversation.aclose)
            speaker = TurnTakingSpeaker(floor=conversation.floor)
            session = conversation.session
        stack.push_async_callback(session.aclose)
        await session.start(
            speaker,
            room=room,
            room_options=room_io.RoomOptions(
                audio_input=HEARING, participant_identity=caller.identity
            ),
            record=False,
        )
        yield Conversation(session, speaker, caller)

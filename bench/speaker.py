"""A session that says what it is told, in a room of its own, with the plugin for a voice.

What the agent itself says depends on a language model; here the text is known, and so is what
LiveKit takes down in its history. Listening and turn-taking are the agent's own.
"""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass

import aiohttp
from livekit import api, rtc
from livekit.agents import AgentSession
from livekit.agents.voice import room_io
from livekit.plugins import qwen3_tts, vllm

from agent import settings
from agent.demo import Server
from agent.turns import Floor, TurnTaker

from .caller import Caller, join


@dataclass
class Conversation:
    """Somebody who speaks and somebody who listens."""

    session: AgentSession[None]
    voice: qwen3_tts.TTS
    caller: Caller


@contextlib.asynccontextmanager
async def converse(
    server: Server, *, tts_url: str, stt_url: str, language: str
) -> AsyncIterator[Conversation]:
    """Bring a speaker and a caller together.

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
        voice = qwen3_tts.TTS(base_url=tts_url, language=language, http_session=http)
        stack.push_async_callback(voice.aclose)
        ear = vllm.STT(base_url=stt_url, language=language)
        stack.push_async_callback(ear.aclose)
        caller = await stack.enter_async_context(join(server, name, language=language))
        room = rtc.Room()
        token = (
            api.AccessToken(server.api_key, server.api_secret)
            .with_identity("speaker")
            .with_kind("agent")
            .with_grants(
                api.VideoGrants(room_join=True, room=name, agent=True, can_update_own_metadata=True)
            )
        )
        await room.connect(server.url, token.to_jwt())
        stack.push_async_callback(room.disconnect)
        floor = Floor(settings.load("cpu").turns, room)
        stack.push_async_callback(floor.aclose)
        session = floor.session(stt=ear, tts=voice)
        stack.push_async_callback(session.aclose)
        voice.follow(session)
        await session.start(
            TurnTaker(floor, instructions=""),
            room=room,
            room_options=room_io.RoomOptions(participant_identity=caller.identity),
            record=False,
        )
        yield Conversation(session, voice, caller)

"""The agent in a real room with engines that answer at once and say what a test wants.

Where words do not matter, what is tested is the conduct: room, tracks, voice activity and
turn-taking are real.
"""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from livekit import api, rtc
from livekit.agents import AgentSession, llm, stt, tts
from livekit.plugins.turn_taking import Endpointer, EndpointingPolicy
from livekit.plugins.turn_taking.playback.output import Loudspeaker

from agent import settings
from agent.assistant import agent_of
from agent.conduct import Conduct
from agent.definition.definition import AgentDefinition
from agent.known import Known
from agent.session import make
from agent.settings import ConductSettings, Language, WatchdogSettings
from agent.stack import Server
from agent.telemetry import Record
from harness.agents import silent
from harness.caller import agent_token
from harness.scripted import Llm, Stt, Tts

LETTERS_PER_SECOND = 15
"""A voice of even speed, so that a test can say when a sentence ends."""


class Replies(Llm):
    """Answers the first question with the first answer, however often it is asked.

    A reply may be begun before the turn is certain. The result of a tool is said as it is.
    """

    def answer(self, chat_ctx: llm.ChatContext) -> str | llm.FunctionToolCall:
        last = chat_ctx.items[-1]
        if last.type == "function_call_output":
            return last.output
        return self.answers[sum(m.role == "user" for m in chat_ctx.messages()) - 1]


@dataclass
class Host:
    """The agent, seen from inside."""

    name: str
    """Name of the room."""
    room: rtc.Room
    """The agent's connection to it."""
    session: AgentSession[Conduct]
    stt: Stt
    llm: Llm
    records: list[Record] = field(default_factory=list)

    @property
    def loudspeaker(self) -> Loudspeaker:
        """The last of the session's outputs, which plays."""
        output = self.session.output.audio
        while output and not isinstance(output, Loudspeaker):
            output = output.next_in_chain
        assert isinstance(output, Loudspeaker)
        return output

    @property
    def words(self) -> list[str]:
        """The history: the user's after a ``>``."""
        return [
            ("> " if message.role == "user" else "") + (message.text_content or "")
            for message in self.session.history.messages()
            if message.role in ("user", "assistant")
        ]


async def until_last(host: Host, words: str, *, within: float = 30.0) -> None:
    """Wait for the history to end with these words."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(within):
            while host.words[-1:] != [words]:
                await asyncio.sleep(0.05)
    assert host.words[-1:] == [words], host.words


@contextlib.asynccontextmanager
async def room_for(server: Server) -> AsyncIterator[str]:
    """An empty room, to which no other agent comes."""
    name = f"instant-{uuid.uuid4().hex[:8]}"
    async with api.LiveKitAPI(server.url, server.api_key, server.api_secret) as client:
        nobody = api.RoomAgentDispatch(agent_name="nobody")
        await client.room.create_room(api.CreateRoomRequest(name=name, agents=[nobody]))
        yield name


@contextlib.asynccontextmanager
async def hosting(
    server: Server,
    name: str,
    *answers: str | llm.FunctionToolCall,
    hears: tuple[str, ...] = (),
    conduct: ConductSettings | None = None,
    end_of_turn: float = 0.5,
    language: Language = "en",
    stt: stt.STT[Any] | None = None,
    endpointer: Endpointer | None = None,
    tts: tts.TTS[Any] | None = None,
    tools: Sequence[llm.Tool] = (),
    agent: AgentDefinition | None = None,
    model: Llm | None = None,
    known: Known | None = None,
    watchdog: WatchdogSettings | None = None,
) -> AsyncIterator[Host]:
    """Bring the agent into a room in which its user is already.

    Args:
        server: The server that the room is on.
        name: Name of the room.
        answers: Answers of the language model, one after the other.
        hears: Transcripts, one after the other.
        conduct: Conduct of the profile, if not the default.
        end_of_turn: Silence that ends a turn, in seconds.
        language: The language that is spoken.
        stt: A real STT, in place of the one that gives the transcripts.
        endpointer: One that a real STT shares.
        tts: A real TTS, in place of the tone.
        tools: Tools of the assistant.
        agent: Who comes, with settings of its own for the end of a turn; Parley, who waits until it
            is spoken to, if None.
        model: The language model, in place of one that gives the answers.
        known: What the agent knows beside its prompt; the caller's to open and close.
        watchdog: Its watchdog, if not the profile's.
    """
    profile, who = settings.load("gpu"), agent or silent("parley")
    if conduct:
        profile = profile.model_copy(update={"conduct": conduct})
    if watchdog:
        profile = profile.model_copy(update={"watchdog": watchdog})
    profile = who.over(profile) if agent else profile
    async with contextlib.AsyncExitStack() as stack:
        room = rtc.Room()
        await room.connect(server.url, agent_token(server, name, "host"))
        stack.push_async_callback(room.disconnect)
        scripted, model = Stt(*hears, streaming=False), model or Replies(*answers)
        wait = None if agent else EndpointingPolicy(shortest=end_of_turn, longest=end_of_turn)
        turns = profile.turns.options
        records: list[Record] = []
        conversation = make(
            profile,
            who,
            room=room,
            stt=stt or scripted,
            llm=model,
            tts=tts or Tts(LETTERS_PER_SECOND),
            language=language,
            endpointer=endpointer or Endpointer.load(turns, wait=wait),
            record=records.append,
            known=known,
        )
        stack.push_async_callback(conversation.aclose)
        assistant = agent_of(who, profile, language, conversation.floor, known=known)
        if not agent:
            await assistant.update_tools([*tools])
        await conversation.start(assistant, room)
        yield Host(name, room, conversation.session, scripted, model, records)

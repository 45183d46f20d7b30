"""A conversation in virtual time: a real AgentSession with scripted engines, and no room."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from livekit.agents import Agent, AgentSession, ConversationItemAddedEvent
from livekit.agents.llm import ChatMessage, FunctionToolCall
from livekit.agents.vad import VADEventType

from .clocked_output import ClockedOutput
from .scripted import LETTERS_PER_SECOND, Llm, Stt, Tts, Vad
from .virtual_time import now


class Loudspeaker(ClockedOutput):
    """Plays what a TTS speaks.

    Args:
        tts: Speaks at an even speed, so that the time tells the letters.
    """

    def __init__(self, tts: Tts) -> None:
        super().__init__(pause=False)
        self._tts = tts
        self._played = 0
        """How many of the texts of the TTS were played before."""

    def transcript(self, played: float) -> str:
        said = " ".join(self._tts.said[self._played :])
        self._played = len(self._tts.said)
        return said[: int(played * self._tts.letters_per_second)]


@dataclass
class Stage:
    """One conversation, and what happened in it with its times."""

    session: AgentSession[Any]
    stt: Stt
    vad: Vad
    llm: Llm
    tts: Tts
    said: list[tuple[float, str]] = field(default_factory=list)
    """When each message was in the history, and its words; the user's after a ``>``."""
    states: list[tuple[float, str]] = field(default_factory=list)
    """When the agent entered each of its states."""
    closed: float | None = None

    async def at(self, moment: float) -> None:
        """Wait until a moment, in seconds after the beginning."""
        await asyncio.sleep(moment - asyncio.get_running_loop().time())

    def user_speaks(self) -> None:
        self.vad.tell(VADEventType.START_OF_SPEECH, speaking=True)

    def user_pauses(self, text: str = "") -> None:
        """The detector reports the end of speech; the transcript is there at once."""
        self.vad.tell(VADEventType.END_OF_SPEECH, silence_duration=0.0)
        if text:
            self.stt.hears(text)

    def when(self, text: str) -> float:
        """When a message with these words was in the history."""
        return next(at for at, words in self.said if text in words)

    @property
    def words(self) -> list[str]:
        return [words for _, words in self.said]


@contextlib.asynccontextmanager
async def stage(
    *answers: str | FunctionToolCall,
    agent: Agent | None = None,
    end_of_turn: float = 0.5,
    away: float | None = None,
    preemptive: bool = False,
    userdata: Any = None,
    before: Callable[[AgentSession[Any]], object] = lambda _: None,
) -> AsyncIterator[Stage]:
    """Hold a conversation in virtual time.

    Args:
        answers: What the model answers, one after the other.
        agent: The one that answers.
        end_of_turn: Silence that ends a turn, in seconds.
        away: LiveKit's user_away_timeout, in seconds.
        preemptive: Whether a reply is begun before the turn is certain.
        userdata: What the tools reach.
        before: What to do with the session before it starts.
    """
    stt, vad, llm, tts = Stt(), Vad(), Llm(*answers), Tts()
    session: AgentSession[Any] = AgentSession(
        stt=stt,
        vad=vad,
        llm=llm,
        tts=tts,
        user_away_timeout=away,
        userdata=userdata,
        aec_warmup_duration=None,
        turn_handling={
            "turn_detection": "vad",
            "endpointing": {"min_delay": end_of_turn, "max_delay": end_of_turn},
            "interruption": {"mode": "vad", "resume_false_interruption": False},
            "preemptive_generation": {"enabled": preemptive},
        },
    )
    session.output.audio = Loudspeaker(tts)
    found = Stage(session, stt, vad, llm, tts)

    @session.on("conversation_item_added")
    def _on_item(event: ConversationItemAddedEvent) -> None:
        if isinstance(event.item, ChatMessage):
            mark = "> " if event.item.role == "user" else ""
            found.said.append((now(), mark + (event.item.text_content or "")))

    @session.on("agent_state_changed")
    def _on_state(event: Any) -> None:
        found.states.append((now(), event.new_state))

    @session.on("close")
    def _on_close(_: object) -> None:
        found.closed = now()

    before(session)
    try:
        await session.start(agent or Agent(instructions=""), record=False)
        yield found
    finally:
        await session.aclose()


def lasting(text: str) -> float:
    """How long the TTS speaks, in seconds."""
    return len(text.replace(". ", ".")) / LETTERS_PER_SECOND


def about(seconds: float) -> Any:
    """A moment as LiveKit keeps it: its audio path takes 10 ms here and there."""
    return pytest.approx(seconds, abs=0.05)

"""A caller who is heard: words made by the CPU voices, spoken in real time into a session.

The session is the one of any conversation without a room: its microphone, turn-taking and
recogniser are the agent's own. It answers in writing, since nobody listens.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from livekit import rtc
from livekit.agents import AgentSession, ConversationItemAddedEvent
from livekit.agents.llm import ChatMessage
from livekit.agents.voice.io import AudioInput
from livekit.plugins import vllm
from livekit.plugins.turn_taking import Endpointer, Floor

from agent import engines
from agent.settings import Language, Settings
from harness.recording import Samples

_RATE = 24_000
_FRAME = _RATE // 50
_SETTLED = 1.5
"""Seconds of quiet on both sides after which an answer is whole: a second part of it, or a turn
that was cut in two, has begun by then."""
_PATIENCE = 90.0
"""Seconds for an answer; the language model of the CPU profile needs 2 to 15 on 2 cores."""


class Microphone(AudioInput):
    """Silence in real time, and what is put before it."""

    def __init__(self) -> None:
        super().__init__(label="spoken")
        self._left: Samples = np.zeros(0, np.int16)
        self._due = 0.0

    def say(self, samples: Samples) -> None:
        """Speak, after what is being said."""
        self._left = np.concatenate([self._left, samples])

    @property
    def silent(self) -> bool:
        """Whether all has been said."""
        return len(self._left) == 0

    async def __anext__(self) -> rtc.AudioFrame:
        now = asyncio.get_running_loop().time()
        self._due = max(self._due, now - 0.2) + _FRAME / _RATE
        await asyncio.sleep(max(0.0, self._due - now))
        said, self._left = self._left[:_FRAME], self._left[_FRAME:]
        frame = np.zeros(_FRAME, np.int16)
        frame[: len(said)] = said
        return rtc.AudioFrame(frame.tobytes(), _RATE, 1, _FRAME)


@dataclass
class Listener:
    """A session that is spoken to."""

    session: AgentSession[Any]
    floor: Floor
    microphone: Microphone
    heard: list[str] = field(default_factory=list)
    """What was recognised, turn by turn."""
    answers: list[str] = field(default_factory=list)

    def note(self, event: ConversationItemAddedEvent) -> None:
        """Keep what was said."""
        if isinstance(event.item, ChatMessage):
            kept = self.heard if event.item.role == "user" else self.answers
            kept.append(event.item.text_content or "")

    async def speak(self, samples: Samples) -> None:
        """Say something and wait for what comes of it: an answer, or nothing in good time."""
        before, loop = len(self.answers), asyncio.get_running_loop()
        self.microphone.say(samples)
        quiet: float | None = None
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_PATIENCE):
                while quiet is None or loop.time() - quiet < _SETTLED:
                    await asyncio.sleep(0.05)
                    over = (
                        self.microphone.silent
                        and len(self.answers) > before
                        and self.session.agent_state == "listening"
                        and self.session.user_state != "speaking"
                    )
                    quiet = (quiet or loop.time()) if over else None


@contextlib.asynccontextmanager
async def listening(
    profile: Settings, model: vllm.LLM, language: Language
) -> AsyncIterator[Listener]:
    """Make a session that can be spoken to, once it is started."""
    options = profile.turns.options
    endpointer = Endpointer.load(options)
    recogniser = engines.stt(profile.stt, language, detector=endpointer)
    floor = Floor(None, options, stt=recogniser, llm=model, endpointer=endpointer)
    listener = Listener(floor.session, floor, Microphone())
    floor.session.on("conversation_item_added", listener.note)
    floor.session.input.audio = listener.microphone
    try:
        yield listener
    finally:
        await floor.session.aclose()
        await floor.aclose()
        await recogniser.aclose()

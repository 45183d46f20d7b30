"""The first seconds of a call that was placed: did a person pick up, or a machine?"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterable
from contextlib import aclosing

import numpy as np
from livekit import rtc
from livekit.agents import (
    Agent,
    ModelSettings,
    StopResponse,
    UserInputTranscribedEvent,
    UserStateChangedEvent,
    llm,
    stt,
)

from .answering import Answer, Verdict
from .beep import BeepDetector

logger = logging.getLogger("parley")

_TICK = 0.05
"""Seconds between two looks at what silence means: a twentieth of the pauses that decide."""


class Screening(Agent):
    """Listens until it is clear who picked up; then hands over, or leaves the message and goes.

    Args:
        message: What is left on a machine.
        then: Who talks with a person.
        min_silence: Silence after which the end of speech is reported, in seconds.
    """

    def __init__(self, message: str, then: Agent, min_silence: float) -> None:
        super().__init__(
            instructions="",
            llm=None,
            turn_handling={"preemptive_generation": {"enabled": False}},
        )
        self._message, self._then, self._min_silence = message, then, min_silence
        self._answer = Answer()
        self._beeps: BeepDetector | None = None
        self._began = 0.0
        self._listening: asyncio.Task[None] | None = None

    async def on_enter(self) -> None:
        """Listen."""
        self._began = asyncio.get_running_loop().time()
        self.session.on("user_state_changed", self._on_state)
        self.session.on("user_input_transcribed", self._on_words)
        self._listening = asyncio.create_task(self._screen())

    async def on_exit(self) -> None:
        """Listen no more."""
        self.session.off("user_state_changed", self._on_state)
        self.session.off("user_input_transcribed", self._on_words)
        if self._listening and self._listening is not asyncio.current_task():
            self._listening.cancel()

    async def stt_node(
        self, audio: AsyncIterable[rtc.AudioFrame], model_settings: ModelSettings
    ) -> AsyncGenerator[stt.SpeechEvent, None]:
        """Listen for a beep in the sound that is recognised."""
        tapped = self._tap(audio)
        async with aclosing(Agent.default.stt_node(self, tapped, model_settings)) as events:
            async for event in events:
                yield event

    async def on_user_turn_completed(
        self, turn_ctx: llm.ChatContext, new_message: llm.ChatMessage
    ) -> None:
        """Answer nothing yet."""
        raise StopResponse

    async def _tap(self, audio: AsyncIterable[rtc.AudioFrame]) -> AsyncGenerator[rtc.AudioFrame]:
        async for frame in audio:
            if self._beeps is None:
                self._beeps = BeepDetector(frame.sample_rate)
            if self._beeps.push(np.frombuffer(frame.data, np.int16)):
                self._answer.beep(self._now)
            yield frame

    async def _screen(self) -> None:
        # Silence decides as much as sound does, and makes no event.
        while (verdict := self._answer.verdict(self._now)) is None:  # noqa: ASYNC110
            await asyncio.sleep(_TICK)
        logger.info("the call was answered", extra={"by": verdict, "seconds": round(self._now, 1)})
        await self._act(verdict)

    async def _act(self, verdict: Verdict) -> None:
        if verdict == "person":
            self.session.update_agent(self._then)
            return
        if verdict == "machine":
            while not self._answer.over(self._now):  # noqa: ASYNC110
                await asyncio.sleep(_TICK)
            await self.session.say(self._message, allow_interruptions=False)
        self.session.shutdown()

    @property
    def _now(self) -> float:
        return asyncio.get_running_loop().time() - self._began

    def _on_state(self, event: UserStateChangedEvent) -> None:
        if event.new_state == "speaking":
            self._answer.speech_began(self._now)
        elif event.old_state == "speaking":
            self._answer.speech_ended(self._now - self._min_silence)

    def _on_words(self, event: UserInputTranscribedEvent) -> None:
        # Words that are not final yet may be replaced, but those of a machine are long enough.
        self._answer.heard(event.transcript, self._now)

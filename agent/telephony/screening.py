"""The first seconds of a call that was placed: did a person pick up, or a machine?

A menu gets the assistant, as a person does: its model can press keys, if it is given that tool.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterable
from contextlib import ExitStack, aclosing

import numpy as np
from livekit import rtc
from livekit.agents import (
    Agent,
    ModelSettings,
    StopResponse,
    llm,
    stt,
    vad,
)
from livekit.plugins.turn_taking import Floor

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
        floor: Of the session. The end of a turn would be known up to two seconds too late: it
            tells each pause instead.
    """

    def __init__(self, message: str, then: Agent, floor: Floor) -> None:
        super().__init__(
            instructions="",
            llm=None,
            turn_handling={"preemptive_generation": {"enabled": False}},
        )
        self._message, self._then, self._floor = message, then, floor
        self.verdict: Verdict | None = None
        """Who picked up; None while that is open."""
        self._answer = Answer()
        self._beeps: BeepDetector | None = None
        self._began = 0.0
        self._listening: asyncio.Task[None] | None = None
        self._exit = ExitStack()

    async def on_enter(self) -> None:
        """Listen."""
        self._began = asyncio.get_running_loop().time()
        self._exit.enter_context(self._floor.telling_pauses())
        self._exit.callback(self._floor.microphone.listen(self._on_voice))
        self._listening = asyncio.create_task(self._screen())

    async def on_exit(self) -> None:
        """Listen no more."""
        self._exit.close()
        if self._listening and self._listening is not asyncio.current_task():
            self._listening.cancel()

    async def stt_node(
        self, audio: AsyncIterable[rtc.AudioFrame], model_settings: ModelSettings
    ) -> AsyncGenerator[stt.SpeechEvent, None]:
        """Listen for words, and for a beep in the sound that they are in."""
        tapped = self._tap(audio)
        async with aclosing(Agent.default.stt_node(self, tapped, model_settings)) as events:
            async for event in events:
                if event.alternatives:
                    # Interim transcripts lack the last words.
                    whole = event.type is not stt.SpeechEventType.INTERIM_TRANSCRIPT
                    self._answer.heard(event.alternatives[0].text, self._now, whole=whole)
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
        while not self._knows():  # noqa: ASYNC110
            await asyncio.sleep(_TICK)
        logger.info(
            "the call was answered", extra={"by": self.verdict, "seconds": round(self._now, 1)}
        )
        if self.verdict in ("person", "menu"):
            self.session.update_agent(self._then)
            return
        if self.verdict == "machine":
            await self.session.say(self._message, allow_interruptions=False)
        self.session.shutdown()

    def _knows(self) -> bool:
        """Whether it is clear who it is, and they can be spoken to."""
        self.verdict = self._answer.verdict(self._now)
        if self.verdict in ("machine", "menu"):
            return self._answer.over(self._now)
        return self.verdict is not None

    @property
    def _now(self) -> float:
        return asyncio.get_running_loop().time() - self._began

    def _on_voice(self, event: vad.VADEvent) -> None:
        if event.type is vad.VADEventType.START_OF_SPEECH:
            self._answer.speech_began(self._now - event.speech_duration)
        elif event.type is vad.VADEventType.END_OF_SPEECH:
            self._answer.speech_ended(self._now - event.silence_duration)

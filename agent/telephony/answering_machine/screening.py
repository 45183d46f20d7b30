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

from ..saying import say
from .beep import BeepDetector
from .detection import AnswerDetector, AnsweredBy

logger = logging.getLogger("parley")

_TICK = 0.05
"""Seconds between two looks at what silence means: a twentieth of the pauses that decide."""


class CallScreening(Agent):
    """Listens until it is clear who picked up; then hands over, or leaves the message and hangs up.

    Args:
        message: The words that are left on a machine.
        assistant: The agent that talks with a person, or with a menu.
        floor: The turn-taking of the session, which reports each pause meanwhile: the end of a
            turn would be known up to two seconds too late.
    """

    def __init__(self, message: str, assistant: Agent, floor: Floor) -> None:
        super().__init__(
            instructions="",
            llm=None,
            turn_handling={"preemptive_generation": {"enabled": False}},
        )
        self._message, self._assistant, self._floor = message, assistant, floor
        self.answered_by: AnsweredBy | None = None
        """Who picked up; None while that is undecided."""
        self._detector = AnswerDetector()
        self._beep_detector: BeepDetector | None = None
        self._began = 0.0
        self._listening: asyncio.Task[None] | None = None
        self._exit = ExitStack()

    async def on_enter(self) -> None:
        """Start listening."""
        self._began = asyncio.get_running_loop().time()
        self._exit.enter_context(self._floor.telling_pauses())
        self._exit.callback(self._floor.microphone.listen(self._on_voice))
        self._listening = asyncio.create_task(self._screen())

    async def on_exit(self) -> None:
        """Stop listening."""
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
                    self._detector.heard(event.alternatives[0].text, self._now, whole=whole)
                yield event

    async def on_user_turn_completed(
        self, turn_ctx: llm.ChatContext, new_message: llm.ChatMessage
    ) -> None:
        """Keep what is said from the model until it is clear who picked up."""
        raise StopResponse

    async def _tap(self, audio: AsyncIterable[rtc.AudioFrame]) -> AsyncGenerator[rtc.AudioFrame]:
        async for frame in audio:
            if self._beep_detector is None:
                self._beep_detector = BeepDetector(frame.sample_rate)
            if self._beep_detector.push(np.frombuffer(frame.data, np.int16)):
                self._detector.beep(self._now)
            yield frame

    async def _screen(self) -> None:
        # Silence decides as much as sound does, and makes no event.
        while not self._is_decided():  # noqa: ASYNC110
            await asyncio.sleep(_TICK)
        logger.info(
            "the call was answered", extra={"by": self.answered_by, "seconds": round(self._now, 1)}
        )
        if self.answered_by in ("person", "menu"):
            self.session.update_agent(self._assistant)
            return
        if self.answered_by == "machine":
            await say(self.session, self._message, allow_interruptions=False)
        self.session.shutdown()

    def _is_decided(self) -> bool:
        """Whether it is clear who it is, and they can be spoken to."""
        self.answered_by = self._detector.answered_by(self._now)
        if self.answered_by in ("machine", "menu"):
            return self._detector.greeting_over(self._now)
        return self.answered_by is not None

    @property
    def _now(self) -> float:
        return asyncio.get_running_loop().time() - self._began

    def _on_voice(self, event: vad.VADEvent) -> None:
        if event.type is vad.VADEventType.START_OF_SPEECH:
            self._detector.speech_began(self._now - event.speech_duration)
        elif event.type is vad.VADEventType.END_OF_SPEECH:
            self._detector.speech_ended(self._now - event.silence_duration)

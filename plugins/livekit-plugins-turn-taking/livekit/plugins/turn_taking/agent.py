"""An agent that takes turns: what LiveKit's nodes do differently for the floor's sake."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator
from contextlib import aclosing
from typing import Any

from livekit import rtc
from livekit.agents import Agent, FlushSentinel, ModelSettings, llm, stt
from livekit.agents.utils import aio

from .floor import Floor

CUT = "—"
"""What the model sees at the end of a reply of its own that the user cut off. It is no word, so a
model that takes up the habit says nothing odd."""


class TurnTakingAgent(Agent):
    """An agent whose session's turns a :class:`Floor` decides.

    Args:
        floor: The turn-taking of its session; found as it speaks if None, for an agent to whom
            another one hands over.
        **options: As for LiveKit's agent.
    """

    def __init__(self, floor: Floor | None = None, **options: Any) -> None:
        super().__init__(**options)
        self._floor = floor

    @property
    def floor(self) -> Floor:
        """The turn-taking of its session.

        Raises:
            LookupError: The session was made without one.
        """
        if self._floor is None:
            self._floor = Floor.of(self.session)
        return self._floor

    async def stt_node(
        self, audio: AsyncIterable[rtc.AudioFrame], model_settings: ModelSettings
    ) -> AsyncGenerator[stt.SpeechEvent, None]:
        """Recognise what is said, and keep back what is no turn."""
        answers: aio.Chan[stt.SpeechEvent] = aio.Chan()
        no_more_answers = self.floor.on_answer(answers.send_nowait)
        try:
            async with (
                aclosing(Agent.default.stt_node(self, audio, model_settings)) as events,
                aclosing(_whichever(events, answers)) as either,
            ):
                async for event, is_answer in either:
                    if is_answer:
                        yield event
                        continue
                    for passed in self.floor.transcribed(event):
                        yield passed
        finally:
            no_more_answers()

    async def llm_node(
        self, chat_ctx: llm.ChatContext, tools: list[llm.Tool], model_settings: ModelSettings
    ) -> AsyncGenerator[llm.ChatChunk | str | FlushSentinel, None]:
        """Ask with a history that shows where replies were cut."""
        shown, silent = show_cuts(chat_ctx), True
        self.floor.replying("asked")
        async with aclosing(Agent.default.llm_node(self, shown, tools, model_settings)) as chunks:
            async for chunk in chunks:
                if silent and text_of(chunk):
                    silent = False
                    self.floor.replying("text")
                yield chunk

    async def tts_node(
        self, text: AsyncIterable[str], model_settings: ModelSettings
    ) -> AsyncGenerator[rtc.AudioFrame, None]:
        """Speak, and remember what is to be said."""
        written, silent = self.floor.written(text), True
        async with aclosing(Agent.default.tts_node(self, written, model_settings)) as frames:
            async for frame in frames:
                if silent:
                    silent = False
                    self.floor.replying("audio")
                yield frame

    def transcription_node(
        self, text: AsyncIterable[str], model_settings: ModelSettings
    ) -> AsyncIterator[str]:
        """Show what is said, and remember when."""
        return self.floor.playing(text)


def text_of(chunk: llm.ChatChunk | str | FlushSentinel) -> str:
    """What a part of an answer says."""
    if isinstance(chunk, llm.ChatChunk):
        return (chunk.delta.content if chunk.delta else None) or ""
    return chunk if isinstance(chunk, str) else ""


async def _whichever(
    events: AsyncGenerator[stt.SpeechEvent, None], answers: aio.Chan[stt.SpeechEvent]
) -> AsyncGenerator[tuple[stt.SpeechEvent, bool], None]:
    """Yield what comes first, and whether it is an answer, until there are no more events."""
    event = asyncio.ensure_future(anext(events))
    answer = asyncio.ensure_future(answers.recv())
    try:
        while True:
            await asyncio.wait((event, answer), return_when=asyncio.FIRST_COMPLETED)
            if answer.done():
                yield answer.result(), True
                answer = asyncio.ensure_future(answers.recv())
            if event.done():
                try:
                    heard = event.result()
                except StopAsyncIteration:
                    return
                yield heard, False
                event = asyncio.ensure_future(anext(events))
    finally:
        await aio.cancel_and_wait(event, answer)


def show_cuts(chat_ctx: llm.ChatContext) -> llm.ChatContext:
    """Return a history in which each reply that was cut ends in a sign of it."""
    return llm.ChatContext([_shown(item) for item in chat_ctx.items])


def _shown(item: llm.ChatItem) -> llm.ChatItem:
    if item.type != "message" or item.role != "assistant" or not item.interrupted:
        return item
    return item.model_copy(update={"content": [f"{(item.text_content or '').rstrip()}{CUT}"]})

"""A call over a media stream: who speaks when."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine

from livekit import rtc
from livekit.agents import APIError, inference, vad
from livekit.agents.utils import aio, log_exceptions

from agent.assistant import greeting
from agent.settings import Language, Settings

from .conversations import Conversation, write_reply
from .engines import Engines, sentence
from .exchange import Event, Exchange, Said
from .media_messages import Dtmf, Mark, Media, Message, Stop
from .media_playback import Playback
from .record import Record

logger = logging.getLogger("parley")

_KEYS_SECONDS = 3.0
"""Pause after which the keys that were pressed are taken as they are; the hash key ends them at
once. Phone menus wait as long."""


class Call:
    """Listens, answers, and stops when it is spoken over.

    Args:
        settings: The profile.
        engines: What makes the replies.
        conversation: What was said.
        playback: To the caller's ear.
        language: The caller's, or None while it is not known.
        record: Makes the record of a reply.
    """

    def __init__(
        self,
        settings: Settings,
        engines: Engines,
        conversation: Conversation,
        playback: Playback,
        language: Language | None,
        record: Callable[[], Record],
    ) -> None:
        self._settings = settings
        self._engines = engines
        self._conversation = conversation
        self._playback = playback
        self._language = language
        self._record = record
        self._ears = inference.VAD(
            model="silero", min_silence_duration=settings.turns.min_silence
        ).stream()
        self._speech: list[rtc.AudioFrame] = []
        """What the caller has said since the last turn."""
        self._keys = ""
        self._turn: asyncio.Task[None] | None = None
        """Decides on a turn, then answers it."""

    async def run(self, messages: AsyncIterator[Message]) -> None:
        """Hold the conversation until the messages end."""
        listening = asyncio.create_task(self._listen(), name="media stream ears")
        self._begin(self._greet())
        try:
            async for message in messages:
                match message:
                    case Media():
                        self._ears.push_frame(message.frame())
                    case Mark():
                        self._playback.marked(message)
                    case Dtmf():
                        await self._press(message.dtmf.digit)
                    case Stop():
                        break
        finally:
            await aio.cancel_and_wait(listening)
            await self._drop_turn()
            await self._conversation.stop(self._playback.heard)
            await self._ears.aclose()

    @log_exceptions(logger=logger)
    async def _listen(self) -> None:
        turns = self._settings.turns
        async for event in self._ears:
            match event.type:
                case vad.VADEventType.START_OF_SPEECH if not self._playback.playing:
                    await self._drop_turn()  # the caller goes on; what was said before is kept
                case vad.VADEventType.INFERENCE_DONE:
                    if event.speech_duration >= turns.min_interruption and self._playback.playing:
                        await self._fall_silent()
                case vad.VADEventType.END_OF_SPEECH:
                    if not self._playback.playing:
                        await self._drop_turn()
                        self._speech += event.frames
                        self._begin(self._hear())

    async def _press(self, key: str) -> None:
        if self._playback.playing:
            await self._fall_silent()
        await self._drop_turn()
        self._keys += key.rstrip("#")
        self._begin(self._take_keys(0.0 if key == "#" else _KEYS_SECONDS))

    async def _fall_silent(self) -> None:
        await self._drop_turn()  # before it sends more
        heard = self._playback.heard
        await self._playback.clear()
        await self._conversation.stop(heard)

    @log_exceptions(logger=logger)
    async def _greet(self) -> None:
        async def written() -> AsyncGenerator[Event, None]:
            yield Said(greeting(self._settings, self._language))

        await self._say(written(), self._language)

    @log_exceptions(logger=logger)
    async def _hear(self) -> None:
        """Answer what was said, unless the caller goes on in the meantime."""
        turns = self._settings.turns
        over = asyncio.create_task(asyncio.sleep(max(0.0, turns.min_delay - turns.min_silence)))
        try:
            text, spoken = await self._engines.hear(self._speech, self._language)
            await over
        except APIError as e:
            logger.warning("the caller was not heard", extra={"reason": sentence(e)})
            text, spoken = "", None
        finally:
            over.cancel()
        self._speech = []
        if text:
            await self._reply(text, spoken)

    @log_exceptions(logger=logger)
    async def _take_keys(self, pause: float) -> None:
        await asyncio.sleep(pause)
        keys, self._keys = self._keys, ""
        if keys:
            keyed = f"(I keyed in {' '.join(keys)} on my phone.)"
            await self._reply(keyed, self._language)

    async def _reply(self, text: str, language: Language | None) -> None:
        reply = write_reply(self._engines, self._conversation, text, recorded=False)
        await self._say(reply, language)

    async def _say(self, text: AsyncGenerator[Event, None], language: Language | None) -> None:
        exchange = Exchange(
            self._engines.tts,
            text,
            self._record(),
            voice=self._settings.tts.voice_of(language),
            language=language,
            on_done=self._conversation.finished,
        )
        self._conversation.exchange = exchange
        await self._playback.play(exchange)
        if exchange.record.outcome == "failed":
            logger.warning("no reply could be made", extra={"reason": exchange.record.error})

    def _begin(self, turn: Coroutine[None, None, None]) -> None:
        self._turn = asyncio.create_task(turn, name="media stream turn")

    async def _drop_turn(self) -> None:
        if self._turn:
            await aio.cancel_and_wait(self._turn)

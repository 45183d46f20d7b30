"""Backchannels of the agent's own: a short "mm-hm" (嗯) while the user tells something long.

They are no speech of the session: no turn, no history, no caption, and nothing to interrupt. They
sound on a track of their own, whatever else happens.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from itertools import count
from typing import Any, Protocol

from livekit import rtc
from livekit.agents import (
    AgentSession,
    AgentStateChangedEvent,
    ConversationItemAddedEvent,
    vad,
)

from .microphone import Microphone
from .phrases import Speaking
from .waiting import Pending, quiet

TRACK = "backchannel"
"""Name of the track on which they sound."""

PAUSE = 0.35
"""Silence, after the 0.25 s by which the detector reports a pause, before one sounds, in seconds:
a turn that was over is over by then, and people nod within the first second of a pause."""


class Telling:
    """Whether the user has told enough for a nod. Times are in seconds, by any clock.

    Args:
        after: Speech since the turn's beginning, or since the last nod.
    """

    def __init__(self, after: float) -> None:
        self._after = after
        self._told = 0.0
        self._since: float | None = None

    def speaks(self, now: float) -> None:
        """The user speaks from now on."""
        self._since = now

    def pauses(self, now: float) -> bool:
        """The user pauses; whether that is a place for a nod."""
        if self._since is not None:
            self._told += now - self._since
            self._since = None
        return self._told >= self._after

    def begin(self) -> None:
        """Count anew: the agent has nodded, or the turn is over."""
        self._told = 0.0


class Mouth(Protocol):
    """What a backchannel sounds through."""

    async def prepare(self, texts: Iterable[str]) -> None:
        """Make the sound of these, so that each begins at once."""

    async def murmur(self, text: str) -> None:
        """Sound, if it is prepared."""


class Backchannels:
    """Murmurs at the user's pauses.

    Args:
        session: The conversation.
        microphone: Tells of the user's pauses, also of those within a turn.
        mouth: Where it sounds.
        after: Speech of the user before one, in seconds.
        phrases: The words.
    """

    def __init__(
        self,
        session: AgentSession[Any],
        microphone: Microphone,
        mouth: Mouth,
        after: float,
        phrases: Speaking,
    ) -> None:
        self._session = session
        self._mouth = mouth
        self._phrases = phrases
        self._telling = Telling(after)
        self._count = count()
        self._preparing = Pending()
        self._waiting = Pending()
        microphone.listen(self._on_voice)
        session.on("agent_state_changed", self._on_agent_state)
        session.on("conversation_item_added", self._on_item)

    async def aclose(self) -> None:
        """Murmur no more."""
        await self._preparing.aclose()
        await self._waiting.aclose()

    def _on_voice(self, event: vad.VADEvent) -> None:
        now = asyncio.get_running_loop().time()
        if event.type is vad.VADEventType.START_OF_SPEECH:
            self._telling.speaks(now)
            self._waiting.cancel()
        elif event.type is vad.VADEventType.END_OF_SPEECH:
            enough = self._telling.pauses(now)
            if enough and self._session.agent_state == "listening":
                self._waiting.start(self._nod())

    def _on_agent_state(self, event: AgentStateChangedEvent) -> None:
        if event.old_state == "initializing":
            self._preparing.start(self._prepare())
        if event.new_state != "listening":
            self._waiting.cancel()

    def _on_item(self, _: ConversationItemAddedEvent) -> None:
        self._waiting.cancel()
        self._telling.begin()

    async def _prepare(self) -> None:
        await quiet(self._session, PAUSE)  # the greeting has the voice first
        await self._mouth.prepare(self._phrases().backchannels)

    async def _nod(self) -> None:
        await asyncio.sleep(PAUSE)
        self._telling.begin()
        words = self._phrases().backchannels
        text = words[next(self._count) % len(words)]
        await self._mouth.murmur(text)


class Murmur:
    """A track beside the agent's own, and the sounds that are played on it.

    Args:
        session: Whose voice speaks.
        room: Where it is heard.
    """

    def __init__(self, session: AgentSession[Any], room: rtc.Room) -> None:
        self._session = session
        self._room = room
        self._source: rtc.AudioSource | None = None
        self._sounds: dict[str, list[rtc.AudioFrame]] = {}

    async def prepare(self, texts: Iterable[str]) -> None:
        """Make the sounds and publish the track."""
        voice = self._session.tts
        if voice is None:
            return
        for text in texts:
            if text not in self._sounds:
                async with voice.synthesize(text) as stream:
                    self._sounds[text] = [audio.frame async for audio in stream]
        if self._source is None:
            self._source = rtc.AudioSource(voice.sample_rate, voice.num_channels)
            track = rtc.LocalAudioTrack.create_audio_track(TRACK, self._source)
            await self._room.local_participant.publish_track(track, rtc.TrackPublishOptions())

    async def murmur(self, text: str) -> None:
        """Sound; a language that has just been changed to is prepared for the next time."""
        if text not in self._sounds:
            await self.prepare([text])
        elif self._source:
            for frame in self._sounds[text]:
                await self._source.capture_frame(frame)

    async def aclose(self) -> None:
        """Sound no more."""
        if self._source:
            await self._source.aclose()

"""Backchannels of the agent's own: a short "mm-hm" (嗯) while the user tells something long.

They are no speech of the session: no turn, no history, no caption, and nothing to interrupt. In a
room they sound on a track of their own, whatever else happens; on a line that has one voice, in it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from itertools import count
from typing import Any, Protocol

import numpy as np
from livekit import rtc
from livekit.agents import (
    AgentSession,
    AgentStateChangedEvent,
    ConversationItemAddedEvent,
    vad,
)

from ..microphone import Microphone
from ..playback.buffer import Playout, Samples
from ..playback.sink import SAMPLE_RATE, Sink
from .phrases import Speaking
from .waiting import Pending, quiet

TRACK = "backchannel"
"""Name of the track on which they sound."""

MARGIN = 0.1
"""Seconds, after the moment when a turn may be over, before one sounds: a turn that was over is
over by then. In pauses of 0.8 to 1.3 s most still reach into what the user says next, by
0.12 s on average, since one is heard 0.2 s after it was decided; there it fades out."""

LEVEL = 0.5
"""Volume of one, of the voice's own: who listens speaks more softly than who has the floor."""


class Telling:
    """Whether the user has told enough for a backchannel. Times are in seconds, by any clock.

    Args:
        after: Speech since the turn's beginning, or since the last one.
    """

    def __init__(self, after: float) -> None:
        self._after = after
        self._told = 0.0
        self._since: float | None = None

    def speaks(self, now: float) -> None:
        """The user speaks from now on."""
        self._since = now

    def pauses(self, now: float) -> bool:
        """The user pauses; whether that is a place for one."""
        if self._since is not None:
            self._told += now - self._since
            self._since = None
        return self._told >= self._after

    def begin(self) -> None:
        """Count anew: there was a backchannel, or the turn is over."""
        self._told = 0.0


class BackchannelOutput(Protocol):
    """Where backchannels sound."""

    async def prepare(self, texts: Iterable[str]) -> None:
        """Make the sound of these, so that each begins at once."""

    async def say(self, text: str) -> None:
        """Sound, if it is prepared, until the end or until cancelled."""


class Backchannels:
    """Says backchannels at the user's pauses.

    Args:
        session: The conversation.
        microphone: Tells of the user's pauses, also of those within a turn.
        output: Where they sound.
        after: Speech of the user before each, in seconds.
        turn: Silence after a reported pause with which a turn is over at the soonest, in seconds.
        phrases: The words.
    """

    def __init__(
        self,
        session: AgentSession[Any],
        microphone: Microphone,
        output: BackchannelOutput,
        after: float,
        turn: float,
        phrases: Speaking,
    ) -> None:
        self._session = session
        self._output = output
        self._phrases = phrases
        self._pause = turn + MARGIN
        self._telling = Telling(after)
        self._count = count()
        self._preparing = Pending()
        self._waiting = Pending()
        microphone.listen(self._on_voice)
        session.on("agent_state_changed", self._on_agent_state)
        session.on("conversation_item_added", self._on_item)

    async def aclose(self) -> None:
        """Stop saying them; may be called twice."""
        await self._preparing.aclose()
        await self._waiting.aclose()

    def _on_voice(self, event: vad.VADEvent) -> None:
        now = asyncio.get_running_loop().time()
        if event.type is vad.VADEventType.START_OF_SPEECH:
            self._telling.speaks(now)
            self._waiting.cancel()
        elif event.type is vad.VADEventType.END_OF_SPEECH:
            enough = self._telling.pauses(now)
            # It may be "thinking" for as long as the user tells: a reply was begun too early, and
            # is held.
            if enough and self._session.agent_state != "speaking":
                self._waiting.start(self._say_one())

    def _on_agent_state(self, event: AgentStateChangedEvent) -> None:
        if event.old_state == "initializing":
            self._preparing.start(self._prepare())
        if event.new_state != "listening":
            self._waiting.cancel()

    def _on_item(self, _: ConversationItemAddedEvent) -> None:
        self._waiting.cancel()
        self._telling.begin()

    async def _prepare(self) -> None:
        await quiet(self._session, self._pause)  # the greeting has the voice first
        await self._output.prepare(self._phrases().backchannels)

    async def _say_one(self) -> None:
        await asyncio.sleep(self._pause)
        self._telling.begin()
        words = self._phrases().backchannels
        text = words[next(self._count) % len(words)]
        await self._output.say(text)


class BackchannelSounds:
    """The sounds of backchannels, and where they are played.

    Args:
        session: Whose voice speaks; mono.
        sink: Where they are heard: a track beside the agent's own (:data:`TRACK`), or the agent's
            own where there is only one. Closed with this.
    """

    def __init__(self, session: AgentSession[Any], sink: Sink) -> None:
        self._session = session
        self._sink = sink
        self._open = False
        self._sounds: dict[str, Samples] = {}

    async def prepare(self, texts: Iterable[str]) -> None:
        """Make the sounds, and open the sink."""
        voice = self._session.tts
        if voice is None:
            return
        for text in texts:
            if text not in self._sounds:
                async with voice.synthesize(text) as stream:
                    frame = await stream.collect()
                self._sounds[text] = _soft(_at_rate(frame))
        if not self._open:
            await self._sink.open()
            self._open = True

    async def say(self, text: str) -> None:
        """Sound; a language that has just been changed to is prepared for the next time."""
        if text not in self._sounds:
            await self.prepare([text])
        elif self._open:
            sound = Playout(SAMPLE_RATE, quiet=1.0)
            sound.push(self._sounds[text])
            sound.complete()
            try:
                while sound.due:
                    first = not sound.position
                    await self._sink.play(sound.next(), first=first)
            finally:  # who goes on is not talked over, nor is there a click
                sound.stop()
                if sound.due:
                    await self._sink.play(sound.next(), first=False)

    async def aclose(self) -> None:
        """Close the sink; may be called twice."""
        await self._sink.aclose()


def _at_rate(frame: rtc.AudioFrame) -> Samples:
    """The samples of a frame at the sink's rate."""
    if frame.sample_rate != SAMPLE_RATE:
        resampler = rtc.AudioResampler(frame.sample_rate, SAMPLE_RATE)
        frame = rtc.combine_audio_frames([*resampler.push(frame), *resampler.flush()])
    return np.frombuffer(frame.data, np.int16)


def _soft(sound: Samples) -> Samples:
    """At a backchannel's volume, without the silence that a voice puts before and after a word."""
    loud = np.flatnonzero(np.abs(sound.astype(int)) > np.iinfo(np.int16).max // 100)
    return (sound[loud[0] : loud[-1] + 1] * LEVEL).astype(np.int16) if loud.size else sound[:0]

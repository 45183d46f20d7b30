"""Where the agent's sound goes, 10 ms at a time: a track in a room, or whatever else takes it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

import numpy as np
from livekit import rtc

from ..log import logger
from .buffer import Samples
from .joined import joined

SAMPLE_RATE = 24_000
"""Hz; what Qwen3-TTS speaks at, and LiveKit's default."""

_AHEAD, _MOST_AHEAD = 0.02, 0.2
"""Seconds of sound with WebRTC when another frame follows. What is with it is heard after a stop;
but each time that it runs dry, the receiver waits longer for all that follows. It begins with the
least, and keeps `_STEP` more each time: with 30 ms, a busy event loop of a machine with more work
than cores was late for 1 frame in 90."""
_STEP = 0.02
_CALM = 500
"""Frames in time after which it keeps less again."""

_PATIENCE = 8.0
"""Seconds for which somebody may be in the room without taking the agent's track: a page on a slow
line needs up to three. Who only reads and types never takes it, and is answered all the same."""
_LOOK_EVERY = 0.5
"""Seconds between looks for who is there."""


class Sink(Protocol):
    """Takes sound in real time: frames of 10 ms, mono, 16 bits, at :data:`SAMPLE_RATE`."""

    @property
    def unheard(self) -> float:
        """Seconds of what was played that the listener has not heard yet, and :meth:`drop` drops.

        0 where all that was played is sure to be heard.
        """

    async def open(self) -> None:
        """Wait until somebody listens."""

    async def play(self, frame: Samples, *, first: bool) -> None:
        """Take a frame as soon as it is time for it.

        Args:
            frame: 10 ms of sound.
            first: Whether a silence came before it, in which nothing was played.
        """

    async def drop(self) -> None:
        """Let nothing more be heard of what was played; nothing is unheard from now on."""

    async def aclose(self) -> None:
        """Take no more sound; may be called twice."""


class RoomTrack:
    """A track of the agent's own in a room.

    What WebRTC has is heard: it is so little that dropping it would save nothing.

    Args:
        room: Where to play.
        name: The track's.
        source: What listeners are told that it is.
        hurry: Whether the sound may be stopped or lowered any moment. While it is not, frames are
            handed over in pairs, since each hand-over is paid for by itself, at the price that
            what is played is heard up to 10 ms later. If None, each frame goes by itself.
    """

    def __init__(
        self,
        room: rtc.Room,
        name: str = "voice",
        source: rtc.TrackSource.ValueType = rtc.TrackSource.SOURCE_MICROPHONE,
        hurry: Callable[[], bool] | None = None,
    ) -> None:
        self._room = room
        self._name = name
        self._kind = source
        self._source = rtc.AudioSource(SAMPLE_RATE, 1, queue_size_ms=round(_MOST_AHEAD * 1000))
        self._hurry = hurry
        self._held: Samples | None = None
        """A frame that is handed over together with the next one."""
        self._ahead = _AHEAD
        self._in_time = 0

    @property
    def unheard(self) -> float:
        """Always 0."""
        return 0.0

    async def open(self) -> None:
        """Publish the track and wait for a listener, or the greeting would be lost."""
        await joined(self._room)
        track = rtc.LocalAudioTrack.create_audio_track(self._name, self._source)
        publication = await self._room.local_participant.publish_track(
            track, rtc.TrackPublishOptions(source=self._kind)
        )
        await self._until_taken(publication)

    async def play(self, frame: Samples, *, first: bool) -> None:
        """Hand a frame to WebRTC once it has little left."""
        if not first:
            self._adapt()
        if (queued := self._source.queued_duration) > self._ahead:
            # Silence, which nothing may come after, is never held.
            if self._held is None and self._hurry and not self._hurry() and frame.any():
                self._held = frame
                return
            await asyncio.sleep(queued - self._ahead)
        if self._held is not None:
            frame, self._held = np.concatenate([self._held, frame]), None
        await self._source.capture_frame(
            rtc.AudioFrame(frame.tobytes(), SAMPLE_RATE, 1, frame.size)
        )

    async def drop(self) -> None:
        """There is nothing to drop."""

    async def aclose(self) -> None:
        """Close the source; may be called twice."""
        await self._source.aclose()

    async def _until_taken(self, publication: rtc.LocalTrackPublication) -> None:
        """Wait until somebody takes the track, or is there for long enough without taking it."""
        taken = asyncio.ensure_future(publication.wait_for_subscription())
        waited = 0.0
        try:
            while waited < _PATIENCE:
                done, _ = await asyncio.wait({taken}, timeout=_LOOK_EVERY)
                if done:
                    return
                waited += _LOOK_EVERY if self._room.remote_participants else 0.0
            logger.info("nobody takes the agent's track: speaking all the same")
        finally:
            taken.cancel()

    def _adapt(self) -> None:
        """Keep more with WebRTC if it ran dry, and less when it has not for a while."""
        self._in_time += 1
        if not self._source.queued_duration:
            self._ahead, self._in_time = min(self._ahead + _STEP, _MOST_AHEAD), 0
            logger.debug("the loudspeaker ran dry", extra={"ahead": self._ahead})
        elif self._in_time >= _CALM:
            self._ahead, self._in_time = max(self._ahead - _STEP, _AHEAD), 0

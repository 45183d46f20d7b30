"""The agent's voice in a room: lowered, paused and stopped at once, and never cut with a click.

LiveKit's own room output keeps 200 ms of sound in a queue and throws it away at a pause. Here 30 ms
are on their way, more only on a machine that is late, and all of it is heard: a position is exact.
"""

from __future__ import annotations

import asyncio
import time

import numpy as np
from livekit import rtc
from livekit.agents import utils
from livekit.agents.voice import io

from ..log import logger
from .buffer import FRAMES_PER_SECOND, Playout, Samples
from .played import Played

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
_TAIL_FRAMES = 10
"""Silence after a sound, in frames. WebRTC sends nothing for the first 100 ms without sound, and a
receiver draws the last sound out over the gap."""
_PATIENCE = 8.0
"""Seconds for which somebody may be in the room without taking the agent's track: a page on a slow
line needs up to three. Who only reads and types never takes it, and is answered all the same."""
_LOOK_EVERY = 0.5
"""Seconds between looks for who is there."""


class Loudspeaker(io.AudioOutput):
    """Plays a session's replies in a room.

    Args:
        room: Where to play.
        quiet: Volume while ducked, of 1.
    """

    def __init__(self, room: rtc.Room, *, quiet: float) -> None:
        super().__init__(
            label="Loudspeaker",
            capabilities=io.AudioOutputCapabilities(pause=True),
            sample_rate=SAMPLE_RATE,
        )
        self._room = room
        self._quiet = quiet
        self._source = rtc.AudioSource(SAMPLE_RATE, 1, queue_size_ms=round(_MOST_AHEAD * 1000))
        self._ahead = _AHEAD
        self._in_time = 0
        self._playout: Playout | None = None
        self._ducked = False
        self._paused = False
        self.played = Played(SAMPLE_RATE)
        self._audible = asyncio.Event()
        self._changed = asyncio.Event()
        self._task = asyncio.create_task(self._run(), name="Loudspeaker")

    @property
    def position(self) -> float:
        """Seconds played of the reply that is being played, 0 when none is."""
        return self._playout.position / SAMPLE_RATE if self._playout else 0.0

    def duck(self, ducked: bool) -> None:
        """Lower the volume, or raise it again, within 30 ms."""
        self._ducked = ducked
        if self._playout:
            self._playout.duck(ducked)

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        """Take audio to be played, as fast as it is made."""
        await self._audible.wait()
        await super().capture_frame(frame)
        if self._playout is None:
            self._playout = Playout(SAMPLE_RATE, quiet=self._quiet)
            self._playout.duck(self._ducked)
            self._playout.pause(self._paused)
        self._playout.push(np.frombuffer(frame.data, np.int16))
        self._changed.set()

    def flush(self) -> None:
        """End the reply when all that was taken is played."""
        super().flush()
        if self._playout:
            self._playout.complete()
        self._changed.set()

    def clear_buffer(self) -> None:
        """End the reply now."""
        if self._playout:
            self._playout.stop()
        if self._task.done():
            self._finish()
        self._changed.set()

    def pause(self) -> None:
        """Fall silent until resumed."""
        self._pause(True)

    def resume(self) -> None:
        """Go on where it fell silent."""
        self._pause(False)

    async def aclose(self) -> None:
        """Fall silent and leave the room."""
        await utils.aio.cancel_and_wait(self._task)
        self.clear_buffer()
        await self._source.aclose()

    def _pause(self, paused: bool) -> None:
        self._paused = paused
        if self._playout:
            self._playout.pause(paused)
        self._changed.set()

    @utils.log_exceptions(logger=logger)
    async def _run(self) -> None:
        await self._publish()
        silence = np.zeros(SAMPLE_RATE // FRAMES_PER_SECOND, np.int16)
        tail = _TAIL_FRAMES
        while True:
            playout = self._playout
            if playout and playout.due:
                first = not playout.position
                await self._play(playout.next(), first=tail == _TAIL_FRAMES)
                if first:
                    self.on_playback_started(created_at=time.time())
                tail = 0
            elif playout and playout.ended:
                self._finish()
            elif tail < _TAIL_FRAMES:
                await self._play(silence, first=False)
                tail += 1
            else:
                self._changed.clear()
                await self._changed.wait()

    def _finish(self) -> None:
        playout, self._playout = self._playout, None
        if playout:
            self.on_playback_finished(
                playback_position=playout.position / SAMPLE_RATE, interrupted=playout.stopped
            )

    async def _play(self, frame: Samples, *, first: bool) -> None:
        if not first:
            self._adapt()
        if (queued := self._source.queued_duration) > self._ahead:
            await asyncio.sleep(queued - self._ahead)
        await self._source.capture_frame(
            rtc.AudioFrame(frame.tobytes(), SAMPLE_RATE, 1, frame.size)
        )
        self.played.add(frame)

    def _adapt(self) -> None:
        """Keep more with WebRTC if it ran dry, and less when it has not for a while."""
        self._in_time += 1
        if not self._source.queued_duration:
            self._ahead, self._in_time = min(self._ahead + _STEP, _MOST_AHEAD), 0
            logger.debug("the loudspeaker ran dry", extra={"ahead": self._ahead})
        elif self._in_time >= _CALM:
            self._ahead, self._in_time = max(self._ahead - _STEP, _AHEAD), 0

    async def _publish(self) -> None:
        """Publish the track and wait for a listener, or the greeting would be lost."""
        track = rtc.LocalAudioTrack.create_audio_track("voice", self._source)
        publication = await self._room.local_participant.publish_track(
            track, rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
        )
        await self._until_taken(publication)
        self._audible.set()

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

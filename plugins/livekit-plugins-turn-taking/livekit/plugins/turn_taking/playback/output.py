"""The agent's voice: lowered, paused and stopped at once, and never cut with a click.

LiveKit's own room output keeps 200 ms of sound in a queue and throws it away at a pause. Here 30 ms
are on their way to a room, more only on a machine that is late, and all of it is heard: a position
is exact. Elsewhere the sink tells what was not heard.
"""

from __future__ import annotations

import asyncio
import contextlib
import time

import numpy as np
from livekit import rtc
from livekit.agents import utils
from livekit.agents.voice import io

from ..log import logger
from .buffer import FRAMES_PER_SECOND, Playout, Samples
from .played import Played
from .sink import SAMPLE_RATE, Sink

_FRAME = 1 / FRAMES_PER_SECOND
_TAIL_FRAMES = 10
"""Silence after a sound, in frames. WebRTC sends nothing for the first 100 ms without sound, and a
receiver draws the last sound out over the gap."""


class Loudspeaker(io.AudioOutput):
    """Plays a session's replies.

    Args:
        sink: Where to play; closed with the loudspeaker.
        quiet: Volume while ducked, of 1.
    """

    def __init__(self, sink: Sink, *, quiet: float) -> None:
        super().__init__(
            label="Loudspeaker",
            capabilities=io.AudioOutputCapabilities(pause=True),
            sample_rate=SAMPLE_RATE,
        )
        self._sink = sink
        self._quiet = quiet
        self._playout: Playout | None = None
        self._aside: Playout | None = None
        self._begun = False
        """Whether a sound of the reply was played."""
        self._dropped = False
        """Whether the sink has dropped what was unheard at the present pause or stop."""
        self._tail = _TAIL_FRAMES
        """Frames of silence played since the last sound."""
        self._ducked = False
        self._paused = False
        self.played = Played(SAMPLE_RATE)
        self._audible = asyncio.Event()
        self._changed = asyncio.Event()
        self._task = asyncio.create_task(self._run(), name="Loudspeaker")

    @property
    def position(self) -> float:
        """Seconds heard of the reply that is being played, 0 when none is."""
        if self._playout is None:
            return 0.0
        return max(0.0, self._playout.position / SAMPLE_RATE - self._unheard)

    @property
    def replying(self) -> bool:
        """Whether there is a reply that is played, or begins to be."""
        return self._playout is not None

    @property
    def aside(self) -> bool:
        """Whether a sound is played that belongs to no reply."""
        return self._aside is not None

    @property
    def sounding(self) -> bool:
        """Whether there is something to play now, of a reply or aside."""
        return any(p is not None and p.due for p in (self._aside, self._playout))

    def duck(self, ducked: bool) -> None:
        """Lower the volume, or raise it again, within 30 ms."""
        self._ducked = ducked
        for playout in (self._aside, self._playout):
            if playout:
                playout.duck(ducked)

    def say_aside(self, sound: Samples) -> bool:
        """Play a sound that belongs to no reply, in a silence: a reply that begins waits for it.

        It is told of by no event, and ends at the next stop. A pause of what is to come is none of
        it: LiveKit holds a reply for each voice, an echo of this sound included. Nothing is played
        if the reply has sound to play, or may make none.

        Args:
            sound: Mono, 16 bits, at :data:`.SAMPLE_RATE`.

        Returns:
            Whether it will be heard.
        """
        # Who stops a reply pauses it, and the next one resumes: nothing is paused till then.
        paused = self._paused and self._playout is not None
        if paused or self.sounding or not self._audible.is_set():
            return False
        self._aside = Playout(SAMPLE_RATE, quiet=self._quiet)
        self._aside.push(sound)
        self._aside.complete()
        self._changed.set()
        return True

    def end_aside(self) -> None:
        """Play no more of a sound that belongs to no reply; nothing happens if there is none."""
        if self._aside:
            self._aside.stop()
        self._changed.set()

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        """Take audio to be played, as fast as it is made."""
        await self._audible.wait()
        await super().capture_frame(frame)
        if self._playout is None:
            self._playout = Playout(SAMPLE_RATE, quiet=self._quiet)
            self._playout.duck(self._ducked)
            self._playout.pause(self._paused)
            self._begun = self._dropped = False
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
        self.end_aside()
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
        """Fall silent and close the sink; may be called twice."""
        await utils.aio.cancel_and_wait(self._task)
        self.clear_buffer()
        await self._sink.aclose()

    @property
    def _unheard(self) -> float:
        """Seconds played of the reply, or of the one before, that are not heard yet."""
        if self._dropped:  # what may follow is the frame that fades out, which counts as unplayed
            return 0.0
        return max(0.0, self._sink.unheard - self._tail * _FRAME)

    def _pause(self, paused: bool) -> None:
        self._paused = paused
        if self._playout:
            self._playout.pause(paused)
            self._dropped = self._dropped and self._playout.halted
        self._changed.set()

    @utils.log_exceptions(logger=logger)
    async def _run(self) -> None:
        await self._sink.open()
        self._audible.set()
        silence = np.zeros(SAMPLE_RATE // FRAMES_PER_SECOND, np.int16)
        while True:
            playout = self._playout
            if self._aside and self._aside.due:
                await self._play(self._aside.next())
                self._tail = 0
            elif self._aside:
                self._aside = None
            elif playout and playout.halted and self._unheard:
                playout.rewind(round(self._unheard * SAMPLE_RATE))
                self._dropped = True
                self.played.drop()
                await self._sink.drop()
            elif playout and playout.due:
                await self._play(playout.next())
                self._tail = 0
                if not self._begun:
                    self._begun = True
                    self.on_playback_started(created_at=time.time())
            elif playout and playout.ended and (playout.stopped or not self._unheard):
                self._finish()
            elif self._tail < _TAIL_FRAMES:
                await self._play(silence)
                self._tail += 1
            else:
                await self._wait(_FRAME if playout and self._unheard else None)

    async def _wait(self, seconds: float | None) -> None:
        """Wait until something has changed, so many seconds at most."""
        self._changed.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._changed.wait()

    def _finish(self) -> None:
        position, playout = self.position, self._playout
        self._playout = None
        if playout:
            self.on_playback_finished(playback_position=position, interrupted=playout.stopped)

    async def _play(self, frame: Samples) -> None:
        await self._sink.play(frame, first=self._tail == _TAIL_FRAMES)
        self.played.add(frame)

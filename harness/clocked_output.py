"""An audio output that needs no loudspeaker."""

from __future__ import annotations

import asyncio
from abc import abstractmethod

from livekit import rtc
from livekit.agents.voice.io import AudioOutput, AudioOutputCapabilities

from .scripted import RATE


class ClockedOutput(AudioOutput):
    """Plays by the running loop's clock, and says at the end of a playback what was heard of it.

    Args:
        pause: Whether the session may pause it.
    """

    def __init__(self, *, pause: bool) -> None:
        super().__init__(
            label="clocked", capabilities=AudioOutputCapabilities(pause=pause), sample_rate=RATE
        )
        self._began: float | None = None
        self._length = 0.0
        self._end: asyncio.TimerHandle | None = None

    @abstractmethod
    def transcript(self, played: float) -> str:
        """Return what was heard of the playback that ends, of which so many seconds were played."""

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        await super().capture_frame(frame)
        if self._began is None:
            self._began = asyncio.get_running_loop().time()
            self.on_playback_started(created_at=self._began)
        self._length += frame.duration

    def flush(self) -> None:
        super().flush()
        if self._began is not None:
            loop = asyncio.get_running_loop()
            self._end = loop.call_at(self._began + self._length, self._finish, False)

    def clear_buffer(self) -> None:
        if self._began is not None:
            self._finish(True)

    def _finish(self, interrupted: bool) -> None:
        assert self._began is not None
        played = min(asyncio.get_running_loop().time() - self._began, self._length)
        if self._end:
            self._end.cancel()
        self._began, self._length, self._end = None, 0.0, None
        heard = self.transcript(played)
        self.on_playback_finished(
            playback_position=played,
            interrupted=interrupted,
            synchronized_transcript=heard if interrupted else None,
        )

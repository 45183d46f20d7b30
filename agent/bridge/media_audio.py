"""The sound of a media stream, in the shape in which a session listens and speaks."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from livekit import rtc
from livekit.agents.utils import aio
from livekit.agents.utils.audio import AudioByteStream
from livekit.agents.voice.io import AudioInput
from livekit.plugins.turn_taking.playback.buffer import FRAMES_PER_SECOND, Samples
from livekit.plugins.turn_taking.playback.sink import SAMPLE_RATE

from .media_messages import Dialect, Sent
from .media_rate import Resampler

_FRAME = 1 / FRAMES_PER_SECOND
_MESSAGES = 50
"""Messages of sound in a second: of 20 ms each, as the provider's own have."""
_AHEAD, _MOST_AHEAD = 0.1, 0.3
"""Seconds of sound with the provider when more follows: enough for the delays of a connection over
the internet, and all that a change of volume comes late. It begins with the least, and keeps
`_STEP` more each time that we were late."""
_STEP = 0.05
_OVERDUE = 0.5
"""Seconds after which sound counts as heard although no mark has told so: a provider that gives no
marks would otherwise have heard nothing."""

Send = Callable[[Sent], Awaitable[None]]


class MediaStreamInput(AudioInput):
    """What the caller says, as a room's input would give it: 24 kHz, its volume evened out.

    Args:
        rate: Hz of the stream.
    """

    def __init__(self, rate: int) -> None:
        super().__init__(label="media stream")
        self._frames: aio.Chan[rtc.AudioFrame] = aio.Chan()
        self._rate = Resampler(rate, SAMPLE_RATE)
        self._whole = AudioByteStream(SAMPLE_RATE, 1, SAMPLE_RATE // 50)
        self._volume = rtc.AudioProcessingModule(auto_gain_control=True)

    def push(self, samples: Samples) -> None:
        """Add what was said next; mono, at the stream's rate."""
        sound = self._rate.push(samples)
        for whole in self._whole.push(sound.tobytes()):
            self._volume.process_stream(whole)
            self._frames.send_nowait(whole)

    async def __anext__(self) -> rtc.AudioFrame:
        return await self._frames.recv()


class MediaStreamOutput:
    """A sink (:class:`livekit.plugins.turn_taking.playback.sink.Sink`) that a caller hears.

    The provider keeps what it has not played and gives back a mark after each message that it
    has.

    Args:
        dialect: How the provider writes the stream's messages.
        send: Sends a message.
        clock: Seconds on a clock that never steps back.
    """

    def __init__(
        self, dialect: Dialect, send: Send, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._dialect = dialect
        self._message = dialect.rate // _MESSAGES * 2
        """Bytes of a message's sound."""
        self._send = send
        self._clock = clock
        self._ahead = _AHEAD
        self._taken = self._sent = self._heard = 0.0
        """Seconds of sound, since the last drop."""
        self._over = clock()
        """When all that was taken has been played, if nothing delays it."""
        self._rate = Resampler(SAMPLE_RATE, dialect.rate)
        self._pcm = b""
        """Less than a message."""
        self._marks: dict[str, float] = {}
        """The seconds at the end of the messages that are not known to be heard."""
        self._number = 0

    @property
    def unheard(self) -> float:
        """Seconds of sound that the caller is not known to have heard."""
        due = self._over + _OVERDUE - self._clock()
        return max(0.0, min(self._taken - self._heard, due))

    async def open(self) -> None:
        """Do nothing: the provider listens from the first message on."""

    async def play(self, frame: Samples, *, first: bool) -> None:
        """Send 10 ms once the provider has little left."""
        left = self._over - self._clock()
        if left > self._ahead:
            await asyncio.sleep(left - self._ahead)
        elif left < 0.0 and not first:
            self._ahead = min(self._ahead + _STEP, _MOST_AHEAD)
        if left < -_OVERDUE:
            self._heard = self._taken
        self._over = max(self._over, self._clock()) + _FRAME
        self._taken += _FRAME
        self._pcm += self._rate.push(frame).tobytes()
        while len(self._pcm) >= self._message:
            message, self._pcm = self._pcm[: self._message], self._pcm[self._message :]
            self._sent += 1 / _MESSAGES
            self._number += 1
            self._marks[str(self._number)] = self._sent
            await self._send(self._dialect.media(message))
            await self._send(self._dialect.mark(str(self._number)))

    async def drop(self) -> None:
        """Have the provider throw away what it has not played."""
        self._taken = self._sent = self._heard = 0.0
        self._over = self._clock()
        self._rate, self._pcm = Resampler(SAMPLE_RATE, self._dialect.rate), b""
        self._marks.clear()  # those that come back now are of sound that nobody heard
        await self._send(self._dialect.clear())

    async def aclose(self) -> None:
        """Do nothing: the stream is its owner's to close."""

    def marked(self, name: str) -> None:
        """Take in that everything before a mark was heard, or dropped."""
        heard = self._marks.get(name)
        if heard is not None:
            self._heard = max(self._heard, heard)
            self._marks = {mark: end for mark, end in self._marks.items() if end > heard}

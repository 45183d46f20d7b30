"""How long sound is on its way between a caller and the agent, by whistles sent beside the speech.

Both ends are in this process and on one clock. What LiveKit's clients tell of themselves is less:
round trips are those to the server, and nobody tells of the queues before the encoder and behind
the jitter buffer.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass

import numpy as np
from livekit import rtc
from livekit.agents import vad
from livekit.plugins.turn_taking import Endpointer, TurnOptions
from livekit.plugins.turn_taking.end_of_turn.state import VOICE_STAYS

from harness.caller import Caller
from harness.recording import SAMPLE_RATE, Channel, Samples

from .instant import Host

_HERTZ = 1000
"""Of a whistle, which the detector takes for no voice."""
_SHORT, _LONG = 0.06, 0.8
"""Seconds of one of which the beginning counts, and of one of which the end does."""
_QUIET = 0.4
"""Seconds before each, in which what came before it dies away."""
_FRAME = 0.02
"""Seconds of the frames in which a session hears (``turn_taking.floor.HEARING``)."""
_WINDOW = 0.032
"""Seconds of which Silero judges at a time."""


@dataclass(frozen=True)
class Way:
    """Seconds that sound is on its way at one time."""

    up: float
    """From the caller's microphone to the agent's ear."""
    down: float
    """From where the agent plays it to where the caller hears it."""


class Whistles:
    """Measures both ways, in the pauses of a conversation. Made by :func:`whistling`.

    Args:
        caller: The caller.
        host: The agent.
    """

    def __init__(self, caller: Caller, host: Host) -> None:
        self._caller, self._host = caller, host
        self._arrived = Channel()
        """What arrives at the agent of the caller, on the caller's clock."""

    async def measure(self) -> Way:
        """Send a whistle each way."""
        return Way(await self._up(), await self._down())

    async def listen(self) -> None:
        """Keep what arrives, beside the session, which hears the same."""
        stream = rtc.AudioStream(await self._track(), sample_rate=SAMPLE_RATE, num_channels=1)
        try:
            async for event in stream:
                samples = np.frombuffer(event.frame.data, np.int16).copy()
                self._arrived.put(samples, self._caller.now)
        finally:
            await stream.aclose()

    async def _up(self) -> float:
        # By its end: a jitter buffer waits longer at the beginning of a sound than it does later,
        # and it is the end of what the caller says that matters.
        await asyncio.sleep(_QUIET)
        begun = self._caller.now
        sent = await self._caller.say(_whistle(_LONG))
        await first_sound(self._caller, self._arrived, begun)
        await asyncio.sleep(_QUIET + _LONG)
        arrived = self._arrived.last_sound(self._arrived.duration)
        assert arrived is not None
        return arrived - sent

    async def _down(self) -> float:
        await asyncio.sleep(_QUIET)
        output = self._host.session.output.audio
        assert output
        played: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        output.once("playback_started", lambda _: played.set_result(self._caller.now))

        async def frames() -> AsyncGenerator[rtc.AudioFrame, None]:
            samples = _whistle(_SHORT)
            yield rtc.AudioFrame(samples.tobytes(), SAMPLE_RATE, 1, len(samples))

        begun = self._caller.now
        await self._host.session.say("", audio=frames(), add_to_chat_ctx=False)
        return await first_sound(self._caller, self._caller.heard, begun) - await played

    async def _track(self) -> rtc.Track:
        async with asyncio.timeout(10):
            while True:
                participant = self._host.room.remote_participants.get(self._caller.identity)
                for publication in participant.track_publications.values() if participant else ():
                    if publication.track:
                        return publication.track
                await self._caller.tick()


@contextlib.asynccontextmanager
async def whistling(caller: Caller, host: Host) -> AsyncIterator[Whistles]:
    """Measure the ways of a caller for as long as the context lasts."""
    whistles = Whistles(caller, host)
    listening = asyncio.create_task(whistles.listen())
    try:
        yield whistles
    finally:
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)


async def outlasted(clip: Samples, options: TurnOptions) -> float:
    """Seconds by which the detector takes some speech to last longer than it does.

    That is the mean of where its windows may lie on the sound: it finds voice in a window of which
    a part is voice, and is told of a window by the frame that completes it.

    Args:
        clip: The speech, up to its last sample.
        options: Of the turn-taking.
    """
    late = []
    for shift in np.arange(0, _WINDOW, _WINDOW / 8):
        begin = 0.5 + float(shift)
        before, after = (np.zeros(int(s * SAMPLE_RATE), np.int16) for s in (begin, 1.0))
        stream = Endpointer.load(options).microphone.detector.stream()
        sound = np.concatenate([before, clip, after])
        step = int(_FRAME * SAMPLE_RATE)
        for at in range(0, sound.size - step + 1, step):
            frame = sound[at : at + step]
            stream.push_frame(rtc.AudioFrame(frame.tobytes(), SAMPLE_RATE, 1, step))
        stream.end_input()
        windows = [e.probability async for e in stream if e.type is vad.VADEventType.INFERENCE_DONE]
        await stream.aclose()
        voice = np.flatnonzero(np.array(windows) >= options.vad_threshold - VOICE_STAYS)
        ends = (voice[-1] + 1) * _WINDOW
        # Told of by the frame with which it is whole.
        ends = np.ceil(ends / _FRAME - 1e-6) * _FRAME
        late.append(ends - begin - clip.size / SAMPLE_RATE)
    return float(np.mean(late))


async def first_sound(caller: Caller, channel: Channel, after: float) -> float:
    """Wait for a sound in a channel after a moment; both times in seconds from the caller's start.

    Raises:
        TimeoutError: There is none for 10 s.
    """
    async with asyncio.timeout(10):
        while (found := channel.first_sound(after)) is None:
            await caller.tick()
    return found


def _whistle(seconds: float) -> Samples:
    at = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    return (np.sin(2 * np.pi * _HERTZ * at) * 12_000).astype(np.int16)

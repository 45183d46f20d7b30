"""A stream's own sound, cut where a detector cuts that hears the same."""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Iterator

from livekit import rtc
from livekit.agents import vad

from ..log import logger

_SLACK = 0.1
"""Seconds by which two streams of one microphone may be apart: a frame, and what a resampler keeps
(20 ms at LiveKit's own quality for recognisers)."""

_PATIENCE = 0.5
"""Seconds of sound after which what is apart stays so, and is put right. A burst of sound that
reaches one stream before the other is not: the detector needs 0.5 ms for 32."""


class Sound:
    """What was pushed into one stream and has not been handed out, and what waits for it.

    The same sound is pushed into several streams, at other rates and a little sooner or later; one
    of them is detected. An event of the detector waits here until the stream's own sound of that
    window is there, so that each reader gets what was pushed into its own stream, all of it, in
    windows of the same length.
    """

    def __init__(self) -> None:
        self._frames: deque[rtc.AudioFrame] = deque()
        self._rate = 0
        self._samples = 0  # in the frames
        self._fraction = 0.0  # of a sample, by which windows were too short
        self._waiting: deque[tuple[vad.VADEvent, float]] = deque()
        self._waited = 0.0  # seconds of all that waits
        self._early = 0.0  # seconds for which there has been too much sound

    @property
    def seconds(self) -> float:
        """How much has not been handed out."""
        return self._samples / self._rate if self._rate else 0.0

    @property
    def rest(self) -> list[rtc.AudioFrame]:
        """What has not been handed out."""
        return list(self._frames)

    def push(self, frame: rtc.AudioFrame) -> None:
        """Add sound, of any one rate."""
        if self._rate not in (0, frame.sample_rate):
            logger.error("a frame with another sample rate was already pushed")
            return
        self._rate = frame.sample_rate
        self._frames.append(frame)
        self._samples += frame.samples_per_channel

    def wait(self, event: vad.VADEvent, seconds: float = 0.0, *, ahead: float = 0.0) -> None:
        """Have an event wait for the sound of its window.

        Args:
            event: What was detected.
            seconds: Length of the window; 0 for an event that is of none.
            ahead: Seconds of sound that the detector has still before it.
        """
        surplus = self.seconds - self._waited - seconds - ahead
        self._early = self._early + seconds if surplus > _SLACK else 0.0
        if self._early > _PATIENCE:
            seconds += surplus  # nothing is lost: the window is longer
        self._waiting.append((event, seconds))
        self._waited += seconds

    def ready(self, *, all_of_it: bool = False) -> Iterator[vad.VADEvent]:
        """Hand out what need not wait any more, with the sound of its window.

        Args:
            all_of_it: Have nothing wait, as no more sound will come.
        """
        while self._waiting:
            event, seconds = self._waiting[0]
            late = all_of_it or self._waited > _PATIENCE
            if self.seconds < seconds - 1e-6 and not late:
                return
            self._waiting.popleft()
            self._waited -= seconds
            yield dataclasses.replace(event, frames=self._take(seconds)) if seconds else event

    def _take(self, seconds: float) -> list[rtc.AudioFrame]:
        exact = seconds * self._rate + self._fraction
        wanted = int(exact + 1e-6)
        self._fraction = exact - wanted
        taken = []
        while wanted and self._frames:
            frame = self._frames.popleft()
            if frame.samples_per_channel > wanted:
                frame, rest = _split(frame, wanted)
                self._frames.appendleft(rest)
            taken.append(frame)
            wanted -= frame.samples_per_channel
            self._samples -= frame.samples_per_channel
        return taken


def _split(frame: rtc.AudioFrame, at: int) -> tuple[rtc.AudioFrame, rtc.AudioFrame]:
    width = 2 * frame.num_channels
    data = bytes(frame.data)
    first, second = data[: at * width], data[at * width :]
    return (
        rtc.AudioFrame(first, frame.sample_rate, frame.num_channels, at),
        rtc.AudioFrame(
            second, frame.sample_rate, frame.num_channels, frame.samples_per_channel - at
        ),
    )

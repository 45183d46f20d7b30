"""The audio of a reply on its way out: ten milliseconds at a time, at the volume that is wanted."""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.int16]

FRAMES_PER_SECOND = 100
"""WebRTC's own frame is 10 ms."""

_REMEMBERED = 2 * FRAMES_PER_SECOND
"""Frames that can be played again: 2 s, more than any sink has unheard."""

_DUCK_FRAMES = 3
"""Frames in which the volume changes between full and ducked. A step is heard as a click; 30 ms
are not, and are short beside the 120 ms in which a user is to hear that they are heard."""


class Playout:
    """The samples of one reply, handed out frame by frame.

    A stop fades out within one frame, a step at full volume being a click. Samples that were faded
    out count as not played: after a pause they are played again.

    Args:
        sample_rate: Of the samples, in Hz.
        quiet: Volume while ducked, of 1.
    """

    def __init__(self, sample_rate: int, *, quiet: float) -> None:
        self._frame_size = sample_rate // FRAMES_PER_SECOND
        self._quiet = quiet
        self._waiting: deque[Samples] = deque()
        self._past: deque[Samples] = deque(maxlen=_REMEMBERED)
        self._available = 0
        self._gain = 1.0
        self._ducked = False
        self._paused = False
        self._complete = False
        self.stopped = False
        """Whether the reply was stopped before its end."""
        self.position = 0
        """Samples played so far."""

    @property
    def due(self) -> bool:
        """Whether there is a frame to hand out now."""
        if self.halted:
            return self.position > 0 and self._gain > 0.0
        return self._available >= self._frame_size or (self._complete and self._available > 0)

    @property
    def ended(self) -> bool:
        """Whether nothing more will be handed out."""
        if self.stopped:
            return not self.due
        return self._complete and not self._available

    @property
    def halted(self) -> bool:
        """Whether it is paused or stopped."""
        return self._paused or self.stopped

    def push(self, samples: Samples) -> None:
        """Add to the reply."""
        if samples.size:
            self._waiting.append(samples)
            self._available += samples.size

    def complete(self) -> None:
        """Add no more."""
        self._complete = True

    def duck(self, ducked: bool) -> None:
        """Lower the volume, or raise it again."""
        self._ducked = ducked

    def pause(self, paused: bool) -> None:
        """Fall silent, or go on with the first sample that was not heard in full."""
        self._paused = paused
        self._mute_if_dry()

    def stop(self) -> None:
        """Fall silent for good."""
        self.stopped = True
        self._mute_if_dry()

    def rewind(self, size: int) -> None:
        """Take back samples that were handed out last and not heard.

        Args:
            size: How many; fewer if fewer were handed out.
        """
        while size and self._past:
            piece = self._past.pop()
            if piece.size > size:
                self._past.append(piece[:-size])
                piece = piece[-size:]
            self._waiting.appendleft(piece)
            self._available += piece.size
            self.position -= piece.size
            size -= piece.size

    def next(self) -> Samples:
        """Hand out a frame; the last one of a reply is filled up with silence."""
        fading = self.halted
        wanted = 0.0 if fading else self._quiet if self._ducked else 1.0
        step = 1.0 if fading or not self._gain else (1.0 - self._quiet) / _DUCK_FRAMES
        gain = min(max(wanted, self._gain - step), self._gain + step)
        samples = self._take(keep=fading)
        if self._gain != 1.0 or gain != 1.0:
            ramp = np.linspace(self._gain, gain, self._frame_size, endpoint=False)
            samples = (samples * ramp).astype(np.int16)
        self._gain = gain
        return samples

    def _mute_if_dry(self) -> None:
        # It is silent already, and what comes later would begin with a blip.
        if self.halted and not self._available:
            self._gain = 0.0

    def _take(self, *, keep: bool) -> Samples:
        pieces: list[Samples] = []
        missing = self._frame_size
        while missing and self._waiting:
            piece = self._waiting.popleft()
            if piece.size > missing:
                self._waiting.appendleft(piece[missing:])
                piece = piece[:missing]
            pieces.append(piece)
            missing -= piece.size
        taken = np.concatenate([*pieces, np.zeros(missing, np.int16)])
        played = taken[: taken.size - missing]
        if keep:
            self._waiting.appendleft(played)
        else:
            self._past.append(played)
            self._available -= played.size
            self.position += played.size
        return taken

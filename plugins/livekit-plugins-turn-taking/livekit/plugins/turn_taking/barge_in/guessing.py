"""Has sounds over the agent's speech guessed at, while they go on and beside the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import numpy as np

from ..log import logger
from ..playback.buffer import Samples
from .hunch import Guess
from .sound import Sound

BEFORE = 4
"""Windows of 32 ms before a sound's first voice that are heard with it: Silero is sure of a voice
some 50 ms after it begins."""
_FIRST = 7
"""Windows of a sound before the first guess: 0.22 s."""
_AGAIN = 3
"""Windows from one guess to the next: about 0.1 s."""
_LONGEST = 36
"""Windows of a sound that are heard at most, as long as what the network was trained on. What goes
on for longer is known by its words."""


class Guessing:
    """Keeps what is heard of a sound, and gives the sound its hunch, about every 0.1 s anew.

    At most one guess is being made; while it is, the event loop goes on, and the next waits for it.
    After one that fails there is none any more.

    Args:
        guess: Called in a thread.
    """

    def __init__(self, guess: Guess) -> None:
        self._guess: Guess | None = guess  # None once it has failed, or nobody asks any more
        self._sound: Sound | None = None
        self._heard: list[Samples] = []
        self._windows = 0
        self._next = _FIRST
        self._task: asyncio.Task[None] | None = None

    def add(self, sound: Sound, windows: Sequence[Samples]) -> None:
        """Hear one more window of a sound.

        Args:
            sound: Has its hunch set when there is a new one, until then the one before.
            windows: The last ones of the microphone, the new one included.
        """
        if sound is not self._sound or sound.began_again:
            self._sound, self._windows, self._next = sound, 0, _FIRST
            self._heard = list(windows[-BEFORE - 1 : -1])
            sound.began_again = False
        if self._guess is None or self._windows == _LONGEST:
            return
        self._heard.append(windows[-1])
        self._windows += 1
        busy = self._task is not None and not self._task.done()
        if self._windows >= self._next and not busy:
            self._next = self._windows + _AGAIN
            self._task = asyncio.create_task(
                self._judge(self._guess, sound, np.concatenate(self._heard)), name="Guessing.judge"
            )

    async def aclose(self) -> None:
        """Guess at nothing any more, and wait for no guess; may be called twice."""
        self._guess = None
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _judge(self, guess: Guess, sound: Sound, heard: Samples) -> None:
        try:
            hunch = await asyncio.to_thread(guess, heard)
        except Exception:
            # What has failed once would fail every 0.1 s. Sounds are judged without.
            self._guess = None
            logger.exception(
                "a sound over the agent's speech could not be guessed at: this conversation goes on"
                " without guesses"
            )
            return
        if sound is self._sound and not sound.began_again:
            sound.hunch = hunch

"""Music on hold. It is made here, so there is no recording whose owner would have to be asked."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from functools import cache

import numpy as np
from livekit import rtc
from livekit.agents import AudioConfig, BackgroundAudioPlayer
from numpy.typing import NDArray

_RATE = 48_000
"""Hz, as LiveKit's mixer for tracks beside the voice has it."""
_BEAT = 0.4
"""Seconds from note to note."""
# C, A minor, F, G: each broken into four notes and back. Frequencies in equal temperament, from
# A4 = 440 Hz; all of them within the band of a telephone, 300 to 3,400 Hz.
_CHORDS = [(60, 64, 67, 72), (57, 60, 64, 69), (53, 57, 60, 65), (55, 59, 62, 67)]
_OCTAVE_UP = 12
_LEVEL = 0.12
"""Peak as a share of full scale: -18 dBFS, softer than a voice."""


def melody(rate: int = _RATE) -> NDArray[np.int16]:
    """Four bars that can follow themselves: mono s16, 12.8 s.

    Args:
        rate: Hz.
    """
    notes = [note for chord in _CHORDS for note in (*chord, *reversed(chord))]
    step = round(_BEAT * rate)
    sound: NDArray[np.float64] = np.zeros(step * (len(notes) + 3))
    for i, note in enumerate(notes):
        frequency = 440.0 * 2 ** ((note + _OCTAVE_UP - 69) / 12)
        t = np.arange(step * 4) / rate
        # Struck and dying away, with a soft second harmonic, as a music box.
        tone = np.sin(2 * np.pi * frequency * t) + 0.3 * np.sin(4 * np.pi * frequency * t)
        sound[i * step : (i + 4) * step] += tone * np.exp(-3 * t) * np.minimum(t / 0.01, 1)
    # What rings on beyond the end rings into the beginning.
    tail = sound[len(notes) * step :]
    sound = sound[: len(notes) * step]
    sound[: len(tail)] += tail
    level = _LEVEL * 32767 / float(np.abs(sound).max())
    whole: NDArray[np.int16] = np.round(sound * level).astype(np.int16)
    return whole


_melody = cache(melody)


async def music() -> AsyncIterator[rtc.AudioFrame]:
    """The music in frames of 50 ms, again and again."""
    size = _RATE // 20
    sound = await asyncio.to_thread(_melody)  # the first time it takes a while
    while True:
        for start in range(0, len(sound), size):
            yield rtc.AudioFrame(sound[start : start + size].tobytes(), _RATE, 1, size)


@contextlib.asynccontextmanager
async def hold_music(room: rtc.Room) -> AsyncIterator[None]:
    """Music for the room, as long as the context lasts."""
    player = BackgroundAudioPlayer()
    await player.start(room=room)
    try:
        player.play(AudioConfig(music(), fade_in=0.3, fade_out=0.3))
        yield
    finally:
        await player.aclose()

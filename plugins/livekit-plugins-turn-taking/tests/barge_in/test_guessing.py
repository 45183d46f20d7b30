"""Sounds guessed at beside the event loop."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque

import numpy as np
import pytest
from livekit.plugins.turn_taking.barge_in.guessing import BEFORE, Guessing
from livekit.plugins.turn_taking.barge_in.hunch import Hunch
from livekit.plugins.turn_taking.barge_in.sound import COMPARED, WINDOW, Sound
from livekit.plugins.turn_taking.playback.buffer import Samples
from livekit.plugins.turn_taking.playback.sink import SAMPLE_RATE

SIZE = round(WINDOW * SAMPLE_RATE)
FLOOR = Hunch(0.9, 0.1, 0.0, 0.0, 0.0)


class Guesser:
    """Remembers the first sample of each window that it is given, and may be held up."""

    def __init__(self) -> None:
        self.heard: list[list[int]] = []
        self.go_on = threading.Event()
        self.go_on.set()

    def __call__(self, samples: Samples) -> Hunch:
        self.heard.append(samples[::SIZE].tolist())
        if not self.go_on.wait(5):
            raise TimeoutError("nobody let the guesser go on")
        return FLOOR


class Microphone:
    """Windows that are numbered, from 1 on."""

    def __init__(self, guessing: Guessing) -> None:
        self._guessing = guessing
        self._windows: deque[Samples] = deque(maxlen=COMPARED)
        self.count = 0

    def hear(self, sound: Sound | None, windows: int) -> None:
        for _ in range(windows):
            self.count += 1
            self._windows.append(np.full(SIZE, self.count, np.int16))
            if sound:
                self._guessing.add(sound, list(self._windows))


async def given(sound: Sound) -> Hunch:
    """The hunch of a sound, once there is one."""
    async with asyncio.timeout(5):
        while sound.hunch is None:
            await asyncio.sleep(0.001)
    return sound.hunch


async def test_a_sound_is_guessed_at_with_what_was_just_before_it() -> None:
    guess = Guesser()
    microphone = Microphone(Guessing(guess))
    microphone.hear(None, 6)
    sound = Sound(began=0.0, last_voice=0.0)
    microphone.hear(sound, 6)
    await asyncio.sleep(0.05)
    assert guess.heard == []
    microphone.hear(sound, 1)
    assert await given(sound) is FLOOR
    assert guess.heard == [list(range(7 - BEFORE, 14))]


async def test_it_is_guessed_at_anew_until_it_is_too_long() -> None:
    guess = Guesser()
    microphone, sound = Microphone(Guessing(guess)), Sound(began=0.0, last_voice=0.0)
    for _ in range(60):
        microphone.hear(sound, 1)
        sound.hunch = None
        if len(guess.heard) < 10 and microphone.count >= 7 and (microphone.count - 7) % 3 == 0:
            await given(sound)
    assert [len(heard) for heard in guess.heard] == [7, 10, 13, 16, 19, 22, 25, 28, 31, 34]


async def test_one_guess_is_made_at_a_time_and_the_next_is_of_all_that_came_meanwhile() -> None:
    guess = Guesser()
    guess.go_on.clear()
    microphone, sound = Microphone(Guessing(guess)), Sound(began=0.0, last_voice=0.0)
    for _ in range(20):
        microphone.hear(sound, 1)
        await asyncio.sleep(0.002)
    assert [len(heard) for heard in guess.heard] == [7]
    guess.go_on.set()
    await given(sound)
    sound.hunch = None
    await asyncio.sleep(0)
    microphone.hear(sound, 1)
    await given(sound)
    assert [len(heard) for heard in guess.heard] == [7, 21]


async def test_a_guess_that_comes_late_is_of_no_other_sound() -> None:
    guess = Guesser()
    guess.go_on.clear()
    guessing = Guessing(guess)
    microphone = Microphone(guessing)
    first, second = Sound(began=0.0, last_voice=0.0), Sound(began=1.0, last_voice=1.0)
    microphone.hear(first, 7)
    await asyncio.sleep(0.01)
    microphone.hear(second, 2)
    guess.go_on.set()
    async with asyncio.timeout(5):
        while len(guess.heard) < 2:
            await asyncio.sleep(0.001)
            microphone.hear(second, 1)
        await given(second)
    assert first.hunch is None
    assert guess.heard[1][BEFORE] == 8


async def test_who_speaks_into_an_echo_is_heard_from_there_on() -> None:
    guess = Guesser()
    microphone, sound = Microphone(Guessing(guess)), Sound(began=0.0, last_voice=0.0)
    microphone.hear(sound, 7)
    await given(sound)
    sound.begin_again(1.0)
    assert sound.hunch is None
    microphone.hear(sound, 7)
    await given(sound)
    assert guess.heard[1] == list(range(8 - BEFORE, 15))


async def test_a_guess_that_fails_leaves_the_sound_without(
    caplog: pytest.LogCaptureFixture,
) -> None:
    asked = 0

    def fail(samples: Samples) -> Hunch:
        nonlocal asked
        asked += 1
        raise ValueError("no such weights")

    microphone, sound = Microphone(Guessing(fail)), Sound(began=0.0, last_voice=0.0)
    with caplog.at_level(logging.ERROR):
        microphone.hear(sound, 7)
        async with asyncio.timeout(5):
            while not caplog.records:
                await asyncio.sleep(0.001)
        for _ in range(29):  # nor is any other sound
            microphone.hear(sound, 1)
            await asyncio.sleep(0.001)
        microphone.hear(Sound(began=1.0, last_voice=1.0), 20)
        await asyncio.sleep(0.02)
    assert asked == 1
    assert len(caplog.records) == 1
    assert "could not be guessed at" in caplog.text
    assert sound.hunch is None


async def test_closing_waits_for_no_guess() -> None:
    guess = Guesser()
    guess.go_on.clear()
    guessing = Guessing(guess)
    sound = Sound(began=0.0, last_voice=0.0)
    Microphone(guessing).hear(sound, 7)
    await asyncio.sleep(0.01)
    async with asyncio.timeout(2):
        await guessing.aclose()
        await guessing.aclose()
    guess.go_on.set()
    assert sound.hunch is None


async def test_nothing_is_guessed_at_after_closing() -> None:
    guess = Guesser()
    guessing = Guessing(guess)
    microphone = Microphone(guessing)
    await guessing.aclose()
    for began in (0.0, 1.0):
        microphone.hear(Sound(began=began, last_voice=began), 20)
        await asyncio.sleep(0.02)
    assert guess.heard == []

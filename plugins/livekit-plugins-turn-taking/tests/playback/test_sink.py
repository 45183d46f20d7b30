"""The track of a room, against a source that plays in a time of its own."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import pytest
from livekit import rtc
from livekit.plugins.turn_taking.playback.sink import SAMPLE_RATE, RoomTrack

FRAME = SAMPLE_RATE // 100


class Source:
    """Takes the place of WebRTC's source; `queued_duration` is as long as a test says."""

    def __init__(self) -> None:
        self.taken: list[np.ndarray[Any, Any]] = []
        self.queued_duration = 0.0

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        self.taken.append(np.frombuffer(frame.data, np.int16).copy())
        self.queued_duration += frame.duration


class Hurry:
    """Whether something is heard over the agent's speech."""

    now = False

    def __call__(self) -> bool:
        return self.now


@pytest.fixture
def hurry() -> Hurry:
    return Hurry()


@pytest.fixture
async def track(monkeypatch: pytest.MonkeyPatch, hurry: Hurry) -> tuple[RoomTrack, Source]:
    source = Source()
    monkeypatch.setattr(rtc, "AudioSource", lambda *_, **__: source)

    async def pass_by(seconds: float) -> None:
        source.queued_duration -= seconds

    monkeypatch.setattr(asyncio, "sleep", pass_by)
    return RoomTrack(rtc.Room(), hurry=hurry), source


def sound(value: int) -> np.ndarray[Any, np.dtype[np.int16]]:
    return np.full(FRAME, value, np.int16)


def sizes(source: Source) -> list[int]:
    return [taken.size // FRAME for taken in source.taken]


async def test_it_begins_at_once_and_goes_on_in_pairs(track: tuple[RoomTrack, Source]) -> None:
    room, source = track
    for n in range(1, 10):
        await room.play(sound(n), first=n == 1)
    assert sizes(source) == [1, 1, 1, 2, 2, 2]
    assert (np.concatenate(source.taken) == np.repeat(np.arange(1, 10), FRAME)).all()


async def test_each_frame_goes_by_itself_while_a_stop_may_come(
    track: tuple[RoomTrack, Source], hurry: Hurry
) -> None:
    room, source = track
    for n in range(1, 5):
        await room.play(sound(n), first=n == 1)
    assert sizes(source) == [1, 1, 1], "the fourth waits for the fifth"
    hurry.now = True
    for n in range(5, 8):
        await room.play(sound(n), first=False)
    assert sizes(source)[3:] == [2, 1, 1]


async def test_no_sound_is_left_behind_at_the_end(track: tuple[RoomTrack, Source]) -> None:
    room, source = track
    for n in range(1, 5):
        await room.play(sound(n), first=n == 1)
    for _ in range(3):
        await room.play(sound(0), first=False)
    assert sizes(source) == [1, 1, 1, 2, 1, 1], "silence takes along what waits, and never waits"


async def test_each_frame_goes_by_itself_where_nobody_tells_of_a_stop(
    track: tuple[RoomTrack, Source],
) -> None:
    room, source = RoomTrack(rtc.Room()), track[1]
    for n in range(1, 6):
        await room.play(sound(n), first=n == 1)
    assert sizes(source) == [1] * 5

"""The loudspeaker against a source that takes a frame whenever a test lets it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Literal

import numpy as np
import pytest
from livekit import rtc
from livekit.agents.voice.io import PlaybackFinishedEvent
from livekit.plugins.turn_taking.playback import sink as module
from livekit.plugins.turn_taking.playback.output import _TAIL_FRAMES, Loudspeaker
from livekit.plugins.turn_taking.playback.sink import SAMPLE_RATE, RoomTrack

FRAME = SAMPLE_RATE // 100


class Source:
    """Takes the place of WebRTC's source: a frame is taken each time `tick` is called."""

    def __init__(self, *_: Any, **__: Any) -> None:
        self.taken: list[np.ndarray[Any, Any]] = []
        self._room = asyncio.Semaphore(0)
        self.queued_duration = 0.02

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        await self._room.acquire()
        self.taken.append(np.frombuffer(frame.data, np.int16).copy())

    async def tick(self, frames: int) -> None:
        for _ in range(frames):
            self._room.release()
        for _ in range(5 * frames + 5):
            await asyncio.sleep(0)

    async def aclose(self) -> None: ...


class Publication:
    async def wait_for_subscription(self) -> None: ...


class Room(rtc.EventEmitter[Literal["connection_state_changed"]]):
    """As much of a room as the loudspeaker sees."""

    def __init__(self, *, joined: bool = True) -> None:
        super().__init__()
        self._joined = joined

    def isconnected(self) -> bool:
        return self._joined

    def join(self) -> None:
        self._joined = True
        self.emit("connection_state_changed", rtc.ConnectionState.CONN_CONNECTED)

    @property
    def local_participant(self) -> Room:
        assert self._joined, "cannot access local participant before connecting"
        return self

    async def publish_track(self, *_: Any) -> Publication:
        return Publication()


@pytest.fixture
async def speaker(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[Loudspeaker, Source]]:
    source = Source()
    monkeypatch.setattr(rtc, "AudioSource", lambda *_, **__: source)
    monkeypatch.setattr(rtc.LocalAudioTrack, "create_audio_track", lambda *_: None)
    loudspeaker = Loudspeaker(RoomTrack(Room()), quiet=0.25)  # type: ignore[arg-type]
    yield loudspeaker, source
    await loudspeaker.aclose()


def reply(seconds: float, value: int = 1000) -> rtc.AudioFrame:
    samples = np.full(int(seconds * SAMPLE_RATE), value, np.int16)
    return rtc.AudioFrame(samples.tobytes(), SAMPLE_RATE, 1, samples.size)


def watch(loudspeaker: Loudspeaker) -> tuple[list[Any], list[PlaybackFinishedEvent]]:
    started: list[Any] = []
    finished: list[PlaybackFinishedEvent] = []
    loudspeaker.on("playback_started", started.append)
    loudspeaker.on("playback_finished", finished.append)
    return started, finished


async def test_two_replies_are_told_of_one_after_the_other(
    speaker: tuple[Loudspeaker, Source],
) -> None:
    loudspeaker, source = speaker
    started, finished = watch(loudspeaker)
    for count in (1, 2):
        await loudspeaker.capture_frame(reply(0.05))
        loudspeaker.flush()
        assert len(started) == count - 1
        await source.tick(6)  # a frame of silence after the first may be on its way
        assert len(started) == len(finished) == count
        assert not finished[-1].interrupted
        assert finished[-1].playback_position == pytest.approx(0.05)
    assert (await loudspeaker.wait_for_playout()).playback_position == pytest.approx(0.05)


async def test_a_reply_that_is_cleared_falls_silent_in_one_frame_and_tells_how_far_it_was(
    speaker: tuple[Loudspeaker, Source],
) -> None:
    loudspeaker, source = speaker
    _, finished = watch(loudspeaker)
    await loudspeaker.capture_frame(reply(1.0))
    await source.tick(10)
    before = len(source.taken)
    loudspeaker.flush()
    loudspeaker.clear_buffer()
    loudspeaker.clear_buffer()  # LiveKit does it twice
    await source.tick(30)
    # One frame was offered when it was cleared; then the fade, then silence for a while.
    after = source.taken[before:]
    assert (after[0] == 1000).all()
    assert after[1][0] == 1000
    assert after[1][-1] < 10
    assert all(not frame.any() for frame in after[2:])
    assert len(after) == 2 + _TAIL_FRAMES
    assert [e.interrupted for e in finished] == [True]
    assert finished[0].playback_position == pytest.approx(0.01 * (before + 1))


async def test_a_reply_cleared_before_its_first_sound_is_told_of_as_unheard(
    speaker: tuple[Loudspeaker, Source],
) -> None:
    loudspeaker, source = speaker
    started, finished = watch(loudspeaker)
    loudspeaker.pause()
    await loudspeaker.capture_frame(reply(1.0))
    await source.tick(3)
    assert not started
    loudspeaker.flush()
    loudspeaker.clear_buffer()
    await source.tick(1)
    assert [(e.playback_position, e.interrupted) for e in finished] == [(0.0, True)]
    assert not any(frame.any() for frame in source.taken)


async def test_volume_and_pause_hold_for_a_reply_that_has_not_begun(
    speaker: tuple[Loudspeaker, Source],
) -> None:
    loudspeaker, source = speaker
    loudspeaker.duck(True)
    loudspeaker.pause()
    await loudspeaker.capture_frame(reply(0.1))
    await source.tick(3)
    loudspeaker.resume()
    await source.tick(5)
    heard = [frame for frame in source.taken if frame.any()]
    assert heard[3].max() == 250


async def test_what_was_played_is_remembered(speaker: tuple[Loudspeaker, Source]) -> None:
    loudspeaker, source = speaker
    await loudspeaker.capture_frame(reply(0.02))
    loudspeaker.flush()
    await source.tick(2)
    assert np.count_nonzero(loudspeaker.played.last(0.5)) >= FRAME


async def test_closing_ends_what_is_being_played(speaker: tuple[Loudspeaker, Source]) -> None:
    loudspeaker, source = speaker
    _, finished = watch(loudspeaker)
    await loudspeaker.capture_frame(reply(1.0))
    await source.tick(2)
    await loudspeaker.aclose()
    assert [e.interrupted for e in finished] == [True]


async def test_it_waits_for_a_room_that_the_session_joins_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source, room = Source(), Room(joined=False)
    monkeypatch.setattr(rtc, "AudioSource", lambda *_, **__: source)
    monkeypatch.setattr(rtc.LocalAudioTrack, "create_audio_track", lambda *_: None)
    loudspeaker = Loudspeaker(RoomTrack(room), quiet=0.25)  # type: ignore[arg-type]
    saying = asyncio.create_task(loudspeaker.capture_frame(reply(0.02)))
    await source.tick(2)
    assert not saying.done()
    room.join()
    await saying
    await source.tick(2)
    assert source.taken
    await loudspeaker.aclose()


async def test_it_keeps_more_ahead_once_it_ran_dry_and_less_when_it_did_not_for_a_while(
    speaker: tuple[Loudspeaker, Source],
) -> None:
    loudspeaker, source = speaker
    track = loudspeaker._sink
    assert isinstance(track, RoomTrack)
    await loudspeaker.capture_frame(reply(10.0))
    await source.tick(3)
    assert track._ahead == module._AHEAD
    source.queued_duration = 0.0
    await source.tick(1)
    source.queued_duration = 0.02
    await source.tick(1)
    assert track._ahead > module._AHEAD
    await source.tick(module._CALM + 1)
    assert track._ahead == module._AHEAD


class Faraway:
    """Takes the place of a sink whose listener is a second behind."""

    def __init__(self) -> None:
        self.taken: list[np.ndarray[Any, Any]] = []
        self.unheard = 0.0
        self.drops = 0
        self.least = 0

    async def open(self) -> None: ...

    async def play(self, frame: np.ndarray[Any, Any], *, first: bool) -> None:
        while len(self.taken) >= self.least:
            await asyncio.sleep(0)
        self.taken.append(frame)
        self.unheard += 0.01

    async def drop(self) -> None:
        self.unheard = 0.0
        self.drops += 1

    async def aclose(self) -> None: ...

    async def tick(self, frames: int) -> None:
        self.least += frames
        for _ in range(5 * frames + 5):
            await asyncio.sleep(0)


@pytest.fixture
async def faraway() -> AsyncIterator[tuple[Loudspeaker, Faraway]]:
    sink = Faraway()
    loudspeaker = Loudspeaker(sink, quiet=0.25)
    yield loudspeaker, sink
    await loudspeaker.aclose()


async def test_what_was_not_heard_is_dropped_at_a_stop_and_does_not_count(
    faraway: tuple[Loudspeaker, Faraway],
) -> None:
    loudspeaker, sink = faraway
    _, finished = watch(loudspeaker)
    await loudspeaker.capture_frame(reply(1.0))
    await sink.tick(30)
    sink.unheard = 0.1
    assert loudspeaker.position == pytest.approx(0.21)  # one frame is on offer
    loudspeaker.clear_buffer()
    await sink.tick(30)
    assert sink.drops == 1
    assert [e.interrupted for e in finished] == [True]
    assert finished[0].playback_position == pytest.approx(0.2)


async def test_a_pause_drops_what_was_not_heard_and_goes_on_with_it(
    faraway: tuple[Loudspeaker, Faraway],
) -> None:
    loudspeaker, sink = faraway
    started, finished = watch(loudspeaker)
    ramp = np.arange(SAMPLE_RATE, dtype=np.int16)
    await loudspeaker.capture_frame(rtc.AudioFrame(ramp.tobytes(), SAMPLE_RATE, 1, ramp.size))
    loudspeaker.flush()
    await sink.tick(30)
    sink.unheard = 0.1
    loudspeaker.pause()
    await sink.tick(30)
    assert sink.drops == 1
    before = len(sink.taken)
    loudspeaker.resume()
    await sink.tick(100)
    assert sink.taken[before][-1] == pytest.approx(0.21 * SAMPLE_RATE, abs=FRAME)
    assert not finished
    sink.unheard = 0.0
    await asyncio.sleep(0.05)
    assert [e.interrupted for e in finished] == [False]
    assert finished[0].playback_position == pytest.approx(1.0)
    assert len(started) == 1


async def test_a_reply_has_ended_once_it_is_heard(faraway: tuple[Loudspeaker, Faraway]) -> None:
    loudspeaker, sink = faraway
    _, finished = watch(loudspeaker)
    await loudspeaker.capture_frame(reply(0.1))
    loudspeaker.flush()
    await sink.tick(40)
    assert sink.unheard == pytest.approx(0.01 * (10 + _TAIL_FRAMES))
    await asyncio.sleep(0.05)
    assert not finished
    sink.unheard = 0.01 * _TAIL_FRAMES  # all but the silence
    await asyncio.sleep(0.05)
    assert [e.interrupted for e in finished] == [False]
    assert finished[0].playback_position == pytest.approx(0.1)

"""Several readers of one detector: its microphone is detected once, and each has its own sound."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import numpy as np
import pytest
import pytest_asyncio
from livekit import rtc
from livekit.agents import inference, vad
from livekit.plugins.turn_taking.end_of_turn.detector import Endpointer
from livekit.plugins.turn_taking.end_of_turn.transcript import TurnTranscript
from livekit.plugins.turn_taking.microphone import Microphone
from numpy.typing import NDArray

BEGINS = vad.VADEventType.START_OF_SPEECH
ENDS = vad.VADEventType.END_OF_SPEECH
WINDOW = vad.VADEventType.INFERENCE_DONE

SESSIONS, RECOGNISERS = 24_000, 16_000
"""Hz, as LiveKit's session hears and as Whisper does."""
LOUD = 5000


class Loudness(vad.VAD):
    """Takes what is loud for voice, in windows of 32 ms; counts its streams and windows."""

    def __init__(self) -> None:
        super().__init__(capabilities=vad.VADCapabilities(update_interval=0.032))
        self.streams: list[_Loudness] = []
        self.windows = 0

    def stream(self) -> vad.VADStream:
        self.streams.append(_Loudness(self))
        return self.streams[-1]


class _Loudness(vad.VADStream):
    closed = False

    async def _main_task(self) -> None:
        assert isinstance(self._vad, Loudness)
        heard, rate = np.zeros(0, np.int16), 0
        async for frame in self._input_ch:
            if not isinstance(frame, rtc.AudioFrame):
                heard = heard[:0]
                continue
            rate = frame.sample_rate
            heard = np.append(heard, np.frombuffer(frame.data, np.int16))
            size = rate * 32 // 1000
            while heard.size >= size:
                window, heard = heard[:size], heard[size:]
                await asyncio.sleep(0)  # as an inference in a thread
                self._vad.windows += 1
                self._event_ch.send_nowait(
                    vad.VADEvent(
                        type=WINDOW,
                        samples_index=0,
                        timestamp=0.0,
                        speech_duration=0.0,
                        silence_duration=0.0,
                        probability=0.9 if np.abs(window).max() > 1000 else 0.01,
                        inference_duration=0.001,
                        frames=[rtc.AudioFrame(window.tobytes(), rate, 1, size)],
                    )
                )

    async def aclose(self) -> None:
        self.closed = True
        await super().aclose()


class Reader:
    """One stream, what is pushed into it and what comes out."""

    def __init__(self, endpointer: Endpointer, rate: int) -> None:
        self.rate = rate
        self.stream = endpointer.stream()
        self.pushed = np.zeros(0, np.int16)
        self.events: list[vad.VADEvent] = []
        self._reading = asyncio.create_task(self._read())

    def push(self, level: int, ms: int = 20) -> None:
        size = self.rate * ms // 1000
        # Every sample tells where it is, and is as loud as it should be.
        at = self.pushed.size + np.arange(size)
        samples = (np.sign(level) * (abs(level) + at % 997)).astype(np.int16)
        self.pushed = np.append(self.pushed, samples)
        self.stream.push_frame(rtc.AudioFrame(samples.tobytes(), self.rate, 1, size))

    async def _read(self) -> None:
        async for event in self.stream:
            self.events.append(event)

    @property
    def windows(self) -> list[vad.VADEvent]:
        return [event for event in self.events if event.type is WINDOW]

    @property
    def changes(self) -> list[vad.VADEventType]:
        return [event.type for event in self.events if event.type is not WINDOW]

    @property
    def heard(self) -> NDArray[np.int16]:
        frames = [np.frombuffer(f.data, np.int16) for e in self.windows for f in e.frames]
        return np.concatenate([np.zeros(0, np.int16), *frames])

    async def aclose(self) -> None:
        await self.stream.aclose()
        await self._reading


class Room:
    """An endpointer, and whoever reads it."""

    def __init__(self) -> None:
        self.detector = Loudness()
        self.microphone = Microphone(self.detector)
        self.endpointer = Endpointer(
            self.microphone, TurnTranscript(), wait=lambda _: 0.3, judge=None
        )
        self.readers: list[Reader] = []

    def reader(self, rate: int = SESSIONS) -> Reader:
        self.readers.append(Reader(self.endpointer, rate))
        return self.readers[-1]

    async def hear(self, level: int, seconds: float, *readers: Reader) -> None:
        """Push sound into these, one after the other as LiveKit does, or into all."""
        for _ in range(round(seconds / 0.02)):
            for reader in readers or self.readers:
                reader.push(level)
            await settled()

    async def close(self, reader: Reader) -> None:
        self.readers.remove(reader)
        await reader.aclose()


async def settled() -> None:
    """Let every task do what it can."""
    for _ in range(30):
        await asyncio.sleep(0)


@pytest_asyncio.fixture
async def room() -> AsyncIterator[Room]:
    made = Room()
    yield made
    for reader in list(made.readers):
        await made.close(reader)
    assert all(stream.closed for stream in made.detector.streams)


async def test_however_many_read_one_stream_is_detected(room: Room) -> None:
    readers = room.reader(), room.reader(RECOGNISERS), room.reader()
    await room.hear(LOUD, 0.64)
    assert (len(room.detector.streams), room.detector.windows) == (1, 20)
    for reader in readers:
        assert len(reader.windows) == 20
        assert reader.changes == [BEGINS]


async def test_each_gets_its_own_sound_at_its_own_rate_all_of_it_once(room: Room) -> None:
    readers = room.reader(), room.reader(RECOGNISERS)
    await room.hear(LOUD, 0.32)
    await room.hear(0, 0.32)
    for reader in readers:
        for window in reader.windows:
            assert sum(frame.duration for frame in window.frames) == pytest.approx(0.032)
            assert {frame.sample_rate for frame in window.frames} == {reader.rate}
        assert np.array_equal(reader.heard, reader.pushed)


async def test_events_come_in_the_same_order_to_each(room: Room) -> None:
    first, second = room.reader(), room.reader(RECOGNISERS)
    await room.hear(LOUD, 0.32)
    await room.hear(0, 0.64)
    order = [(e.type, e.speaking, e.speech_duration, e.silence_duration) for e in first.events]
    assert first.changes == [BEGINS, ENDS]
    got = [(e.type, e.speaking, e.speech_duration, e.silence_duration) for e in second.events]
    assert got == order
    # Its readers see who has computed.
    assert {e.inference_duration for e in second.windows} == {0.0}


async def test_the_end_of_speech_has_the_turns_sound_at_the_readers_rate(room: Room) -> None:
    _, second = room.reader(), room.reader(RECOGNISERS)
    await room.hear(0, 0.96)
    await room.hear(LOUD, 0.32)
    await room.hear(0, 0.64)
    [end] = [event for event in second.events if event.type is ENDS]
    sound = rtc.combine_audio_frames(end.frames)
    assert sound.sample_rate == RECOGNISERS
    # With 0.5 s before the turn was told, and the 0.3 s of silence that end it.
    assert sound.duration == pytest.approx(0.5 + 0.32 - 0.064 + 10 * 0.032, abs=0.033)


async def test_sound_that_comes_late_to_a_reader_is_waited_for(room: Room) -> None:
    first, second = room.reader(), room.reader(RECOGNISERS)
    await room.hear(LOUD, 0.1, first)
    assert not second.windows
    assert second.changes == []
    await room.hear(LOUD, 0.1, second)
    assert len(second.windows) == 3
    assert np.array_equal(second.heard, second.pushed[: 3 * 512])
    assert second.changes == [BEGINS]


@pytest.mark.parametrize("first_gets_it_first", [True, False])
async def test_a_burst_is_cut_as_evenly_as_any_sound(room: Room, first_gets_it_first: bool) -> None:
    readers = [room.reader(), room.reader(RECOGNISERS)]
    await room.hear(0, 0.32)
    for reader in readers if first_gets_it_first else readers[::-1]:
        for _ in range(500):
            reader.push(LOUD)
        await asyncio.sleep(0)
    _, second = readers
    async with asyncio.timeout(10):
        while len(second.windows) < 10 + 312:
            await settled()
    assert {sum(len(f.data) for f in window.frames) for window in second.windows} == {512}


async def test_a_reader_that_comes_in_the_middle_of_a_turn_hears_speech_begin(room: Room) -> None:
    room.reader()
    await room.hear(LOUD, 0.64)
    late = room.reader(RECOGNISERS)
    await room.hear(0, 0.2)
    assert late.changes == []  # nobody speaks yet that it hears
    await room.hear(LOUD, 0.1)
    [begins] = [event for event in late.events if event.type is BEGINS]
    assert begins.speech_duration == pytest.approx(0.032)
    await room.hear(0, 0.64)
    assert late.changes == [BEGINS, ENDS]
    assert len(late.heard) == pytest.approx(len(late.pushed), abs=2 * 512)


async def test_one_that_comes_in_a_pause_is_not_told_of_an_end(room: Room) -> None:
    first = room.reader()
    await room.hear(LOUD, 0.64)
    late = room.reader(RECOGNISERS)
    await room.hear(0, 0.64)
    assert (first.changes, late.changes) == ([BEGINS, ENDS], [])


async def test_a_flush_begins_afresh_for_the_one_that_was_flushed_alone(room: Room) -> None:
    first, second = room.reader(), room.reader(RECOGNISERS)
    await room.hear(LOUD, 0.32)
    second.stream.flush()
    await room.hear(LOUD, 0.32)
    assert (first.changes, second.changes) == ([BEGINS], [BEGINS, BEGINS])
    assert np.array_equal(first.heard, first.pushed)
    assert np.array_equal(second.heard, second.pushed)


async def test_what_was_pushed_before_a_flush_does_not_begin_speech_after_it(room: Room) -> None:
    first, second = room.reader(), room.reader(RECOGNISERS)
    await room.hear(LOUD, 0.32)
    await room.hear(LOUD, 0.16, second)  # not detected yet
    second.stream.flush()
    assert second.changes == [BEGINS]
    await room.hear(LOUD, 0.14, first)
    assert second.changes == [BEGINS]
    await room.hear(0, 0.1)
    assert second.changes == [BEGINS]
    await room.hear(LOUD, 0.1)
    assert second.changes == [BEGINS, BEGINS]


async def test_another_is_detected_when_the_first_one_closes(room: Room) -> None:
    first, second, third = room.reader(), room.reader(RECOGNISERS), room.reader()
    await room.hear(LOUD, 0.32)
    await room.close(first)
    assert len(room.detector.streams) == 2
    await room.hear(LOUD, 0.32)
    assert len(room.detector.streams) == 2
    for reader in (second, third):
        assert reader.changes == [BEGINS]  # the turn goes on
        assert np.array_equal(reader.heard, reader.pushed)
    await room.hear(0, 0.64)
    assert second.changes == third.changes == [BEGINS, ENDS]


async def test_nothing_that_the_first_one_left_undetected_is_lost(room: Room) -> None:
    first, second = room.reader(), room.reader(RECOGNISERS)
    await room.hear(LOUD, 0.32)
    for reader in (first, second):
        reader.push(LOUD, 200)
    await room.close(first)
    await settled()
    await settled()
    assert len(second.heard) == 16 * 512  # whole windows of 0.52 s


async def test_one_that_is_closed_before_its_first_step_is_left_too(room: Room) -> None:
    stream = room.endpointer.stream()
    await stream.aclose()
    assert room.detector.streams[0].closed
    reader = room.reader()
    await room.hear(LOUD, 0.32)
    assert len(reader.windows) == 10


async def test_the_end_of_its_input_ends_one_reader_with_all_that_it_pushed(room: Room) -> None:
    first, second = room.reader(), room.reader(RECOGNISERS)
    for reader in (first, second):
        for _ in range(16):
            reader.push(LOUD)
    second.stream.end_input()
    async with asyncio.timeout(5):
        await second._reading
    assert np.array_equal(second.heard, second.pushed)
    await room.hear(LOUD, 0.1, first)
    assert len(first.windows) == 13
    first.stream.end_input()
    async with asyncio.timeout(5):
        await first._reading


async def test_one_that_waits_to_end_is_detected_when_the_first_is_gone(room: Room) -> None:
    first, second = room.reader(), room.reader(RECOGNISERS)
    for reader in (first, second):
        for _ in range(16):
            reader.push(LOUD)
    second.stream.end_input()
    await room.close(first)
    async with asyncio.timeout(5):
        await second._reading
    assert np.array_equal(second.heard, second.pushed)


async def test_a_reader_that_is_given_silence_hears_no_voice(room: Room) -> None:
    """LiveKit gives it to a recogniser while the agent must not be interrupted."""
    first, second = room.reader(), room.reader(RECOGNISERS)
    for _ in range(16):
        first.push(LOUD)
        second.stream.push_frame(rtc.AudioFrame(bytes(640), RECOGNISERS, 1, 320))
        await settled()
    assert (first.changes, second.changes) == ([BEGINS], [])
    assert {window.probability for window in second.windows} == {0.0}
    await room.hear(LOUD, 0.1)
    assert second.changes == [BEGINS]


async def test_a_reader_whose_sound_was_lost_is_told_of_the_turn_all_the_same(room: Room) -> None:
    first, second = room.reader(), room.reader(RECOGNISERS)
    await room.hear(LOUD, 0.32)
    await room.hear(LOUD, 1.28, first)
    await room.hear(0, 1.28)
    assert second.changes == [BEGINS, ENDS]
    assert len(second.pushed) - len(second.heard) < 0.1 * RECOGNISERS


async def test_a_reader_with_sound_of_its_own_catches_up_and_loses_none(room: Room) -> None:
    _, second = room.reader(), room.reader(RECOGNISERS)
    await room.hear(LOUD, 0.96, second)
    await room.hear(LOUD, 2.0)
    assert len(second.pushed) - len(second.heard) < 0.05 * RECOGNISERS
    assert np.array_equal(second.heard, second.pushed[: len(second.heard)])


async def test_pauses_are_told_to_each_with_the_sound_since_the_last(room: Room) -> None:
    readers = room.reader(), room.reader(RECOGNISERS)
    await room.hear(LOUD, 0.64)
    await room.hear(0, 0.1)
    room.endpointer.tell_pauses(True)
    await settled()
    for reader in readers:
        assert reader.changes == [BEGINS, ENDS]
    room.endpointer.tell_pauses(False)
    await room.hear(LOUD, 0.32)
    await room.hear(0, 0.64)
    for reader in readers:
        assert reader.changes == [BEGINS, ENDS, BEGINS, ENDS]
        ends = [event.frames for event in reader.events if event.type is ENDS]
        first, second = [rtc.combine_audio_frames(frames).duration for frames in ends]
        assert first == pytest.approx(0.64 + 0.1, abs=0.033)
        # What came before the pause is not in it again, but for the usual 0.5 s.
        assert second == pytest.approx(0.5 + 0.32 - 0.064 + 0.32, abs=0.064)


async def test_listeners_hear_what_is_detected_once() -> None:
    microphone = Microphone(inference.VAD(model="silero"))
    endpointer = Endpointer(microphone, TurnTranscript(), wait=lambda _: 1.0, judge=None)
    told: list[vad.VADEvent] = []
    end = microphone.listen(told.append)
    first, second = Reader(endpointer, RECOGNISERS), Reader(endpointer, RECOGNISERS)

    async def hear(*readers: Reader, windows: int) -> None:
        for reader in readers:
            reader.push(0, 32 * windows)
        async with asyncio.timeout(10):
            while not all(np.array_equal(reader.heard, reader.pushed) for reader in readers):
                await asyncio.sleep(0.001)

    await hear(first, second, windows=10)
    assert len(told) == 10
    await first.aclose()
    await hear(second, windows=2)
    assert len(told) == 12
    end()
    end()
    await hear(second, windows=1)
    assert len(told) == 12
    await second.aclose()

"""The detector that a session is given: its events, and what it is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import numpy as np
import pytest
import pytest_asyncio
from livekit import rtc
from livekit.agents import LanguageCode, stt, vad
from livekit.plugins.turn_taking.end_of_turn.clause import Clause
from livekit.plugins.turn_taking.end_of_turn.detector import Endpointer
from livekit.plugins.turn_taking.end_of_turn.state import Pause
from livekit.plugins.turn_taking.end_of_turn.transcript import TurnTranscript
from livekit.plugins.turn_taking.microphone import Microphone
from numpy.typing import NDArray

RATE = 24_000
WINDOW = 768
"""Samples of 32 ms."""

BEGINS = vad.VADEventType.START_OF_SPEECH
ENDS = vad.VADEventType.END_OF_SPEECH
WINDOW_DONE = vad.VADEventType.INFERENCE_DONE


SILENT = 8
"""Windows after which the detector itself reports the end of speech: 0.256 s."""


class Loudness(vad.VAD):
    """Takes what is loud for voice, and tells where speech begins and ends, as Silero does."""

    def __init__(self) -> None:
        super().__init__(capabilities=vad.VADCapabilities(update_interval=0.032))

    def stream(self) -> vad.VADStream:
        return _Loudness(self)


class _Loudness(vad.VADStream):
    async def _main_task(self) -> None:
        speaking, silent = False, 0
        async for frame in self._input_ch:
            if isinstance(frame, rtc.AudioFrame):
                loud = bool(np.abs(np.frombuffer(frame.data, np.int16)).max() > 1000)
                self._tell(WINDOW_DONE, frame, loud=loud, speaking=speaking)
                silent = 0 if loud else silent + 1
                if loud and not speaking:
                    speaking = True
                    self._tell(BEGINS, frame, loud=loud, speaking=True)
                elif speaking and silent == SILENT:
                    speaking = False
                    self._tell(ENDS, frame, loud=loud, speaking=False)

    def _tell(
        self, kind: vad.VADEventType, frame: rtc.AudioFrame, *, loud: bool, speaking: bool
    ) -> None:
        self._event_ch.send_nowait(
            vad.VADEvent(
                type=kind,
                samples_index=0,
                timestamp=0.0,
                speech_duration=0.0,
                silence_duration=0.0,
                probability=float(loud),
                speaking=speaking,
                frames=[frame],
            )
        )


class Bench:
    """An endpointer with a microphone, and what came out of it."""

    def __init__(self) -> None:
        self.judged: list[NDArray[np.int16]] = []
        self.pauses: list[Pause] = []
        self.ending = 0.0
        self.events: list[vad.VADEvent] = []
        self.words = TurnTranscript()
        self.endpointer = Endpointer(
            Microphone(Loudness()), self.words, wait=self._wait, judge=self._judge
        )
        self.stream = self.endpointer.stream()

    def _wait(self, pause: Pause) -> float:
        self.pauses.append(pause)
        return 0.2 if pause.ending and pause.clause is Clause.OPEN else 1.0

    def _judge(self, samples: NDArray[np.int16]) -> float:
        self.judged.append(samples)
        return self.ending

    async def hear(self, level: int, windows: int) -> None:
        """Push audio and wait until it was heard."""
        samples = np.full(WINDOW, level, np.int16)
        for _ in range(windows):
            self.stream.push_frame(rtc.AudioFrame(samples.tobytes(), RATE, 1, WINDOW))
        for _ in range(windows):
            await self._next()

    async def _next(self) -> None:
        """Take events until the next window's."""
        while True:
            event = await anext(self.stream)
            self.events.append(event)
            if event.type is WINDOW_DONE:
                return

    def says(self, text: str, kind: stt.SpeechEventType) -> None:
        data = stt.SpeechData(language=LanguageCode("en"), text=text)
        self.words.transcribed(stt.SpeechEvent(type=kind, alternatives=[data]))

    @property
    def changes(self) -> list[vad.VADEventType]:
        return [e.type for e in self.events if e.type is not WINDOW_DONE]


@pytest_asyncio.fixture
async def bench() -> AsyncIterator[Bench]:
    made = Bench()
    yield made
    await made.stream.aclose()


async def test_speech_begins_and_ends_with_the_turn(bench: Bench) -> None:
    await bench.hear(5000, 10)
    await bench.hear(0, 20)
    await bench.hear(5000, 3)
    await bench.hear(0, 33)
    assert bench.changes == [BEGINS, ENDS]
    [end] = [e for e in bench.events if e.type is ENDS]
    assert end.silence_duration == pytest.approx(32 * 0.032)
    assert end.speech_duration == pytest.approx(13 * 0.032)


async def test_each_window_says_whether_it_is_the_users_turn(bench: Bench) -> None:
    await bench.hear(5000, 3)
    await bench.hear(0, 34)
    speaking = [e.speaking for e in bench.events if e.type is WINDOW_DONE]
    assert speaking[0] is False
    assert all(speaking[1:34])
    assert not any(speaking[34:])


async def test_words_and_voice_together_end_it_at_once(bench: Bench) -> None:
    bench.ending = 0.9
    await bench.hear(5000, 10)
    await bench.hear(0, 7)
    bench.says("I live in Berlin", stt.SpeechEventType.PREFLIGHT_TRANSCRIPT)
    async with asyncio.timeout(5):
        while ENDS not in bench.changes:  # the judge works in a thread
            bench.events.append(await anext(bench.stream))


async def test_interim_words_end_nothing(bench: Bench) -> None:
    await bench.hear(5000, 10)
    bench.says("I live in", stt.SpeechEventType.INTERIM_TRANSCRIPT)
    await bench.hear(0, 10)
    assert {pause.clause for pause in bench.pauses} == {None}


async def test_the_judge_hears_the_last_of_the_voice(bench: Bench) -> None:
    await bench.hear(5000, 300)
    await bench.hear(0, 4)
    async with asyncio.timeout(5):
        while not bench.judged:
            await asyncio.sleep(0)
    [heard] = bench.judged
    # 8 s at 16 kHz, of which the end is two windows of silence.
    assert 128_000 - 512 <= len(heard) <= 128_000
    assert np.abs(heard[-1000:]).max() < 100
    assert np.abs(heard[: len(heard) // 2]).min() > 4000


async def test_a_flush_forgets_the_turn(bench: Bench) -> None:
    await bench.hear(5000, 10)
    bench.stream.flush()
    await bench.hear(0, 40)
    assert bench.changes == [BEGINS]


async def test_the_end_brings_the_sound_of_the_turn_and_its_onset(bench: Bench) -> None:
    await bench.hear(0, 100)
    await bench.hear(5000, 10)
    await bench.hear(0, 20)
    await bench.hear(5000, 3)
    await bench.hear(0, 33)
    [end] = [e for e in bench.events if e.type is ENDS]
    sound = np.frombuffer(rtc.combine_audio_frames(end.frames).data, np.int16)
    loud = np.flatnonzero(sound)
    # Half a second before it, and all of it: 33 windows and the second of silence after them.
    assert 0.4 * RATE < loud[0] <= 0.5 * RATE
    assert loud[-1] - loud[0] + 1 == 33 * WINDOW
    assert sound.size - loud[-1] - 1 == 32 * WINDOW


async def test_a_pause_is_told_to_whoever_waits_for_one_and_then_a_new_turn_begins(
    bench: Bench,
) -> None:
    await bench.hear(5000, 10)
    await bench.hear(0, 10)
    bench.endpointer.tell_pauses(True)
    await bench.hear(0, 10)
    assert bench.changes == [BEGINS, ENDS]
    bench.endpointer.tell_pauses(False)
    await bench.hear(5000, 3)
    await bench.hear(0, 40)
    assert bench.changes == [BEGINS, ENDS, BEGINS, ENDS]


async def test_who_goes_on_after_a_pause_that_was_told_is_heard(bench: Bench) -> None:
    await bench.hear(5000, 10)
    await bench.hear(0, 4)
    bench.endpointer.tell_pauses(True)
    await bench.hear(5000, 10)  # for the detector it is the same speech
    await bench.hear(0, SILENT + 1)
    assert bench.changes == [BEGINS, ENDS, BEGINS, ENDS]


async def test_a_turn_that_ends_while_pauses_are_told_ends_when_they_no_longer_are(
    bench: Bench,
) -> None:
    bench.ending = 1.0
    await bench.hear(5000, 10)
    bench.endpointer.tell_pauses(True)
    await bench.hear(5000, 2)
    bench.says("I live in Berlin", stt.SpeechEventType.PREFLIGHT_TRANSCRIPT)
    await bench.hear(0, SILENT - 1)
    async with asyncio.timeout(5):
        while not bench.pauses[-1].ending:  # the judge works in a thread
            await asyncio.sleep(0)
    # The turn is over, and the detector not sure of it yet.
    bench.endpointer.tell_pauses(False)
    await bench.hear(0, 40)
    assert bench.changes == [BEGINS, ENDS]

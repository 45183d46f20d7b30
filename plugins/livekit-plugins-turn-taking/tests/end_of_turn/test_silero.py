"""Silero hears what LiveKit's own detector of the same model hears, and when it does."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import soundfile
from livekit import rtc
from livekit.agents import inference, vad
from livekit.plugins.turn_taking.end_of_turn.silero import Silero
from numpy.typing import NDArray

from agent.models import locate
from harness.resample import resampled

WINDOW = vad.VADEventType.INFERENCE_DONE


def speech(rate: int) -> NDArray[np.int16]:
    samples, recorded = soundfile.read(locate("speech") / "jfk.wav", dtype="int16")
    return resampled(samples, recorded, rate)


async def heard(
    detector: vad.VAD, sound: NDArray[np.int16], rate: int, frame: int
) -> list[vad.VADEvent]:
    stream = detector.stream()
    for start in range(0, len(sound), frame):
        piece = sound[start : start + frame]
        stream.push_frame(rtc.AudioFrame(piece.tobytes(), rate, 1, piece.size))
    # Its end drops less than a window; LiveKit's hears nothing of what is pushed with the end.
    windows = int(len(sound) / rate / 0.032) - 1
    events = []
    async for event in stream:
        events.append(event)
        windows -= event.type is WINDOW
        if windows <= 0 and event.type is WINDOW:
            break
    await stream.aclose()
    return events


def livekits() -> vad.VAD:
    return inference.VAD(model="silero", activation_threshold=0.5, min_silence_duration=0.25)


async def test_every_event_is_the_one_that_livekits_detector_has() -> None:
    sound = speech(16_000)
    ours = await heard(Silero(threshold=0.5, min_silence=0.25), sound, 16_000, 320)
    theirs = await heard(livekits(), sound, 16_000, 320)
    assert {event.type for event in ours} == set(vad.VADEventType)
    left_out = {"frames", "inference_duration"}
    for our, their in zip(ours, theirs, strict=True):
        for field in dataclasses.fields(our):
            if field.name not in left_out:
                value = getattr(their, field.name)
                assert getattr(our, field.name) == pytest.approx(value), field.name
        if our.type is WINDOW:
            assert [bytes(f.data) for f in our.frames] == [bytes(f.data) for f in their.frames]


@pytest.mark.parametrize(("rate", "frame"), [(24_000, 480), (48_000, 480), (44_100, 441)])
async def test_other_rates_are_heard_as_by_livekits_detector(rate: int, frame: int) -> None:
    sound = speech(rate)
    ours = await heard(Silero(), sound, rate, frame)
    theirs = await heard(livekits(), sound, rate, frame)
    ours, theirs = ([e for e in events if e.type is WINDOW] for events in (ours, theirs))
    for our, their in zip(ours, theirs, strict=True):
        # The resampler adds noise of one bit, at random.
        assert our.probability == pytest.approx(their.probability, abs=0.1)
        assert [bytes(f.data) for f in our.frames] == [bytes(f.data) for f in their.frames]


async def test_a_window_is_told_with_the_frame_that_completes_it() -> None:
    stream = Silero().stream()
    silence = np.zeros(512, np.int16)
    stream.push_frame(rtc.AudioFrame(silence.tobytes(), 16_000, 1, 512))
    assert (await anext(stream)).type is WINDOW
    await stream.aclose()
    await stream.aclose()
    with pytest.raises(RuntimeError):
        stream.push_frame(rtc.AudioFrame(silence.tobytes(), 16_000, 1, 512))


async def test_a_flush_forgets_what_is_no_window_yet_and_what_was_heard() -> None:
    sound = speech(16_000)[: 16_000 * 2]
    stream, other = Silero().stream(), Silero().stream()
    for start in range(0, len(sound), 500):
        piece = sound[start : start + 500]
        stream.push_frame(rtc.AudioFrame(piece.tobytes(), 16_000, 1, piece.size))
    stream.flush()
    stream.end_input()
    before = [event async for event in stream]
    assert len([e for e in before if e.type is WINDOW]) == len(sound) // 512
    stream = Silero().stream()
    stream.push_frame(rtc.AudioFrame(sound[:800].tobytes(), 16_000, 1, 800))
    stream.flush()
    for each in (stream, other):
        each.push_frame(rtc.AudioFrame(sound[8000:8512].tobytes(), 16_000, 1, 512))
        each.end_input()
    _, after = [event async for event in stream]
    (afresh,) = [event async for event in other]
    assert after.probability == afresh.probability
    assert bytes(after.frames[0].data) == bytes(afresh.frames[0].data)

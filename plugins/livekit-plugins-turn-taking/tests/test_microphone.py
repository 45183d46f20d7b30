from __future__ import annotations

import asyncio

import numpy as np
from livekit import rtc
from livekit.agents import inference, vad
from livekit.plugins.turn_taking.microphone import Microphone


def hum(seconds: float) -> rtc.AudioFrame:
    samples = np.zeros(int(16_000 * seconds), np.int16)
    return rtc.AudioFrame(samples.tobytes(), 16_000, 1, samples.size)


async def test_listeners_hear_what_the_session_hears_and_of_one_stream_alone() -> None:
    microphone = Microphone(inference.VAD(model="silero"))
    told: list[vad.VADEvent] = []
    end = microphone.listen(told.append)
    first, second = microphone.stream(), microphone.stream()

    async def hear(stream: vad.VADStream, windows: int) -> None:
        for _ in range(windows):
            assert (await anext(stream)).type is vad.VADEventType.INFERENCE_DONE

    for stream in (first, second):
        stream.push_frame(hum(0.32))
    await asyncio.gather(hear(first, 10), hear(second, 10))
    assert len(told) == 10
    for stream in (first, second):
        await stream.aclose()
    end()

    third = microphone.stream()
    third.push_frame(hum(0.032))
    await hear(third, 1)
    assert len(told) == 10
    await third.aclose()


async def test_the_one_that_is_left_goes_on_telling() -> None:
    microphone = Microphone(inference.VAD(model="silero"))
    told: list[vad.VADEvent] = []
    microphone.listen(told.append)
    first, second = microphone.stream(), microphone.stream()
    await first.aclose()
    second.push_frame(hum(0.064))
    second.end_input()
    assert len([event async for event in second]) == 2
    assert len(told) == 2
    await second.aclose()

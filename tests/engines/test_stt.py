"""The vLLM plugin's speech to text against an upstream vLLM on a CPU.

`/v1/audio/transcriptions` is served by a whole vLLM with a Whisper of random weights, whose texts
mean nothing. `/v1/realtime` is vLLM's over a model that counts half seconds: whether all of the
audio arrived, and in order, can be read from the text.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import numpy as np
import pytest
import pytest_asyncio
from livekit import rtc
from livekit.agents import APIConnectOptions, APIStatusError, stt, vad
from livekit.plugins.vllm import STT

from .servers import API_KEY, Server, until

RATE = 16000
WINDOW = 512
"""Samples of a frame: 32 ms."""
ONCE = APIConnectOptions(max_retry=0, timeout=60.0)
Kind = stt.SpeechEventType


def tone(seconds: float) -> Iterator[rtc.AudioFrame]:
    t = np.arange(round(seconds * RATE)) / RATE
    return _frames((np.sin(2 * np.pi * 200 * t) * 8000).astype(np.int16))


def quiet(seconds: float) -> Iterator[rtc.AudioFrame]:
    return _frames(np.zeros(round(seconds * RATE), np.int16))


def _frames(samples: np.ndarray[Any, np.dtype[np.int16]]) -> Iterator[rtc.AudioFrame]:
    for start in range(0, samples.size - WINDOW + 1, WINDOW):
        yield rtc.AudioFrame(samples[start : start + WINDOW].tobytes(), RATE, 1, WINDOW)


class LoudnessVAD(vad.VAD):
    """Takes what is loud for speech; the end of it is 0.3 s of quiet."""

    def __init__(self) -> None:
        super().__init__(capabilities=vad.VADCapabilities(update_interval=WINDOW / RATE))

    def stream(self) -> vad.VADStream:
        return _LoudnessStream(self)


class _LoudnessStream(vad.VADStream):
    async def _main_task(self) -> None:
        speaking = False
        spoken = silent = 0.0
        async for frame in self._input_ch:
            if isinstance(frame, self._FlushSentinel):
                speaking, spoken, silent = False, 0.0, 0.0
                continue
            loud = bool(np.abs(np.frombuffer(frame.data, np.int16)).max() > 1000)
            spoken, silent = (spoken + frame.duration, 0.0) if loud else (spoken, silent + 0.032)
            self._tell(vad.VADEventType.INFERENCE_DONE, frame, spoken, silent, loud)
            if loud and not speaking:
                speaking = True
                self._tell(vad.VADEventType.START_OF_SPEECH, frame, spoken, silent, loud)
            elif speaking and silent >= 0.3:
                speaking, spoken = False, 0.0
                self._tell(vad.VADEventType.END_OF_SPEECH, frame, spoken, silent, loud)

    def _tell(
        self,
        kind: vad.VADEventType,
        frame: rtc.AudioFrame,
        spoken: float,
        silent: float,
        loud: bool,
    ) -> None:
        event = vad.VADEvent(
            type=kind,
            samples_index=0,
            timestamp=0.0,
            speech_duration=spoken,
            silence_duration=silent,
            frames=[frame],
            probability=float(loud),
        )
        self._event_ch.send_nowait(event)


Make = Callable[..., STT]


@pytest_asyncio.fixture
async def make_stt() -> AsyncIterator[Make]:
    made: list[STT] = []

    def make(server: Server, **options: Any) -> STT:
        options = {"api_key": API_KEY, "vad": LoudnessVAD(), **options}
        made.append(STT(base_url=server.base_url, **options))
        return made[-1]

    yield make
    await asyncio.gather(*(one.aclose() for one in made))


async def counts(server: Server) -> dict[str, int]:
    read: dict[str, int] = json.loads(await server.get("/stub"))
    return read


async def recognized(recogniser: STT, *audio: Iterator[rtc.AudioFrame]) -> str:
    frames = [frame for part in audio for frame in part]
    event = await recogniser.recognize(frames, conn_options=ONCE)
    return event.alternatives[0].text


async def push(stream: stt.RecognizeStream, *audio: Iterator[rtc.AudioFrame]) -> None:
    for part in audio:
        for frame in part:
            stream.push_frame(frame)
            await asyncio.sleep(0)


# -- /v1/realtime --


async def test_all_of_an_audio_is_heard(make_stt: Make, realtime_server: Server) -> None:
    recogniser = make_stt(realtime_server)
    assert await recognized(recogniser, tone(3.0)) == "one two three four five six"
    assert recogniser.model == "half-seconds"


async def test_text_comes_while_it_is_spoken(make_stt: Make, realtime_server: Server) -> None:
    stream = make_stt(realtime_server).stream()
    await push(stream, quiet(0.5), tone(2.0))
    events: list[stt.SpeechEvent] = []
    async for event in stream:
        events.append(event)
        text = event.alternatives[0].text if event.alternatives else ""
        if event.type is Kind.INTERIM_TRANSCRIPT and "three" in text:
            break
    # Nothing but interims yet: the speech has not ended.
    assert {e.type for e in events} <= {Kind.START_OF_SPEECH, Kind.INTERIM_TRANSCRIPT}
    await push(stream, tone(1.0), quiet(1.0))
    stream.end_input()
    finals = [e.alternatives[0].text async for e in stream if e.type is Kind.FINAL_TRANSCRIPT]
    await stream.aclose()
    (final,) = finals
    assert sum(word != "quiet" for word in final.split()) in (6, 7)


async def test_utterances_do_not_mix(make_stt: Make, realtime_server: Server) -> None:
    stream = make_stt(realtime_server).stream()
    await push(stream, tone(2.0), quiet(1.0), tone(3.0), quiet(1.0))
    stream.end_input()
    finals = [e.alternatives[0].text async for e in stream if e.type is Kind.FINAL_TRANSCRIPT]
    await stream.aclose()
    assert len(finals) == 2
    for final, words in zip(finals, (4, 6), strict=True):
        assert sum(word != "quiet" for word in final.split()) in (words, words + 1)


async def test_a_listener_that_leaves_ends_the_servers_work(
    make_stt: Make, realtime_server: Server
) -> None:
    stream = make_stt(realtime_server).stream()
    await push(stream, tone(2.0))
    async for event in stream:
        if event.type is Kind.INTERIM_TRANSCRIPT:
            break
    assert (await counts(realtime_server))["running"] == 1
    await stream.aclose()

    async def is_idle() -> bool:
        return (await counts(realtime_server))["running"] == 0

    await until(is_idle)


async def test_a_wrong_model_is_answered_with_the_one_there_is(
    make_stt: Make, realtime_server: Server
) -> None:
    with pytest.raises(APIStatusError, match="serves 'half-seconds', not 'whisper'"):
        await recognized(make_stt(realtime_server, model="whisper"), tone(1.0))


async def test_a_wrong_key_is_named(make_stt: Make, realtime_server: Server) -> None:
    with pytest.raises(APIStatusError, match="401.*pass the api_key"):
        await recognized(make_stt(realtime_server, api_key="wrong"), tone(1.0))


async def test_an_utterance_outlives_its_server(make_stt: Make, realtime_server: Server) -> None:
    patient = APIConnectOptions(max_retry=100, retry_interval=0.5, timeout=60.0)
    stream = make_stt(realtime_server).stream(conn_options=patient)
    await push(stream, tone(2.0))
    async for event in stream:
        if event.type is Kind.INTERIM_TRANSCRIPT:
            break
    realtime_server.kill()
    await push(stream, tone(1.0))
    await asyncio.to_thread(realtime_server.start)
    await asyncio.to_thread(realtime_server.wait)
    await push(stream, quiet(1.0))
    stream.end_input()
    finals = [e.alternatives[0].text async for e in stream if e.type is Kind.FINAL_TRANSCRIPT]
    await stream.aclose()
    (final,) = finals
    assert sum(word != "quiet" for word in final.split()) in (6, 7)


# -- /v1/audio/transcriptions --

TRANSCRIPTIONS = "POST /v1/audio/transcriptions HTTP/1.1"


def answers(server: Server) -> list[str]:
    """The statuses that the server has answered so far."""
    lines = server.log.read_text().splitlines()
    return [line.split('" ')[1].split()[0] for line in lines if TRANSCRIPTIONS in line]


@pytest.mark.parametrize("language", [None, "en", "zh-CN"])
async def test_whisper_takes_the_request(
    make_stt: Make, whisper_server: Server, language: str | None
) -> None:
    before = len(answers(whisper_server))
    recogniser = make_stt(whisper_server, language=language)
    event = await recogniser.recognize(list(tone(2.0)), conn_options=ONCE)
    assert event.type is Kind.FINAL_TRANSCRIPT
    assert recogniser.model == "whisper"
    # At the first attempt: segments and their certainty were asked for, and are given.
    assert answers(whisper_server)[before:] == ["200"]


async def test_whisper_is_asked_at_the_end_of_speech(
    make_stt: Make, whisper_server: Server
) -> None:
    before = len(answers(whisper_server))
    stream = make_stt(whisper_server, language="en", interim_interval=0.0).stream(conn_options=ONCE)
    await push(stream, tone(2.0), quiet(1.0))
    stream.end_input()
    kinds = [event.type async for event in stream]
    await stream.aclose()
    assert kinds[0] is Kind.START_OF_SPEECH
    assert kinds.count(Kind.END_OF_SPEECH) == 1
    assert set(answers(whisper_server)[before:]) == {"200"}


async def test_silence_is_not_sent(make_stt: Make, whisper_server: Server) -> None:
    before = len(answers(whisper_server))
    assert await recognized(make_stt(whisper_server), quiet(2.0)) == ""
    assert len(answers(whisper_server)) == before


async def test_a_language_that_the_model_lacks_is_told(
    make_stt: Make, whisper_server: Server
) -> None:
    with pytest.raises(APIStatusError, match="400.*language") as caught:
        await recognized(make_stt(whisper_server, language="tlh"), tone(1.0))
    assert not caught.value.retryable


async def test_whisper_stops_when_nobody_waits(make_stt: Make, whisper_server: Server) -> None:
    asking = asyncio.create_task(
        make_stt(whisper_server, language="en").recognize(list(tone(20.0)), conn_options=ONCE)
    )

    async def works() -> bool:
        return await whisper_server.metric("vllm:num_requests_running") > 0 or asking.done()

    async def is_idle() -> bool:
        return await whisper_server.metric("vllm:num_requests_running") == 0

    await until(works)
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    await until(is_idle)

"""The sound of a media stream: what is sent, and what was heard of it by the provider's marks."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

import numpy as np
import pytest
from livekit import rtc

from agent.bridge.media_audio import MediaStreamInput, MediaStreamOutput
from agent.bridge.media_messages import Mark, Sent
from agent.bridge.media_twilio import Twilio
from agent.bridge.media_vonage import Vonage
from harness.virtual_time import in_virtual_time, now

RATE = 24_000
FRAME = RATE // 100


class Line:
    """Takes what is sent."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.media_at: list[float] = []

    async def send(self, message: Sent) -> None:
        assert isinstance(message, dict)
        self.sent.append(message)
        if message["event"] == "media":
            self.media_at.append(asyncio.get_running_loop().time())

    @property
    def marks(self) -> list[str]:
        return [m["mark"]["name"] for m in self.sent if m["event"] == "mark"]

    @property
    def seconds(self) -> float:
        media = [m["media"]["payload"] for m in self.sent if m["event"] == "media"]
        return sum(len(base64.b64decode(payload)) for payload in media) / 8000


def opened() -> tuple[Line, MediaStreamOutput]:
    line = Line()
    clock = asyncio.get_running_loop().time
    return line, MediaStreamOutput(Twilio(), line.send, clock=clock)


async def play(output: MediaStreamOutput, seconds: float) -> None:
    tone = 8000 * np.sin(2 * np.pi * 440 * np.arange(round(seconds * RATE)) / RATE)
    for start in range(0, tone.size, FRAME):
        await output.play(tone[start : start + FRAME].astype(np.int16), first=not start)


@in_virtual_time
async def test_sound_is_sent_as_it_is_played_and_no_more_than_is_needed_ahead() -> None:
    line, output = opened()
    await play(output, 2.0)
    assert now() == pytest.approx(2.0 - 0.1, abs=0.011)
    assert line.seconds == pytest.approx(2.0)
    assert line.sent[0]["event"] == "media"
    assert line.sent[1]["event"] == "mark"
    assert len(base64.b64decode(line.sent[0]["media"]["payload"])) == 160


@in_virtual_time
async def test_who_is_late_by_less_than_is_ahead_is_not_heard_to_be() -> None:
    line, output = opened()
    for i in range(200):
        await output.play(np.full(FRAME, 1000, np.int16), first=not i)
        if i % 37 == 36:
            await asyncio.sleep(0.08)
    # Each message of 20 ms is there when those before it have been played.
    assert all(at <= line.media_at[0] + 0.02 * i for i, at in enumerate(line.media_at))


@in_virtual_time
async def test_what_was_heard_is_told_by_marks() -> None:
    line, output = opened()
    await play(output, 0.5)
    assert output.unheard == pytest.approx(0.5)
    output.marked(line.marks[9])
    assert output.unheard == pytest.approx(0.3)
    output.marked(line.marks[4])  # late, and known already
    output.marked("my label")
    output.marked("nan")
    assert output.unheard == pytest.approx(0.3)


@in_virtual_time
async def test_what_is_dropped_counts_as_never_sent() -> None:
    line, output = opened()
    await play(output, 0.5)
    old = line.marks
    await output.drop()
    assert line.sent[-1]["event"] == "clear"
    assert output.unheard == 0.0
    await play(output, 0.2)
    for name in old:  # they come back, as if heard
        output.marked(name)
    assert output.unheard == pytest.approx(0.2)


@in_virtual_time
async def test_a_provider_without_marks_has_heard_what_is_long_over() -> None:
    _, output = opened()
    await play(output, 3.0)
    assert 0.5 < output.unheard < 0.7
    await asyncio.sleep(1.0)
    assert output.unheard == 0.0
    await play(output, 0.2)
    assert output.unheard == pytest.approx(0.2)


@in_virtual_time
async def test_who_was_late_keeps_more_with_the_provider() -> None:
    _, output = opened()
    await play(output, 0.5)
    assert output._over - now() == pytest.approx(0.11, abs=0.011)
    await asyncio.sleep(0.3)
    for _ in range(100):
        await output.play(np.zeros(FRAME, np.int16), first=False)
    assert output._over - now() == pytest.approx(0.16, abs=0.011)
    await asyncio.sleep(0.3)  # a silence of the agent's is no reason
    await play(output, 0.5)
    assert output._over - now() == pytest.approx(0.16, abs=0.011)


async def test_a_caller_is_heard_at_once() -> None:
    heard = MediaStreamInput(8000)
    for _ in range(5):
        heard.push(np.zeros(160, np.int16))
        async with asyncio.timeout(1):
            assert (await anext(heard)).duration == 0.02


@pytest.mark.parametrize("rate", [8_000, 16_000, 24_000])
async def test_a_caller_is_heard_as_in_a_room(rate: int) -> None:
    heard = MediaStreamInput(rate)
    tone = 4000 * np.sin(2 * np.pi * 440 * np.arange(rate) / rate)
    for part in np.split(tone.astype(np.int16), 50):
        heard.push(part)
    frames: list[rtc.AudioFrame] = []
    async with asyncio.timeout(1):
        while len(frames) < 50:
            frames.append(await anext(heard))
    assert {(f.sample_rate, f.num_channels, f.duration) for f in frames} == {(RATE, 1, 0.02)}
    sound = np.concatenate([np.frombuffer(f.data, np.int16) for f in frames])
    spectrum = np.abs(np.fft.rfft(sound))
    assert np.argmax(spectrum) * RATE / sound.size == pytest.approx(440, abs=2)


@in_virtual_time
async def test_a_provider_of_bytes_is_sent_20_ms_at_its_own_rate() -> None:
    sent: list[Sent] = []

    async def send(message: Sent) -> None:
        sent.append(message)

    dialect = Vonage()
    dialect.read('{"event": "websocket:connected", "content-type": "audio/l16;rate=16000"}')
    output = MediaStreamOutput(dialect, send, clock=asyncio.get_running_loop().time)
    await play(output, 0.5)
    assert {len(message) for message in sent if isinstance(message, bytes)} == {640}
    assert sum(isinstance(message, bytes) for message in sent) == 25
    for message in sent[:30]:
        if isinstance(message, dict):
            told = {"event": "websocket:notify", "payload": message["payload"]}
            (mark,) = dialect.read(json.dumps(told))
            assert isinstance(mark, Mark)
            output.marked(mark.name)
    assert output.unheard == pytest.approx(0.2)
    await output.drop()
    assert sent[-1] == {"action": "clear"}

"""The agent's voice comes back over a media stream, from a machine that is often late."""

from __future__ import annotations

import asyncio
import base64
import json
import random
from collections import deque

import numpy as np
import pytest
import soundfile
from livekit.plugins.turn_taking import WordsFirst
from livekit.plugins.turn_taking.barge_in.sound import COMPARED, PLAYED, WINDOW, Sound
from livekit.plugins.turn_taking.playback.played import Played

from agent.bridge.media_audio import MediaStreamInput, MediaStreamOutput
from agent.bridge.media_messages import Media, Sent
from agent.bridge.media_twilio import Twilio
from agent.models import locate
from harness.caller import DelayLine
from harness.recording import SAMPLE_RATE, Samples
from harness.resample import resampled
from harness.virtual_time import in_virtual_time

pytestmark = pytest.mark.slow  # the voice is a file that is fetched

FRAME = SAMPLE_RATE // 100


class EchoingProvider:
    """Plays what it is sent, 20 ms at a time, into a room where the microphone hears it.

    Args:
        delay: Seconds from the loudspeaker to the microphone.
        level: Of the echo, in dB.
    """

    def __init__(self, delay: float, level: float) -> None:
        self._waiting: deque[str] = deque()
        self._room = DelayLine(delay, level)

    async def send(self, message: Sent) -> None:
        assert isinstance(message, dict)
        if message["event"] == "media":
            self._waiting.append(message["media"]["payload"])

    def next(self) -> Samples:
        """What the microphone hears while the next message is played, or silence."""
        silence = base64.b64encode(b"\xff" * 160).decode()
        payload = self._waiting.popleft() if self._waiting else silence
        self._room.put(heard(payload))
        sent = Twilio().media(self._room.take(160).tobytes())
        assert isinstance(sent, dict)
        return heard(sent["media"]["payload"])


def heard(payload: str) -> Samples:
    (media,) = Twilio().read(json.dumps({"event": "media", "media": {"payload": payload}}))
    assert isinstance(media, Media)
    return media.samples


async def speak(voice: Samples, output: MediaStreamOutput, played: Played) -> None:
    """Play as the loudspeaker does, on a loop that is busy with something else at times."""
    chance = random.Random(1)
    for i, start in enumerate(range(0, voice.size - FRAME, FRAME)):
        frame = voice[start : start + FRAME]
        await output.play(frame, first=not i)
        played.add(frame)
        if chance.random() < 0.08:
            await asyncio.sleep(chance.uniform(0.08, 0.2))


@in_virtual_time
async def test_an_echo_is_known_on_a_machine_that_is_often_late() -> None:
    clock = asyncio.get_running_loop().time
    samples, rate = soundfile.read(locate("speech") / "jfk.wav", dtype="int16")
    provider, played = EchoingProvider(0.2, -12.0), Played(SAMPLE_RATE, clock=clock)
    output = MediaStreamOutput(Twilio(), provider.send, clock=clock)
    speaking = asyncio.create_task(speak(resampled(samples, rate, SAMPLE_RATE), output, played))
    microphone = MediaStreamInput(8000)
    sound, windows = Sound(began=0.0, last_voice=0.0), deque[Samples](maxlen=COMPARED)
    rest, size = np.zeros(0, np.int16), round(WINDOW * SAMPLE_RATE)
    echoes: list[bool] = []
    while clock() < 8.0:
        await asyncio.sleep(0.02)
        microphone.push(provider.next())
        rest = np.concatenate([rest, np.frombuffer((await anext(microphone)).data, np.int16)])
        while rest.size >= size:
            windows.append(rest[:size])
            rest = rest[size:]
            if np.std(windows[-1]) > 100:
                sound.add_window(list(windows), played.last(PLAYED), voice=True)
                evidence = sound.evidence(clock(), usual_loudness=None, spoken=(), stt_latency=None)
                echoes.append(evidence.echo >= WordsFirst.echo)
    speaking.cancel()
    assert len(echoes) > 80
    assert np.mean(echoes[5:]) > 0.95

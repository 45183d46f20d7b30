"""Answers that are no speech: what is heard of them is nothing."""

from __future__ import annotations

import contextlib
import gzip
import time
from collections.abc import Callable
from typing import Any

import aiohttp
import numpy as np
import pytest
from livekit.agents import APIConnectionError, APIError
from livekit.plugins.qwen3_tts import TTS
from livekit.plugins.qwen3_tts.framing import frames_of
from livekit.plugins.qwen3_tts.sound_check import (
    MOST_SILENCE,
    NoAudioError,
    NotSpeechError,
    SoundCheck,
)

from .conftest import END, RATE, Answer, Start, chunk, head, quiet, says, tone
from .test_faults import ONCE, does, make, speak
from .test_refusals import THREE, words_of

RANDOM = np.random.default_rng(0)


def voice(seconds: float, level: float = 0.3) -> np.ndarray[Any, Any]:
    """Return something like a voice: a buzz in two formants with a hiss between, in syllables."""
    t = np.arange(round(seconds * RATE)) / RATE
    buzz = sum(np.sin(2 * np.pi * 120 * k * t) / k for k in range(1, 25))
    swell = np.clip(np.sin(2 * np.pi * 4 * t), 0, 1)
    hiss = np.diff(RANDOM.normal(size=t.size + 1)) * 0.03 * (1 - swell)
    sound = buzz / 2 * swell + hiss
    return np.asarray((sound / np.abs(sound).max() * level * 32767).astype("<i2"))


def mu_law(samples: np.ndarray[Any, Any]) -> bytes:
    """Encode samples as a telephone does."""
    scaled = samples / 32768
    coded = np.log1p(255 * np.abs(scaled)) / np.log(256) * 127
    return bytes((~(np.where(scaled < 0, 128, 0) + coded.astype(int)) & 255).astype(np.uint8))


def mp3(frames: int) -> bytes:
    """Return frames of 128 kbit/s and 44.1 kHz, near silence, as an encoder makes them."""
    return (b"\xff\xfb\x90\x64\x00\x0f\xf0" + bytes(410)) * frames


def aac(frames: int) -> bytes:
    """Return frames of AAC with their ADTS headers."""
    size = 371
    header = bytes([0xFF, 0xF1, 0x50, 0x80 | size >> 11, size >> 3 & 255, (size & 7) << 5 | 0x1F])
    return (header + b"\xfc" + RANDOM.bytes(size - 7)) * frames


SPEECH = voice(2.0)
GARBAGE = {
    "random bytes": RANDOM.bytes(96_000),
    "white noise": RANDOM.normal(0, 9999, 2 * RATE).clip(-32768, 32767).astype("<i2").tobytes(),
    "quiet white noise": RANDOM.normal(0, 900, 2 * RATE).astype("<i2").tobytes(),
    "noise after silence": quiet(0.5) + RANDOM.bytes(96_000),
    "swapped bytes": SPEECH.byteswap().tobytes(),
    "a byte too much": b"\x11" + SPEECH.tobytes()[:-1],
    "float samples": (SPEECH / 32768).astype("<f4").tobytes(),
    "doubles": (SPEECH / 32768).astype("<f8").tobytes(),
    "mu-law": mu_law(SPEECH),
    "unsigned bytes": bytes((SPEECH // 256 + 128).astype(np.uint8)),
    "gzip": gzip.compress(SPEECH.tobytes())[10:],
    "MP3": mp3(60),
    "AAC": aac(60),
}


async def listen(tts: TTS, heard: list[float]) -> None:
    """Have a reply spoken, and note what is heard of it."""
    async with tts.stream(conn_options=ONCE) as stream:
        stream.push_text("好的。")
        stream.end_input()
        async for event in stream:
            heard.append(event.frame.duration)


@pytest.mark.parametrize("data", [pytest.param(v, id=k) for k, v in GARBAGE.items()])
@pytest.mark.parametrize("size", [1920, 96_000])
async def test_what_is_no_speech_is_never_heard(
    start_server: Start, session: aiohttp.ClientSession, data: bytes, size: int
) -> None:
    faint = data is GARBAGE["quiet white noise"]
    pieces = [data[i : i + size] for i in range(0, len(data), size)]
    server = await start_server(*[says(*pieces)] * 9)
    tts = make(session, server.url)
    heard: list[float] = []
    errors: list[Any] = []
    tts.on("error", errors.append)
    with contextlib.suppress(APIError):
        await listen(tts, heard)
    # Of 40 ms, and of a faint hiss, not everything is known.
    assert sum(heard) <= (0.2 if faint or size < 3840 else 0.0)
    assert [type(e.error) for e in errors] == [NotSpeechError]
    assert len(server.requests) == 2  # once more, in case it was a moment's fault
    await tts.aclose()


async def test_another_server_says_what_one_makes_noise_of(
    start_server: Start, session: aiohttp.ClientSession
) -> None:
    noise = says(GARBAGE["random bytes"])
    one, two = await start_server(*[noise] * 40), await start_server()
    tts = make(session, one.url, two.url)
    _, words = await words_of(tts, THREE)
    assert words == THREE
    await tts.aclose()


async def test_noise_within_a_unit_is_left_out_and_the_rest_said_anew(
    start_server: Start, session: aiohttp.ClientSession
) -> None:
    text = "我们可以一起去公园。"
    server = await start_server(says(tone(0.8), RANDOM.bytes(48_000)))
    tts = make(session, server.url)
    sound = await speak(tts, text)
    assert np.abs(sound.astype(int)).max() < 0.4 * 32767
    assert len(server.requests) >= 2
    assert text.endswith(server.texts[-1])
    await tts.aclose()


def silent_for_ever(begin: bytes) -> Answer:
    """Answer with a sound and then with silence, ten times as fast as it sounds."""
    steps = [s for _ in range(400) for s in (chunk(quiet(0.1)), 0.01)]
    return does(head(), chunk(begin), *steps, END)


async def test_silence_for_ever_is_not_waited_for(
    start_server: Start, session: aiohttp.ClientSession
) -> None:
    server = await start_server(*[silent_for_ever(quiet(0.1))] * 9)
    tts = make(session, server.url)
    begun = time.perf_counter()
    with pytest.raises(APIConnectionError, match="no audio but silence"):
        await speak(tts, "我们可以一起去公园。")
    assert time.perf_counter() - begun < 4 * MOST_SILENCE / 10 + 2
    await tts.aclose()


async def test_a_voice_that_falls_silent_is_asked_for_the_rest(
    start_server: Start, session: aiohttp.ClientSession
) -> None:
    server = await start_server(silent_for_ever(tone(0.9)))
    tts = make(session, server.url)
    begun = time.perf_counter()
    _, words = await words_of(tts, "我们可以一起去公园。")
    assert words == "我们可以一起去公园。"
    assert time.perf_counter() - begun < 2 * MOST_SILENCE / 10 + 2
    assert len(server.requests) > 1
    await tts.aclose()


def checked(data: bytes, size: int = 3840) -> bytes:
    """Return what passes of data that comes in pieces."""
    check = SoundCheck("http://one/v1")
    pieces = [data[i : i + size] for i in range(0, len(data), size)]
    return b"".join([check.push(piece) for piece in pieces]) + check.finish()


@pytest.mark.parametrize(
    "sound",
    [
        pytest.param(SPEECH.tobytes(), id="a voice"),
        pytest.param(voice(2.0, 0.9).tobytes(), id="a loud voice"),
        pytest.param(voice(2.0, 0.02).tobytes(), id="a soft voice"),
        pytest.param(
            np.clip(voice(2.0).astype(int) * 4, -32768, 32767).astype("<i2").tobytes(),
            id="a clipped voice",
        ),
        pytest.param(tone(0.03), id="30 ms"),
        pytest.param(quiet(0.6) + tone(1.0) + quiet(2.5) + tone(0.5), id="pauses"),
        pytest.param(tone(0.5, 1.0), id="full swing"),
        pytest.param(quiet(0.3) + tone(0.005), id="the shortest"),
    ],
)
@pytest.mark.parametrize("size", [962, 3840, 10**6])
def test_speech_passes_as_it_is(sound: bytes, size: int) -> None:
    assert checked(sound, size) == sound


@pytest.mark.parametrize("sound", [SPEECH.tobytes()[:12_000], quiet(0.15) + tone(0.1)])
def test_speech_passes_sample_by_sample(sound: bytes) -> None:
    assert checked(sound, 2) == sound


def test_silence_alone_is_no_sound() -> None:
    assert checked(quiet(1.0)) == b""
    with pytest.raises(NoAudioError):
        checked(quiet(MOST_SILENCE + 0.2))


@pytest.mark.parametrize(
    ("make_frames", "name"), [(mp3, "an MP3 file"), (aac, "an AAC file")], ids=["MP3", "AAC"]
)
def test_frames_are_known_by_the_next_one(make_frames: Callable[[int], bytes], name: str) -> None:
    assert frames_of(make_frames(2)) == name
    assert frames_of(make_frames(1)) is None
    for cut in range(1, 500, 7):
        assert frames_of(make_frames(2)[:cut]) in (None, name)


def test_no_speech_begins_like_frames() -> None:
    assert not any(frames_of(RANDOM.bytes(4000)) for _ in range(2000))
    assert not any(frames_of(b"\xff\xfb" + SPEECH.tobytes()[2 * i :]) for i in range(2000))


def test_a_second_of_sound_costs_little() -> None:
    pieces = [SPEECH.tobytes()[i : i + 3840] for i in range(0, 2 * SPEECH.size, 3840)]
    begun = time.process_time()
    for _ in range(10):
        check = SoundCheck("http://one/v1")
        for piece in pieces:
            check.push(piece)
    # 1 ms on an idle core; a hundredth of real time on any.
    assert (time.process_time() - begun) / 20 < 0.01

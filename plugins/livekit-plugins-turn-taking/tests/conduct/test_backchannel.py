from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pytest
from livekit import rtc
from livekit.agents import AgentSession, vad
from livekit.plugins.turn_taking.conduct.backchannel import (
    LEVEL,
    MARGIN,
    Backchannels,
    BackchannelSounds,
    Telling,
)
from livekit.plugins.turn_taking.languages import words
from livekit.plugins.turn_taking.playback.sink import SAMPLE_RATE

from harness.scripted import Vad
from harness.stage import about, stage
from harness.virtual_time import in_virtual_time, now

EN = words("en").phrases
TURN = 0.2
PAUSE = TURN + MARGIN


class Output:
    def __init__(self) -> None:
        self.said: list[tuple[float, str]] = []
        self.prepared: list[str] = []

    async def prepare(self, texts: Iterable[str]) -> None:
        self.prepared += texts

    async def say(self, text: str) -> None:
        self.said.append((now(), text))


def backchannels_in(output: Output, session: Any, detector: Any) -> Backchannels:
    return Backchannels(session, detector, output, 4.0, TURN, lambda: EN)


def saying(output: Output) -> Callable[[AgentSession[Any]], None]:
    def attach(session: AgentSession[Any]) -> None:
        backchannels_in(output, session, session.vad)

    return attach


def test_enough_is_told_after_so_much_speech() -> None:
    telling = Telling(after=4.0)
    telling.speaks(0.0)
    assert not telling.pauses(3.9)
    telling.speaks(5.0)
    assert telling.pauses(5.2)
    telling.begin()
    telling.speaks(6.0)
    assert not telling.pauses(9.0)


@in_virtual_time
async def test_a_long_story_has_backchannels_in_its_pauses() -> None:
    output = Output()
    async with stage("Nice.", end_of_turn=2.0, before=saying(output)) as talk:
        for begin, end in ((1.0, 4.0), (5.0, 7.0), (8.0, 9.0), (10.0, 14.0)):
            await talk.at(begin)
            talk.user_speaks()
            await talk.at(end)
            talk.user_pauses("and so on")
        await talk.at(30.0)
    # 3 s are told at 4.0, 5 s at 7.0; then 1 s at 9.0, 5 s at 14.0.
    assert output.said == [
        (about(7.0 + PAUSE), EN.backchannels[0]),
        (about(14.0 + PAUSE), EN.backchannels[1]),
    ]
    assert [at for at, state in talk.states if state == "speaking"] == [about(16.0)]
    assert talk.words == ["> and so on and so on and so on and so on", "Nice."]


@in_virtual_time
async def test_the_end_of_a_turn_is_no_pause() -> None:
    output = Output()
    async with stage("Nice.", end_of_turn=0.2, before=saying(output)) as talk:
        talk.user_speaks()
        await talk.at(8.0)
        talk.user_pauses("That was all.")
        await talk.at(30.0)
    assert output.said == []
    assert talk.words == ["> That was all.", "Nice."]


@in_virtual_time
async def test_a_user_who_goes_on_at_once_hears_no_backchannel() -> None:
    output = Output()
    async with stage(end_of_turn=2.0, before=saying(output)) as talk:
        talk.user_speaks()
        await talk.at(8.0)
        talk.user_pauses()
        await asyncio.sleep(PAUSE - 0.1)
        talk.user_speaks()
        await talk.at(9.0)
        assert output.said == []


class Thinking(rtc.EventEmitter[str]):
    """A session that holds a reply, begun too early, while the user tells on."""

    agent_state = "thinking"


@in_virtual_time
async def test_a_reply_that_is_held_is_no_reason_to_be_dumb() -> None:
    output, session, detector = Output(), Thinking(), Vad()
    backchannels = backchannels_in(output, session, detector)
    detector.tell(vad.VADEventType.START_OF_SPEECH)
    await asyncio.sleep(5.0)
    detector.tell(vad.VADEventType.END_OF_SPEECH)
    await asyncio.sleep(1.0)
    assert output.said == [(about(5.0 + PAUSE), EN.backchannels[0])]
    await backchannels.aclose()


@in_virtual_time
async def test_the_sounds_are_made_once_the_greeting_is_over() -> None:
    output = Output()
    async with stage(before=saying(output)) as talk:
        talk.session.say("x" * 30)
        await talk.at(2.9)
        assert output.prepared == []
        await talk.at(3.0 + PAUSE + 0.1)
        assert output.prepared == list(EN.backchannels)


class Sink:
    """Keeps what is played."""

    unheard = 0.0

    def __init__(self) -> None:
        self.opened = 0
        self.played: list[np.ndarray[Any, Any]] = []

    async def open(self) -> None:
        self.opened += 1

    async def play(self, frame: np.ndarray[Any, Any], *, first: bool) -> None:
        assert first == (not self.played)
        self.played.append(frame)
        await asyncio.sleep(0)

    async def drop(self) -> None: ...

    async def aclose(self) -> None: ...


class Voice:
    """Says everything as half a second of one loudness, between two silences."""

    def __init__(self, sample_rate: int = SAMPLE_RATE) -> None:
        self.sample_rate = sample_rate

    def synthesize(self, _: str) -> Voice:
        return self

    async def __aenter__(self) -> Voice:
        return self

    async def __aexit__(self, *_: object) -> None: ...

    async def collect(self) -> rtc.AudioFrame:
        silence = np.zeros(self.sample_rate // 5, np.int16)
        word = np.full(self.sample_rate // 2, 10_000, np.int16)
        samples = np.concatenate([silence, word, silence])
        return rtc.AudioFrame(samples.tobytes(), self.sample_rate, 1, samples.size)


class Session:
    """As much of a session as a backchannel sees."""

    def __init__(self, voice: Voice) -> None:
        self.tts = voice


async def output_of(voice: Voice) -> tuple[BackchannelSounds, Sink]:
    sink = Sink()
    output = BackchannelSounds(Session(voice), sink)  # type: ignore[arg-type]
    await output.prepare(["Mm-hm."])
    return output, sink


@pytest.fixture
async def output() -> tuple[BackchannelSounds, Sink]:
    return await output_of(Voice())


async def test_a_backchannel_is_soft_and_begins_at_once(
    output: tuple[BackchannelSounds, Sink],
) -> None:
    sounds, sink = output
    await sounds.say("Mm-hm.")
    heard = np.concatenate(sink.played)
    assert heard.size == SAMPLE_RATE // 2
    assert set(heard) == {round(10_000 * LEVEL)}
    assert sink.opened == 1


async def test_a_voice_of_another_rate_is_heard_at_the_sinks() -> None:
    sounds, sink = await output_of(Voice(16_000))
    await sounds.say("Mm-hm.")
    assert sum(frame.size for frame in sink.played) == pytest.approx(SAMPLE_RATE / 2, abs=480)


async def test_a_backchannel_is_faded_out_when_the_user_goes_on(
    output: tuple[BackchannelSounds, Sink],
) -> None:
    sounds, sink = output
    saying = asyncio.create_task(sounds.say("Mm-hm."))
    while len(sink.played) < 10:
        await asyncio.sleep(0)
    saying.cancel()
    await asyncio.wait([saying])
    assert len(sink.played) == 11
    last = sink.played[-1].astype(int)
    assert last[0] == round(10_000 * LEVEL)
    assert last[-1] < 100
    assert (np.diff(last) <= 0).all()

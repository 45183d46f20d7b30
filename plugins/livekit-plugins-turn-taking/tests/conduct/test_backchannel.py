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
from livekit.plugins.turn_taking.conduct.phrases import PHRASES
from livekit.plugins.turn_taking.playback.sink import SAMPLE_RATE

from harness.scripted import Vad
from harness.stage import about, stage
from harness.virtual_time import in_virtual_time, now

EN = PHRASES["en"]
TURN = 0.2
PAUSE = TURN + MARGIN


class Mouth:
    def __init__(self) -> None:
        self.murmured: list[tuple[float, str]] = []
        self.prepared: list[str] = []

    async def prepare(self, texts: Iterable[str]) -> None:
        self.prepared += texts

    async def murmur(self, text: str) -> None:
        self.murmured.append((now(), text))


def nodding_in(mouth: Mouth, session: Any, detector: Any) -> Backchannels:
    return Backchannels(session, detector, mouth, 4.0, TURN, lambda: EN)


def nodding(mouth: Mouth) -> Callable[[AgentSession[Any]], None]:
    def attach(session: AgentSession[Any]) -> None:
        nodding_in(mouth, session, session.vad)

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
async def test_a_long_story_is_nodded_at_in_its_pauses() -> None:
    mouth = Mouth()
    async with stage("Nice.", end_of_turn=2.0, before=nodding(mouth)) as talk:
        for begin, end in ((1.0, 4.0), (5.0, 7.0), (8.0, 9.0), (10.0, 14.0)):
            await talk.at(begin)
            talk.user_speaks()
            await talk.at(end)
            talk.user_pauses("and so on")
        await talk.at(30.0)
    # 3 s are told at 4.0, 5 s at 7.0; then 1 s at 9.0, 5 s at 14.0.
    assert mouth.murmured == [
        (about(7.0 + PAUSE), EN.backchannels[0]),
        (about(14.0 + PAUSE), EN.backchannels[1]),
    ]
    assert [at for at, state in talk.states if state == "speaking"] == [about(16.0)]
    assert talk.words == ["> and so on and so on and so on and so on", "Nice."]


@in_virtual_time
async def test_the_end_of_a_turn_is_no_pause() -> None:
    mouth = Mouth()
    async with stage("Nice.", end_of_turn=0.2, before=nodding(mouth)) as talk:
        talk.user_speaks()
        await talk.at(8.0)
        talk.user_pauses("That was all.")
        await talk.at(30.0)
    assert mouth.murmured == []
    assert talk.words == ["> That was all.", "Nice."]


@in_virtual_time
async def test_a_user_who_goes_on_at_once_is_not_nodded_at() -> None:
    mouth = Mouth()
    async with stage(end_of_turn=2.0, before=nodding(mouth)) as talk:
        talk.user_speaks()
        await talk.at(8.0)
        talk.user_pauses()
        await asyncio.sleep(PAUSE - 0.1)
        talk.user_speaks()
        await talk.at(9.0)
        assert mouth.murmured == []


class Thinking(rtc.EventEmitter[str]):
    """A session that holds a reply, begun too early, while the user tells on."""

    agent_state = "thinking"


@in_virtual_time
async def test_a_reply_that_is_held_is_no_reason_to_be_dumb() -> None:
    mouth, session, detector = Mouth(), Thinking(), Vad()
    nods = nodding_in(mouth, session, detector)
    detector.tell(vad.VADEventType.START_OF_SPEECH)
    await asyncio.sleep(5.0)
    detector.tell(vad.VADEventType.END_OF_SPEECH)
    await asyncio.sleep(1.0)
    assert mouth.murmured == [(about(5.0 + PAUSE), EN.backchannels[0])]
    await nods.aclose()


@in_virtual_time
async def test_the_sounds_are_made_once_the_greeting_is_over() -> None:
    mouth = Mouth()
    async with stage(before=nodding(mouth)) as talk:
        talk.session.say("x" * 30)
        await talk.at(2.9)
        assert mouth.prepared == []
        await talk.at(3.0 + PAUSE + 0.1)
        assert mouth.prepared == list(EN.backchannels)


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
    """As much of a session as a murmur sees."""

    def __init__(self, voice: Voice) -> None:
        self.tts = voice


async def murmur_of(voice: Voice) -> tuple[BackchannelSounds, Sink]:
    sink = Sink()
    murmur = BackchannelSounds(Session(voice), sink)  # type: ignore[arg-type]
    await murmur.prepare(["Mm-hm."])
    return murmur, sink


@pytest.fixture
async def murmur() -> tuple[BackchannelSounds, Sink]:
    return await murmur_of(Voice())


async def test_a_murmur_is_soft_and_begins_at_once(murmur: tuple[BackchannelSounds, Sink]) -> None:
    mouth, sink = murmur
    await mouth.murmur("Mm-hm.")
    heard = np.concatenate(sink.played)
    assert heard.size == SAMPLE_RATE // 2
    assert set(heard) == {round(10_000 * LEVEL)}
    assert sink.opened == 1


async def test_a_voice_of_another_rate_is_heard_at_the_sinks() -> None:
    mouth, sink = await murmur_of(Voice(16_000))
    await mouth.murmur("Mm-hm.")
    assert sum(frame.size for frame in sink.played) == pytest.approx(SAMPLE_RATE / 2, abs=480)


async def test_a_murmur_is_faded_out_when_the_user_goes_on(
    murmur: tuple[BackchannelSounds, Sink],
) -> None:
    mouth, sink = murmur
    nodding = asyncio.create_task(mouth.murmur("Mm-hm."))
    while len(sink.played) < 10:
        await asyncio.sleep(0)
    nodding.cancel()
    await asyncio.wait([nodding])
    assert len(sink.played) == 11
    last = sink.played[-1].astype(int)
    assert last[0] == round(10_000 * LEVEL)
    assert last[-1] < 100
    assert (np.diff(last) <= 0).all()

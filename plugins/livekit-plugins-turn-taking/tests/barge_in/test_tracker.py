"""Sounds over the agent's speech in virtual time: what happens, and exactly when."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import numpy as np
import pytest
from livekit.plugins.turn_taking.barge_in import hunch
from livekit.plugins.turn_taking.barge_in.hunch import Hunch
from livekit.plugins.turn_taking.barge_in.policy import Evidence, Verdict, WordsFirst
from livekit.plugins.turn_taking.barge_in.sound import WINDOW
from livekit.plugins.turn_taking.barge_in.tracker import Judged
from livekit.plugins.turn_taking.playback.buffer import Samples
from livekit.plugins.turn_taking.playback.sink import SAMPLE_RATE

from .clips import clip
from .overlapping import FINAL, World, echoes, learn_slow_stt


def test_the_first_window_with_a_voice_ducks(world: World) -> None:
    world.silence(10)
    world.hear(1)
    assert world.did == [(0.352, "duck")]


def test_a_backchannel_is_over_two_tenths_after_it_and_never_reaches_the_session(
    world: World,
) -> None:
    world.hear(10)
    world.words("uh-huh")
    world.silence(6)
    assert world.did == [(0.032, "duck")]
    world.silence(1)
    assert world.did == [(0.032, "duck"), (0.544, "raise")]
    world.words("Uh-huh.", FINAL)
    assert world.verdicts == ["backchannel"]
    assert world.passed == []
    assert world.judged[0] == Judged("backchannel", turn=False, ducked=0.032, decided=0.544)


def test_a_word_with_content_stops_at_once_and_the_transcript_goes_to_the_session(
    world: World,
) -> None:
    world.hear(6)
    world.words("right")
    world.hear(5)
    assert world.verdicts == []
    world.words("right but")
    assert world.did[1:] == [(0.352, "stop"), (0.352, "raise")]
    world.hear(10)
    world.words("right but what")
    world.words("Right, but what?", FINAL)
    assert world.passed == ["right", "right but", "right but what", "Right, but what?"]
    assert world.verdicts == ["interruption"]


def test_a_stop_word_stops_though_nobody_says_more(world: World) -> None:
    world.hear(8)
    world.words("stop")
    world.silence(60)
    world.words("Stop.", FINAL)
    assert world.verdicts == ["stop word"]
    assert world.passed == ["stop", "Stop."]


def test_a_noise_is_over_two_tenths_after_it(world: World) -> None:
    world.hear(3)
    world.silence(7)
    assert world.did == [(0.032, "duck"), (0.32, "raise")]
    assert world.verdicts == ["noise"]


def test_words_that_come_late_to_a_noise_still_interrupt(world: World) -> None:
    world.hear(10)
    world.silence(20)
    world.words("Where is it?", FINAL)
    assert world.verdicts == ["noise", "interruption"]
    assert world.passed == ["Where is it?"]


def test_words_that_the_detector_took_for_no_voice_are_judged_too(world: World) -> None:
    world.silence(10)
    world.words("行")
    world.silence(7)
    world.words("行。", FINAL)
    assert world.verdicts == ["backchannel"]
    assert world.passed == []
    world.silence(20)
    world.words("Where is it?", FINAL)
    assert world.verdicts == ["backchannel", "interruption"]
    assert world.passed == ["Where is it?"]


def test_an_echo_is_known_by_its_second_window_and_ducks_until_then(world: World) -> None:
    world.hear(8, echo := echoes(world))
    world.words("the old")
    world.silence(20)
    world.hear(5, echo)
    assert world.did[:2] == [(0.032, "duck"), (0.064, "raise")]
    assert [what for _, what in world.did[2:]] == ["duck", "raise"]
    assert world.verdicts == ["echo", "echo"]
    assert world.passed == []


def test_a_first_word_of_the_agents_own_waits_until_its_sound_tells(world: World) -> None:
    world.hear(3)
    world.words("the")
    assert world.verdicts == []
    world.hear(2)
    assert world.did == [(0.032, "duck"), (0.16, "stop"), (0.16, "raise")]
    assert world.verdicts == ["interruption"]


def test_an_echo_is_known_though_the_detector_took_it_for_no_voice(world: World) -> None:
    echo = echoes(world)
    for _ in range(4):
        world._window(0.2, echo(round(WINDOW * SAMPLE_RATE)))
    world.words("the")
    assert "stop" not in [what for _, what in world.did]
    assert world.verdicts == ["echo"]
    assert world.passed == []


def test_one_window_that_is_like_what_was_played_is_no_echo_yet(world: World) -> None:
    echo = echoes(world)
    world.hear(1, lambda size: echo(size) + world._rng.normal(0, 300, size).astype(np.int16))
    world.hear(5)
    world.words("what")
    assert world.verdicts == ["interruption"]
    assert world.did == [(0.032, "duck"), (0.192, "stop"), (0.192, "raise")]


def test_somebody_who_speaks_into_the_echo_is_heard(world: World) -> None:
    world.hear(8, echoes(world))
    world.hear(12)
    world.words("what about")
    assert world.verdicts == ["echo", "interruption"]
    assert [what for _, what in world.did] == ["duck", "raise", "duck", "stop", "raise"]


def test_who_answers_into_the_end_of_an_echo_has_a_turn(world: World) -> None:
    echo = echoes(world)
    world.hear(8, echo)
    world.words("museum")
    world.end()
    world.hear(4, echo)
    world.words("museum by the")
    assert world.passed == []
    world.hear(40)
    world.silence(10)
    world.words("Museum by the river. Is it open on Sundays?", FINAL)
    assert world.verdicts == ["echo"]
    assert world.passed == ["Museum by the river. Is it open on Sundays?"]


def test_an_echo_that_is_over_after_the_agent_is_no_turn(world: World) -> None:
    echo = echoes(world)
    world.hear(8, echo)
    world.end()
    world.hear(12, echo)
    world.silence(10)
    world.words("museum by the river", FINAL)
    assert world.passed == []


def test_the_words_of_an_echo_are_not_those_of_somebody_who_speaks_into_it(world: World) -> None:
    world.hear(8, echoes(world))
    world.words("museum")
    world.hear(12)
    world.words("museum right")
    assert world.verdicts == ["echo"]
    world.words("museum right but", FINAL)
    assert world.verdicts == ["echo", "interruption"]
    assert world.passed == ["museum right", "museum right but"]


def test_a_stop_without_words_is_taken_back(world: World) -> None:
    learn_slow_stt(world)
    world.speak()
    world.hear(22)
    assert world.did[1:] == [(0.704, "stop"), (0.704, "raise")]
    stopped = world.now
    world.silence(100)
    assert [what for _, what in world.did] == ["duck", "stop", "raise", "resume"]
    # The recogniser takes 1.2 s, and one second is given beside.
    assert world.did[-1][0] == pytest.approx(stopped - world._began + 2.2, abs=WINDOW)
    assert world.verdicts[-1] == "false stop"


def test_words_of_an_stt_that_nobody_knows_yet_are_not_waited_for(world: World) -> None:
    world.hear(40)
    assert world.did[1:] == [(0.704, "stop"), (0.704, "raise")]
    assert world.verdicts == ["interruption"]


def test_a_crowd_is_no_voice_though_it_has_a_pitch_and_nobody_knows_the_stt(world: World) -> None:
    world.hear(40, world.crowd)
    assert world.did == [(0.032, "duck"), (0.704, "raise")]
    assert world.verdicts == ["noise"]


def test_a_first_sound_without_words_is_a_noise_where_the_stt_is_known_to_be_prompt() -> None:
    world = World(stt_latency=0.3)
    world.speak()
    world.hear(40)
    assert world.did == [(0.032, "duck"), (0.928, "raise")]
    assert world.verdicts == ["noise"]


def test_a_stop_that_was_a_backchannel_is_taken_back_by_its_transcript(world: World) -> None:
    learn_slow_stt(world)
    world.passed.clear()
    world.speak()
    world.hear(22)
    world.silence(10)
    world.words("好的好的。", FINAL)
    assert [what for _, what in world.did] == ["duck", "stop", "raise", "resume"]
    assert world.passed == []


@pytest.fixture
def told(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """An echo that only its word tells to be one."""
    monkeypatch.setattr("livekit.plugins.turn_taking.barge_in.sound.likeness", lambda *_: 0.28)
    world.hear(8)
    world.words("museum")
    return world


def test_an_echo_that_its_word_told_is_one_though_it_sounds_less_like_it(
    told: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("livekit.plugins.turn_taking.barge_in.sound.likeness", lambda *_: 0.1)
    told.hear(10)
    assert told.verdicts == ["echo"]


def test_a_word_that_the_agent_says_too_is_not_forgotten_when_others_follow(told: World) -> None:
    told.hear(5)
    assert told.verdicts == ["echo"]
    told.words("museum right")
    assert told.verdicts == ["echo", "interruption"]


def test_what_is_said_while_the_agent_is_silent_is_let_through() -> None:
    world = World()
    world.hear(10)
    world.words("嗯")
    world.words("嗯。", FINAL)
    assert world.passed == ["嗯", "嗯。"]
    assert world.did == []


def test_speech_that_may_not_be_interrupted_goes_on(world: World) -> None:
    world.may_stop = False
    world.hear(8)
    world.words("stop")
    world.words("Stop.", FINAL)
    assert "stop" not in [what for _, what in world.did]
    assert world.passed == []


async def _hunch(world: World, known: Hunch | None = None) -> None:
    """Wait for a hunch other than the one that is known."""
    async with asyncio.timeout(5):
        while world.overlap.sound is None or world.overlap.sound.hunch is known:
            await asyncio.sleep(0.001)


@pytest.mark.parametrize(("floor", "stops_at"), [(0.9, 0.416), (0.6, 0.704), (0.1, 1.504)])
async def test_what_a_sound_is_like_says_when_it_stops_without_words(
    floor: float, stops_at: float
) -> None:
    world = World(stt_latency=1.5, guess=lambda _: Hunch(floor, 1 - floor, 0.0, 0.0, 0.0))
    world.speak()
    world.hear(7)
    await _hunch(world)
    world.hear(60)
    assert world.did == [(0.032, "duck"), (stops_at, "stop"), (stops_at, "raise")]
    await world.overlap.aclose()


async def test_a_sound_that_is_over_before_its_length_is_held_against_it_stops_nothing() -> None:
    world = World(stt_latency=1.5, guess=lambda _: Hunch(0.1, 0.9, 0.0, 0.0, 0.0))
    world.speak()
    world.hear(7)
    await _hunch(world)
    world.hear(30)
    world.silence(12)
    assert world.verdicts == []
    world.silence(1)
    assert world.did == [(0.032, "duck"), (1.6, "raise")]
    world.words("Where is it?", FINAL)
    assert world.verdicts == ["noise", "interruption"]
    await world.overlap.aclose()


async def _doubted(make: Callable[[int], Samples] | None = None) -> World:
    """A sound of 0.22 s that the network takes for no interruption."""
    world = World(stt_latency=1.5, guess=lambda _: Hunch(0.1, 0.9, 0.0, 0.0, 0.0))
    world.speak()
    world.hear(7, make)
    await _hunch(world)
    return world


@pytest.mark.parametrize("pause", [1, 6, 7, 8, 12])
@pytest.mark.parametrize("first", [20, 23, 40])
async def test_who_pauses_is_heard_in_the_end_whatever_the_hunch(first: int, pause: int) -> None:
    world = await _doubted()
    world.hear(first - 7)
    world.silence(pause)
    for _ in range(4):
        world.hear(30)
        world.silence(pause + 1 if pause < 12 else pause)
    assert world.verdicts[-1:] == ["interruption"]
    await world.overlap.aclose()


async def test_voice_before_a_pause_counts_to_what_a_hunch_speaks_against() -> None:
    world = await _doubted()
    world.hear(20)
    world.silence(7)
    world.hear(19)
    assert world.verdicts == []
    world.hear(1)
    assert world.verdicts == ["interruption"]
    await world.overlap.aclose()


@pytest.mark.parametrize("pause", [7, 9, 12])
def test_who_goes_on_after_a_short_word_and_a_pause_is_heard(pause: int) -> None:
    world = World(stt_latency=1.5)
    world.speak()
    world.hear(10)
    world.silence(pause)
    assert world.verdicts == ["noise"]
    world.hear(21)
    assert world.verdicts == ["noise"]
    world.hear(1)
    assert world.verdicts == ["noise", "interruption"]


@pytest.mark.parametrize("floor", [0.1, 0.6])
@pytest.mark.parametrize("pause", [1, 7, 11])
async def test_a_crowd_that_was_known_as_one_is_not_asked_again(floor: float, pause: int) -> None:
    world = World(stt_latency=1.5, guess=lambda _: Hunch(floor, 1 - floor, 0.0, 0.0, 0.0))
    world.speak()
    world.hear(7, world.crowd)
    await _hunch(world)
    world.hear(20, world.crowd)
    assert world.verdicts == ["noise"]
    world.silence(pause)
    world.hear(60)
    assert world.verdicts == ["noise"]
    await world.overlap.aclose()


def test_short_sounds_one_after_another_are_not_added_up() -> None:
    world = World(stt_latency=1.5)
    world.speak()
    for _ in range(6):
        world.hear(14)
        world.silence(8)
    assert set(world.verdicts) == {"noise"}


class Guesses:
    """Counts how often it is asked."""

    def __init__(self) -> None:
        self.made = 0

    def __call__(self, samples: Samples) -> Hunch:
        self.made += 1
        return Hunch(0.1, 0.9, 0.0, 0.0, 0.0)


async def _made(world: World, guesses: Guesses) -> int:
    """How many guesses a voice is worth that goes on for a second."""
    before = guesses.made
    world.speak()
    for _ in range(31):
        world.hear(1)
        await asyncio.sleep(0.002)
    await world.overlap.aclose()
    return guesses.made - before


async def test_what_nobody_would_read_is_not_guessed_at() -> None:
    slow, prompt = Guesses(), Guesses()
    assert await _made(World(stt_latency=1.5, guess=slow), slow) > 2
    assert await _made(World(stt_latency=0.3, guess=prompt), prompt) == 0


async def test_there_are_no_guesses_of_an_echo_nor_once_there_are_words() -> None:
    guesses = Guesses()
    world = World(stt_latency=1.5, guess=guesses)
    world.speak()
    echo = echoes(world)
    for _ in range(20):
        world.hear(1, echo)
        await asyncio.sleep(0.001)
    world.silence(20)
    world.hear(3)
    world.words("I")  # which may become "I see"
    for _ in range(10):
        world.hear(1)
        await asyncio.sleep(0.001)
    assert world.verdicts == ["echo"]
    assert guesses.made == 0
    await world.overlap.aclose()


@pytest.mark.parametrize(
    ("text", "language", "guessed"),
    [
        ("Hello.", "en-US", True),
        ("你好。", "zh", True),
        ("你好。", "yue-HK", True),
        ("你好。", "multi", True),
        ("Hello.", "", True),
        ("42", "", True),
        ("Guten Tag.", "de", False),
        ("Здравствуйте.", "", False),
        ("مرحبا", "", False),
        ("Hej.", "sv", False),
    ],
)
async def test_a_language_that_the_network_never_learnt_is_judged_without_it(
    text: str, language: str, guessed: bool
) -> None:
    guesses = Guesses()
    world = World(stt_latency=1.5, guess=guesses)
    world.words(text, FINAL, language)
    world.now += 5.0
    assert (await _made(world, guesses) > 0) is guessed
    assert ((0.704, "stop") in world.did) is not guessed


class WithoutHunches:
    """A policy of somebody's own, which goes without."""

    def judge(self, evidence: Evidence) -> Verdict | None:
        assert evidence.hunch is None
        return None


async def test_a_policy_that_asks_for_no_hunches_pays_for_none() -> None:
    guesses = Guesses()
    for policy in (WithoutHunches(), WordsFirst(hunches=False)):
        world = World(stt_latency=1.5, guess=guesses, policy=policy)
        assert await _made(world, guesses) == 0


@pytest.mark.parametrize("name", ["floor_en_0", "floor_zh_0", "floor_zh_1"])
async def test_somebody_who_takes_the_floor_stops_it_without_a_word(name: str) -> None:
    world = World(stt_latency=1.5, guess=hunch.guess)
    world.speak()
    windows = iter(np.split(clip(name), 20))

    def heard(_: int) -> Samples:
        return next(windows)

    world.silence(4, heard)
    world.hear(7, heard)
    known: Hunch | None = None
    while not world.verdicts:  # until the clip ends, with an error
        await _hunch(world, known)
        known = world.overlap.sound.hunch if world.overlap.sound else None
        world.hear(3, heard)
    assert [what for _, what in world.did] == ["duck", "stop", "raise"]
    await world.overlap.aclose()

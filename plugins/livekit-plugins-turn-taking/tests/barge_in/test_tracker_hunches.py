"""Sounds over the agent's speech that a network guesses at, and speakers who pause."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import numpy as np
import pytest
from livekit.plugins.turn_taking.barge_in import hunch
from livekit.plugins.turn_taking.barge_in.hunch import Hunch
from livekit.plugins.turn_taking.barge_in.policy import Evidence, Verdict, WordsFirst
from livekit.plugins.turn_taking.playback.buffer import Samples

from .clips import clip
from .overlapping import FINAL, World, echoes


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


async def _babble() -> World:
    world = World(stt_latency=1.5, guess=lambda _: Hunch(0.1, 0.1, 0.0, 0.8, 0.0))
    world.speak()
    world.hear(7, world.crowd)
    await _hunch(world)
    return world


async def test_babble_does_not_stop_by_words_that_the_recogniser_makes_of_it() -> None:
    world = await _babble()
    world.hear(10, world.crowd)
    world.words("What are you waiting")  # given out early, by a decode that was sure enough
    world.hear(30, world.crowd)
    assert world.verdicts == []
    world.silence(7)
    assert world.verdicts == ["noise"]
    world.silence(10)
    world.words("What's going on?", FINAL, confidence=0.34)
    assert world.verdicts == ["noise"]
    assert "stop" not in [what for _, what in world.did]
    assert world.passed == []
    await world.overlap.aclose()


async def test_who_is_understood_in_babble_is_heard_in_the_end() -> None:
    world = await _babble()
    world.hear(30, world.crowd)
    world.words("What time")
    world.silence(17)
    world.words("What time is it?", FINAL, confidence=0.7)
    assert world.verdicts == ["noise", "interruption"]
    assert world.passed[-1] == "What time is it?"
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

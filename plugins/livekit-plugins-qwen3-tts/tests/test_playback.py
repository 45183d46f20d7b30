"""The estimate of playback, what is learnt of a server, and the choice among several."""

from __future__ import annotations

import pytest
from livekit.plugins.qwen3_tts.client import SpeechClient
from livekit.plugins.qwen3_tts.playback import Pace, Playback
from livekit.plugins.qwen3_tts.replicas import Replica, Replicas


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_playback_follows_the_clock() -> None:
    clock = Clock()
    playback = Playback(clock)
    assert (playback.ahead, playback.position, playback.idle) == (0, 0, 0)
    playback.push(2.0)
    playback.push(1.0)
    clock.now += 1.0
    assert (playback.ahead, playback.position) == (2.0, 3.0)
    clock.now += 5.0
    assert (playback.ahead, playback.position, playback.idle) == (0.0, 6.0, 3.0)
    playback.push(1.0)
    assert (playback.ahead, playback.pushed, playback.position) == (1.0, 4.0, 7.0)


def test_playback_knows_how_long_it_was_dry_before_a_moment() -> None:
    clock = Clock()
    playback = Playback(clock)
    playback.push(1.0)
    clock.now += 3.0
    assert playback.dry_before(1.0) == 0.0
    assert playback.dry_before(3.5) == 2.0  # what is pushed now is heard then
    playback.push(1.0)
    clock.now += 1.5
    playback.push(1.0)
    assert playback.dry_before(1.0) == 0.0
    assert playback.dry_before(4.0) == 2.0
    assert playback.dry_before(5.0) == 2.5


def test_nothing_is_held_before_anything_is_known() -> None:
    assert Pace().start_delay(10.0) == 0.0
    assert Pace().join_delay() == 0.0


def test_one_stall_is_no_pattern() -> None:
    pace = Pace()
    for _ in range(4):
        pace.arrived(0.0, [(0.1, 1.0), (0.2, 1.0)])
    pace.arrived(0.0, [(0.1, 0.1), (3.0, 1.0)])
    assert pace.start_delay(1.0) == 0.0


def test_a_server_slower_than_real_time_needs_more_for_more() -> None:
    pace = Pace()
    pace.arrived(0.0, [(0.5, 0.5), (1.1, 0.5), (1.7, 0.5), (2.3, 0.5)])
    assert pace.rtf == pytest.approx(1.2)
    assert pace.start_delay(5.0) == pytest.approx(1.0)
    assert pace.start_delay(2.5) == pytest.approx(0.5)


def test_the_rate_of_the_voice_is_learnt_within_reason() -> None:
    pace = Pace()
    for _ in range(20):
        pace.spoke(10, 3.0)
    assert pace.per_syllable == pytest.approx(0.3, abs=0.01)
    pace.spoke(10, 1000.0)
    assert pace.per_syllable < 0.4


def make(count: int) -> tuple[Replicas, list[Replica], Clock]:
    clock = Clock()
    client = SpeechClient(lambda: None, "", {})  # type: ignore[arg-type, return-value]
    replicas = [Replica(str(number), client) for number in range(count)]
    return Replicas(replicas, clock), replicas, clock


def test_the_server_that_owes_least_is_chosen() -> None:
    replicas, (one, two), _ = make(2)
    with replicas.lease(one, 3.0), replicas.lease(two, 5.0):
        assert replicas.choose() is one
        with replicas.lease(one, 4.0):
            assert replicas.choose() is two
    assert one.outstanding == two.outstanding == 0


def test_a_failing_server_is_left_out_and_tried_again() -> None:
    replicas, (one, two), clock = make(2)
    replicas.failed(one)
    with replicas.lease(two, 9.0):
        assert replicas.choose() is two
        clock.now += 1.5
        assert replicas.choose() is one  # a trial
        assert replicas.choose() is two  # one at a time
        replicas.failed(one)
        clock.now += 1.5
        assert replicas.choose() is two  # left out for twice as long
        clock.now += 1.0
        assert replicas.choose() is one
        replicas.succeeded(one)
        assert replicas.choose() is one


def test_with_every_server_failing_one_is_used_still() -> None:
    replicas, (one, two), clock = make(2)
    replicas.failed(one)
    clock.now += 0.5
    replicas.failed(two)
    assert replicas.choose() is one
    assert replicas.choose(avoid=[one]) is two


def test_a_single_server_is_retried() -> None:
    replicas, (one,), _ = make(1)
    replicas.failed(one)
    assert replicas.choose(avoid=[one]) is one

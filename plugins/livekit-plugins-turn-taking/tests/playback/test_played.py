"""What was played last, with a clock that only the test moves."""

from __future__ import annotations

import numpy as np
from livekit.plugins.turn_taking.playback.played import Played


def test_what_was_played_lies_on_a_time_line() -> None:
    now = 100.0
    played = Played(1000, clock=lambda: now)
    assert not played.last(0.05).any()
    for value in (1, 2):
        now += 0.01
        played.add(np.full(10, value, np.int16))
    now += 0.02  # silence since
    assert played.last(0.05)[::10].tolist() == [0, 1, 2, 0, 0]
    assert played.last(0.05).size == 50
    now += 3.0
    assert not played.last(0.05).any()


def test_what_is_handed_over_at_once_is_heard_one_after_the_other() -> None:
    now = 100.0
    played = Played(1000, clock=lambda: now)
    for value in range(1, 6):
        played.add(np.full(10, value, np.int16))
    assert played.last(0.03)[::10].tolist() == [0, 0, 1]
    now += 0.015
    assert played.last(0.03).tolist() == [0] * 5 + [1] * 10 + [2] * 10 + [3] * 5
    now += 0.025
    assert played.last(0.05)[::10].tolist() == [1, 2, 3, 4, 5]


def test_a_frame_that_comes_a_little_late_leaves_no_gap() -> None:
    now = 100.0
    played = Played(1000, clock=lambda: now)
    played.add(np.full(10, 1, np.int16))  # the sink has 20 ms from here on
    played.add(np.full(10, 1, np.int16))
    for frame, late in enumerate((0.003, 0.009, 0.001, 0.007), start=1):
        now = 100.0 + frame / 100 + late
        played.add(np.full(10, 1, np.int16))
    now = 100.05
    assert played.last(0.05).all()


def test_what_a_sink_drops_was_never_played() -> None:
    now = 100.0
    played = Played(1000, clock=lambda: now)
    for value in range(1, 11):
        played.add(np.full(10, value, np.int16))
    now += 0.02
    played.drop()
    assert played.last(0.04)[::10].tolist() == [0, 1, 2, 3]
    now += 0.03
    played.add(np.full(10, 20, np.int16))
    assert played.last(0.06)[::10].tolist() == [1, 2, 3, 0, 0, 20]

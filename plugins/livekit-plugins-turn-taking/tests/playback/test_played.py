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

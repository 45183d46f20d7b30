"""The model that hears whether a voice has finished, and the policy that believes it or not."""

from __future__ import annotations

import numpy as np
import pytest
from livekit.plugins.turn_taking.end_of_turn import smart_turn
from livekit.plugins.turn_taking.end_of_turn.clause import Clause
from livekit.plugins.turn_taking.end_of_turn.policy import (
    BRIEF_WAIT,
    DOUBTED,
    PREFACED,
    SURE,
    WISHED,
    EndpointingPolicy,
)
from livekit.plugins.turn_taking.end_of_turn.smart_turn import log_mel
from livekit.plugins.turn_taking.end_of_turn.state import Pause


def test_a_tone_lights_up_its_own_band() -> None:
    seconds = np.arange(128_000) / 16_000
    low = log_mel(np.sin(2 * np.pi * 300 * seconds)).mean(axis=1)
    high = log_mel(np.sin(2 * np.pi * 3000 * seconds)).mean(axis=1)
    assert log_mel(np.sin(seconds)).shape == (80, 800)
    # 300 Hz is 4.5 mel of 45.2 in all, 3 kHz is 31: bands are even in mel.
    assert abs(int(low.argmax()) - 80 * 4.5 / 45.2) < 2
    assert abs(int(high.argmax()) - 80 * 31 / 45.2) < 2


def test_any_length_can_be_judged() -> None:
    judge = smart_turn.load()
    for samples in (1, 1600, 16_000 * 9):
        assert 0 <= judge(np.zeros(samples, np.int16)) <= 1


WAIT = EndpointingPolicy(shortest=0.16, longest=1.6)


@pytest.mark.parametrize(
    ("clause", "ending", "usual", "expected"),
    [
        # Words and voice agree.
        (Clause.FINISHED, SURE[Clause.FINISHED], 0.7, 0.16),
        (Clause.OPEN, SURE[Clause.OPEN], 0.7, 0.16),
        # They don't quite: as long as this person pauses, as a rule.
        (Clause.FINISHED, SURE[Clause.FINISHED] - 0.01, 0.5, 0.5),
        (Clause.OPEN, SURE[Clause.OPEN] - 0.01, 0.7, 0.7),
        (Clause.OPEN, 0.0, 1.1, 1.1),
        (Clause.OPEN, 0.0, 9.0, 1.6),
        (Clause.FINISHED, 0.0, 9.0, DOUBTED),
        (Clause.OPEN, 0.0, 0.1, 0.16),
        # The voice has not been judged yet, or nobody judges it.
        (Clause.OPEN, None, 0.7, 0.7),
        # The words are against it, whatever the voice says.
        (Clause.UNFINISHED, 1.0, 0.7, 1.6),
        (Clause.UNFINISHED, None, 0.7, 1.6),
        # It may be thanks alone, which are answered late, or a word before the matter itself.
        (Clause.PREFACE, 1.0, 0.3, PREFACED),
        (Clause.PREFACE, None, 0.7, 0.7),
        (Clause.PREFACE, 1.0, 9.0, 1.6),
        # A wish is told, but not when or how many: the voice falls there, too.
        (Clause.WISH, 1.0, 0.7, WISHED),
        (Clause.WISH, None, 0.7, WISHED),
        (Clause.WISH, 1.0, 1.3, 1.3),
        (Clause.WISH, 1.0, 9.0, 1.6),
        # No words yet.
        (None, 1.0, 0.7, 1.6),
    ],
)
def test_the_wait_for_an_end_by_words_and_voice(
    clause: Clause, ending: float | None, usual: float, expected: float
) -> None:
    assert WAIT(Pause(clause, ending, voiced=2.0, usual=usual)) == expected


@pytest.mark.parametrize(("ending", "expected"), [(0.9, 0.16), (0.5, 0.7), (None, 0.7)])
def test_words_that_come_after_the_turn_are_not_waited_for(
    ending: float | None, expected: float
) -> None:
    policy = EndpointingPolicy(shortest=0.16, longest=1.6, words=False)
    assert policy(Pause(None, ending, voiced=2.0, usual=0.7)) == expected


def test_a_cough_is_not_waited_for_long() -> None:
    assert WAIT(Pause(None, None, voiced=0.2, usual=0.7)) == BRIEF_WAIT

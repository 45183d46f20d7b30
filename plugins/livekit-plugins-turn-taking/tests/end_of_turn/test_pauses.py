"""A person's pauses."""

from __future__ import annotations

import pytest
from livekit.plugins.turn_taking.end_of_turn.pauses import Pauses


def test_a_person_is_thought_to_go_on_within_seven_tenths_of_a_second() -> None:
    assert Pauses().usual == pytest.approx(0.7)


def test_somebody_who_pauses_long_is_waited_for() -> None:
    pauses = Pauses()
    for _ in range(3):
        pauses.add(1.2)
    assert pauses.usual > 1.2


def test_somebody_whose_pauses_are_short_and_even_is_answered_sooner() -> None:
    pauses = Pauses()
    for _ in range(20):
        pauses.add(0.3)
    assert 0.3 < pauses.usual < 0.4


def test_gaps_between_words_teach_nothing() -> None:
    pauses = Pauses()
    before = pauses.usual
    pauses.add(0.19)
    assert pauses.usual == before

from __future__ import annotations

from livekit.plugins.turn_taking.conduct.attention import Attention


def attending() -> Attention:
    attention = Attention(hold=1.0, take=0.3)
    attention.turn("anna")
    return attention


def test_another_is_turned_to_who_speaks_while_the_first_is_silent() -> None:
    attention = attending()
    attention.speaks("anna", 1.0)
    attention.pauses("anna", 3.0)
    attention.speaks("ben", 10.0)
    assert attention.due() == (10.3, "ben", 10.0)
    attention.turn("ben")
    assert attention.to == "ben"
    assert attention.due() is None


def test_the_pauses_of_the_first_are_theirs() -> None:
    attention = attending()
    attention.speaks("anna", 1.0)
    attention.pauses("anna", 3.0)
    attention.speaks("ben", 3.2)
    assert attention.due() == (4.0, "ben", 3.2)
    attention.speaks("anna", 3.8)
    assert attention.due() is None


def test_who_speaks_into_another_s_words_waits_for_the_end_of_them() -> None:
    attention = attending()
    attention.speaks("anna", 1.0)
    attention.speaks("ben", 2.0)
    assert attention.due() is None
    attention.pauses("anna", 5.0)
    assert attention.due() == (6.0, "ben", 2.0)


def test_what_is_said_aside_is_not_for_the_agent() -> None:
    attention = attending()
    attention.speaks("anna", 1.0)
    attention.speaks("ben", 2.0)
    attention.pauses("ben", 2.6)
    attention.pauses("anna", 5.0)
    assert attention.due() is None


def test_a_short_question_is_kept_until_it_is_certain() -> None:
    attention = attending()
    attention.speaks("anna", 1.0)
    attention.pauses("anna", 3.0)
    attention.speaks("ben", 3.1)
    attention.pauses("ben", 3.6)
    assert attention.due() == (4.0, "ben", 3.1)


def test_a_cough_is_nothing() -> None:
    attention = attending()
    attention.speaks("ben", 3.0)
    assert attention.due() == (3.3, "ben", 3.0)
    attention.pauses("ben", 3.2)
    assert attention.due() is None


def test_of_two_the_one_who_began_first() -> None:
    attention = attending()
    attention.speaks("cleo", 2.0)
    attention.speaks("ben", 2.1)
    assert attention.due() == (2.3, "cleo", 2.0)


def test_when_the_first_leaves_it_turns_to_who_speaks_or_has_been_here_longest() -> None:
    attention = attending()
    attention.arrives("ben")
    attention.speaks("cleo", 2.0)
    assert attention.leaves("anna") == "cleo"
    attention.pauses("cleo", 3.0)
    assert attention.leaves("cleo") == "ben"
    assert attention.leaves("ben") is None

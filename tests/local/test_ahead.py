"""How long the voice may rest: never longer than there is sound that every listener still hears."""

from __future__ import annotations

import pytest

from agent.local.ahead import APART, RESERVE, Ahead


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ahead(clock: Clock) -> Ahead:
    return Ahead(clock)


def test_nobody_hears_anything(ahead: Ahead) -> None:
    assert ahead.spare() == 0.0


def test_a_reply_without_sound_is_not_held(ahead: Ahead) -> None:
    with ahead.request("anna"):
        assert ahead.spare() == 0.0


def test_what_was_sent_and_not_yet_played_is_spare_but_for_a_reserve(
    ahead: Ahead, clock: Clock
) -> None:
    with ahead.request("anna") as sent:
        sent(4.0)
        assert ahead.spare() == pytest.approx(4.0 - RESERVE)
        clock.now += 1.0
        assert ahead.spare() == pytest.approx(3.0 - RESERVE)
    clock.now += 2.6
    assert ahead.spare() == 0.0


def test_the_next_piece_has_the_time_that_the_last_ones_took(ahead: Ahead, clock: Clock) -> None:
    with ahead.request("anna") as sent:
        clock.now += 1.5
        sent(4.0)
        clock.now += 0.2
        sent(1.0)
        assert ahead.spare() == pytest.approx(4.8 - 1.5 - RESERVE)


def test_requests_of_one_listener_follow_each_other(ahead: Ahead, clock: Clock) -> None:
    with ahead.request("anna") as sent:
        sent(2.0)
    clock.now += 1.0
    with ahead.request("anna") as sent:
        assert ahead.spare() == pytest.approx(1.0 - RESERVE)
        sent(3.0)
        assert ahead.spare() == pytest.approx(4.0 - RESERVE)


def test_the_listener_with_the_least_decides(ahead: Ahead) -> None:
    with ahead.request("anna") as anna, ahead.request("ben") as ben:
        anna(5.0)
        assert ahead.spare() == 0.0  # Ben waits for his
        ben(1.0)
        assert ahead.spare() == pytest.approx(1.0 - RESERVE)


def test_a_reply_that_was_broken_off_has_nothing_left_to_play(ahead: Ahead) -> None:
    def broken_off() -> None:
        with ahead.request("anna") as sent:
            sent(5.0)
            raise ConnectionError

    with pytest.raises(ConnectionError):
        broken_off()
    with ahead.request("anna") as sent:
        sent(1.0)
        assert ahead.spare() == pytest.approx(1.0 - RESERVE)


def test_what_was_sent_before_somebody_spoke_is_not_counted_on_the_next_time(
    ahead: Ahead, clock: Clock
) -> None:
    with ahead.request("anna") as sent:
        sent(8.0)
    assert ahead.spare() == pytest.approx(8.0 - RESERVE)
    clock.now += APART / 2
    assert ahead.spare() > 0.0  # the same words
    clock.now += 2 * APART
    assert ahead.spare() == 0.0  # others, perhaps over another reply
    clock.now += 2 * APART
    with ahead.request("anna") as sent:
        sent(2.0)
        assert ahead.spare() == pytest.approx(2.0 - RESERVE)

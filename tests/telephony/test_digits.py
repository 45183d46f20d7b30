from __future__ import annotations

import pytest

from agent.telephony.digits import Keypad, spoken_digits


@pytest.mark.parametrize(
    ("said", "digits"),
    [
        ("4271", "4271"),
        ("It's 42 71.", "4271"),
        ("four two seven one", "4271"),
        ("My order number is four, two, double seven, oh one.", "427701"),
        ("nine triple zero", "9000"),
        ("forty two, nineteen", "4219"),
        ("sixty seven oh five", "6705"),
        ("one ninety", "190"),
        ("it is for you to say", ""),
        ("three for too", "342"),
        ("我的订单号是四二七幺", "4271"),
        ("两零二六", "2026"),
        ("订单号4271", "4271"),
        ("I don't know it", ""),
    ],
)
def test_digits_are_found_in_what_was_said(said: str, digits: str) -> None:
    assert spoken_digits(said) == digits


def press(keypad: Keypad, keys: str) -> list[str | None]:
    return [keypad.press(key) for key in keys]


def test_the_hash_key_ends_an_answer() -> None:
    assert press(Keypad(3, 8), "4271#") == [None, None, None, None, "4271"]


def test_the_last_digit_ends_it_too() -> None:
    assert press(Keypad(4, 4), "4271") == [None, None, None, "4271"]


def test_the_star_key_begins_again() -> None:
    assert press(Keypad(3, 8), "99*427#")[-1] == "427"


def test_too_few_digits_are_no_answer() -> None:
    keypad = Keypad(3, 8)
    assert press(keypad, "42#") == [None, None, None]
    assert press(keypad, "7#")[-1] == "427"


def test_when_no_more_keys_come_what_is_there_counts_if_it_is_enough() -> None:
    keypad = Keypad(3, 8)
    press(keypad, "42")
    assert keypad.take() is None
    press(keypad, "427")  # the two before it are forgotten
    assert keypad.take() == "427"
    assert keypad.take() is None


def test_other_keys_are_not_digits() -> None:
    assert press(Keypad(2, 2), "A4B2") == [None, None, None, "42"]

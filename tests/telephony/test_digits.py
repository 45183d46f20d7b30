from __future__ import annotations

import pytest

from agent.languages import Language
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


@pytest.mark.parametrize(
    ("said", "digits"),
    [
        ("one hundred and five", "105"),
        ("twelve hundred", "1200"),
        ("it's one thousand", "1000"),
        ("two thousand twenty six", "2026"),
        ("a hundred, please", "100"),
        ("nine hundred double five", "90055"),
        ("six one hundred and five", "6105"),
        ("nineteen eighty four", "1984"),
        ("three thousand two hundred and fifty-one", "3251"),
        ("十二", "12"),
        ("是二十一", "21"),
        ("一百零五号", "105"),
        ("两千零二十", "2020"),
        ("一千二百三十四", "1234"),
        ("三万五千", "35000"),
        ("四二七幺", "4271"),
        ("我十分确定，是三八二", "382"),
        ("千万别忘，三八二", ""),
        ("I'm a hundred percent sure: four two", "42"),
        ("一百五", ""),  # 150, or 105
        ("三八十二四", ""),
        ("四二百", ""),
    ],
)
def test_a_number_above_nine_is_that_number(said: str, digits: str) -> None:
    assert spoken_digits(said) == digits


@pytest.mark.parametrize(
    ("said", "language"),
    [
        ("vier zweiundvierzig sieben", "de"),
        ("einundzwanzig drei", "de"),
        ("hundertfünf", "de"),
        ("quatre-vingt-dix", "fr"),
        ("zéro six quarante-deux", "fr"),
        ("cuarenta y dos siete", "es"),
        ("veintiuno tres", "es"),
        ("ventuno tre", "it"),
        ("duecento sei", "it"),
        ("quarenta e dois", "pt"),
        ("cento e cinco", "pt"),
        ("сорок два", "ru"),
        ("двадцать один три", "ru"),
        ("三百二", "ja"),
        ("にじゅうさん", "ja"),
        ("삼십 육 칠", "ko"),
    ],
)
def test_a_number_that_is_not_read_is_asked_for_again(said: str, language: Language) -> None:
    assert spoken_digits(said, language) == ""


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

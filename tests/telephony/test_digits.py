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
        ("千万别忘，三八二", "382"),
        ("万分感谢，三八二", "382"),
        ("I'm a hundred percent sure: four two", "42"),
        ("一百五", ""),  # 150, or 105
        ("三八十二四", ""),
        ("四二百", ""),
        ("four hundred five", "405"),
        ("one eight hundred four one four nine nine nine nine", "18004149999"),
        ("one eight hundred, five five five", "1800555"),
        ("oh eight hundred five five five one two three", "0800555123"),
        ("five hundred five hundred", "500500"),
        ("two thousand two thousand", "20002000"),
        ("two thousand two hundred five five", "220055"),
        ("one hundred thousand", "100000"),
        ("two hundred and five thousand", "205000"),
        ("two thousand twenty six one", ""),  # 2026 and a one, or 2000 and 261
        ("eight hundred forty two one", ""),
        ("one-hundred-and-five", "105"),
        ("hundred and five", ""),
        ("four hundred thousand million", ""),
        ("4 hundred", ""),
        ("1 hundred and 5", ""),
        ("two million", ""),
        ("two hundreds", ""),
        ("treble nine", "999"),
        ("double forty two", ""),
        ("quadruple five", "5555"),
        ("一亿", ""),
        ("三十亿", ""),
        ("廿五", ""),
        ("3万", ""),
        ("四 百", ""),
        ("一百 零五", ""),
        ("二十 五", ""),
        ("三个五", "555"),
        ("四二，四个八", "428888"),
        ("十个五", ""),
        ("三个五十", ""),
        ("有一个四，然后二", "42"),
    ],
)
def test_a_number_above_nine_is_that_number(said: str, digits: str) -> None:
    assert spoken_digits(said) == digits


@pytest.mark.parametrize(
    ("said", "language", "digits"),
    [
        ("I'm 100% sure it's 020 7946 0018", "en", "02079460018"),
        ("I'm 99.9 % sure, four two", "en", "42"),
        ("ninety nine percent sure, four two", "en", "42"),
        ("one hundred % sure, four two", "en", "42"),
        ("four two one hundred percent", "en", "42"),
        ("I'm a hundred per cent sure: four two", "en", "42"),
        ("a thousand thanks, four two", "en", "42"),
        ("a million thanks, four two", "en", "42"),
        ("Oh, 4271", "en", "4271"),
        ("Oh, my number is four two", "en", "42"),
        ("Oh no, four two", "en", "42"),
        ("oh four two", "en", "042"),
        ("oh, four, two", "en", "042"),
        ("4, uh, 2 and 7", "en", "427"),
        ("我100%确定，三八二", "zh", "382"),
        ("我１００％确定，三八二", "zh", "382"),
        ("我百分之百确定，三八二", "zh", "382"),
        ("百分之九十九点九，三八二", "zh", "382"),
        ("4273, пожалуйста", "ru", "4273"),
        ("просто четыре два", "ru", "42"),
        ("на сто процентов уверен: четыре два", "ru", "42"),
        ("diciamo quattro due sette", "it", "427"),
        ("il centro, quattro due", "it", "42"),
        ("mille grazie, quattro due", "it", "42"),
        ("dezembro, quatro dois", "pt", "42"),
        ("mil desculpas, quatro dois", "pt", "42"),
        ("천천히 공일공", "ko", "010"),
        ("열심히 공일공", "ko", "010"),
        ("백 퍼센트 확실해요, 칠 팔", "ko", "78"),
        ("mil gracias, cuatro dos", "es", "42"),
        ("100 por ciento seguro, cuatro dos", "es", "42"),
        ("paciente, cuatro dos", "es", "42"),
        ("tausend Dank, vier zwei sieben", "de", "427"),
        ("100 Prozent sicher, vier zwei", "de", "42"),
        ("zehnten Dezember vier zwei", "de", "42"),
        ("cent pour cent sûr, quatre deux", "fr", "42"),
        ("mille mercis, quatre deux", "fr", "42"),
        ("じゅうぶんです、四二", "ja", "42"),
    ],
)
def test_what_is_said_beside_the_digits_is_no_part_of_them(
    said: str, language: Language, digits: str
) -> None:
    assert spoken_digits(said, language) == digits


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
        ("vier, ähm, zwanzig", "de"),
        ("fünf dreißig", "de"),
        ("eine Million vier", "de"),
        ("doppel fünf", "de"),
        ("neuf cent un", "fr"),
        ("un million deux", "fr"),
        ("double cinq", "fr"),
        ("un millón dos", "es"),
        ("doble cinco", "es"),
        ("dieciséis dos", "es"),
        ("doscientos tres", "es"),
        ("doppio cinque", "it"),
        ("centotto due", "it"),
        ("trentatré due", "it"),
        ("dezesseis dois", "pt"),
        ("seiscentos dois", "pt"),
        ("um milhão dois", "pt"),
        ("триста два", "ru"),
        ("шестнадцать два", "ru"),
        ("два миллиона два", "ru"),
        ("四 じゅうさん", "ja"),
        ("四 せんです", "ja"),
        ("삼 만 오", "ko"),
        ("3만", "ko"),
        ("이백오 삼", "ko"),
        ("열둘 삼", "ko"),
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

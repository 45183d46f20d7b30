from __future__ import annotations

import pytest

from agent.telephony.answering_machine.detection import AnswerDetector


def greeting(
    *speech: tuple[float, float], words: str = "", words_at: float = 0.0
) -> AnswerDetector:
    """Speech from and to, in seconds after the answer, and what was understood of it."""
    detector = AnswerDetector()
    for began, ended in speech:
        detector.speech_began(began)
        detector.speech_ended(ended)
    if words:
        detector.heard(words, words_at)
    return detector


@pytest.mark.parametrize(
    "words",
    [
        "Hello?",
        "Good morning, this is Doctor Brown's practice.",
        "Hi, who is this?",
        "喂，你好，哪位？",
        "你好，我是王芳。",
    ],
)
def test_a_short_greeting_and_a_pause_is_a_person(words: str) -> None:
    detector = greeting((0.5, 1.6), words=words, words_at=2.0)
    assert detector.answered_by(2.3) is None
    assert detector.answered_by(2.41) == "person"


@pytest.mark.parametrize(
    "words",
    [
        "Hi, you've reached Anna.",
        "I can't come to the phone right now.",
        "Please leave a message after the tone.",
        "Please leave your name and number.",
        "The person you are calling is not available.",
        "You are being forwarded to voicemail.",
        "您好，我现在不方便接听电话，请在提示音后留言。",
        "请在嘀声之后留言",
        "这里是张三的语音信箱",
        "你好，我是小张，有事请说。",
    ],
)
def test_words_of_a_machine_decide_at_once(words: str) -> None:
    detector = AnswerDetector()
    detector.speech_began(0.3)
    detector.heard(words, 1.5)
    assert detector.answered_by(1.5) == "machine"


@pytest.mark.parametrize(
    "words",
    [
        "The number you have dialed is not in service.",
        "The mailbox is full and cannot accept any messages at this time.",
        "您拨打的号码是空号，请核对后再拨。",
        "您好，您拨打的电话已关机。",
    ],
)
def test_an_announcement_takes_no_message(words: str) -> None:
    assert greeting((0.3, 3.0), words=words, words_at=3.2).answered_by(3.2) == "unreachable"


@pytest.mark.parametrize(
    "words",
    [
        "Thank you for calling. For reservations press 1, for lost baggage press two.",
        "You have reached City Hospital. If you know the extension, dial it now.",
        "欢迎致电中国电信，查询话费请按一。",
        "人工服务请按0",
        "您好,欢迎致电大欢迎好,个人业务请按你企业业务请按。",  # Whisper base, by phone
    ],
)
def test_what_asks_for_keys_is_a_menu(words: str) -> None:
    assert greeting((0.3, 3.0), words=words, words_at=3.2).answered_by(3.2) == "menu"


def test_a_machine_that_also_has_keys_takes_a_message() -> None:
    detector = greeting((0.3, 3.0))
    detector.heard("Please leave a message, or press 1 for more options.", 3.2)
    assert detector.answered_by(3.2) == "machine"


def test_more_words_make_an_announcement_of_a_machine() -> None:
    detector = greeting((0.3, 2.0))
    detector.heard("You've reached the voicemail of Anna.", 2.2)
    assert detector.answered_by(2.2) == "machine"
    detector.heard("The mailbox is full.", 4.2)
    assert detector.answered_by(4.2) == "unreachable"


def test_a_greeting_that_goes_on_is_a_machine_even_if_nothing_is_understood() -> None:
    detector = AnswerDetector()
    detector.speech_began(0.5)
    assert detector.answered_by(6.4) is None
    assert detector.answered_by(6.5) == "machine"


def test_pauses_for_breath_do_not_make_it_a_person() -> None:
    detector = greeting((0.5, 2.0), (2.5, 6.0))  # 0.5 s between
    detector.speech_began(6.4)
    assert detector.answered_by(6.6) == "machine"


def test_a_person_who_says_hello_twice_is_no_machine() -> None:
    detector = greeting((0.5, 1.0), (2.4, 3.0), words="Hello? Hello?", words_at=3.3)
    assert detector.answered_by(3.9) == "person"


def test_words_of_the_beginning_are_not_all_that_was_said() -> None:
    detector = AnswerDetector()
    detector.speech_began(0.5)
    detector.heard("Welcome to the", 2.0)
    detector.speech_ended(3.0)
    detector.heard("Welcome to the city", 3.2, whole=False)
    assert detector.answered_by(4.0) is None
    detector.heard("Welcome to the city library. Press one for opening hours.", 4.1)
    assert detector.answered_by(4.1) == "menu"


def test_without_words_the_timing_decides_a_little_later() -> None:
    detector = greeting((0.5, 1.0))
    assert detector.answered_by(1.9) is None
    assert detector.answered_by(2.5) == "person"


@pytest.mark.parametrize("words", ["", " "])
def test_an_empty_transcript_is_nothing_understood(words: str) -> None:
    detector = AnswerDetector()
    detector.speech_began(1.0)
    detector.speech_ended(3.0)
    detector.heard(words, 3.1)
    assert detector.answered_by(6.9) is None
    assert detector.answered_by(7.0) == "person"
    detector.beep(4.1)
    assert detector.answered_by(4.1) == "machine"


def test_who_says_nothing_is_spoken_to() -> None:
    assert AnswerDetector().answered_by(3.9) is None
    assert AnswerDetector().answered_by(4.0) == "person"


def test_a_beep_is_a_machine_which_records_now() -> None:
    detector = greeting((0.5, 2.5))
    detector.beep(3.1)
    assert detector.answered_by(3.1) == "machine"
    assert detector.greeting_over(3.1)


def test_a_beep_before_the_greeting_is_not_the_one_to_wait_for() -> None:
    detector = AnswerDetector()
    detector.beep(0.4)
    detector.speech_began(0.8)
    assert not detector.greeting_over(5.0)
    detector.speech_ended(6.0)
    assert not detector.greeting_over(8.5)
    detector.beep(6.5)
    assert detector.greeting_over(6.5)


def test_a_machine_that_never_beeps_records_after_a_silence() -> None:
    detector = greeting((0.8, 6.0))
    assert not detector.greeting_over(
        9.9
    )  # its words may still make a menu or an announcement of it
    assert detector.greeting_over(10.0)
    detector.heard("Please leave a message.", 6.8)
    assert not detector.greeting_over(8.4)
    assert detector.greeting_over(8.5)


def test_the_words_of_a_longer_greeting_are_waited_for_longer() -> None:
    detector = greeting((0.5, 3.0))
    assert detector.answered_by(6.9) is None
    assert detector.answered_by(7.0) == "person"
    detector.heard("The number you have dialed is not in service.", 6.0)
    assert detector.answered_by(6.0) == "unreachable"


def test_nobody_waits_for_the_end_of_an_endless_greeting() -> None:
    detector = AnswerDetector()
    detector.speech_began(0.5)
    assert not detector.greeting_over(29.9)
    assert detector.greeting_over(30.0)

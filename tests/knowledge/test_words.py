from __future__ import annotations

import pytest

from agent.knowledge.words import index_words, query_words
from agent.tokens import tokens


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ("When are you open on Sundays?", ["open", "sundays"]),
        ("What does it cost? Cost!", ["cost"]),
        ("ＦＬＡＴ №5", ["flat", "no5"]),
        ("hello, how are you", []),
        ("周日你们开门吗？", ["周", "日", "开", "门", "周日", "开门"]),
        ("駐車場はありますか", ["駐", "車", "場", "駐車", "車場"]),
        ("カードは使えますか", ["カー", "ード", "使"]),
        ("주차장은?", ["주", "차", "장", "은", "주차", "차장", "장은"]),
        ("Wo ist der Parkplatz?", ["parkplatz"]),
        ("iPhone 15 多少钱", ["iphone", "15", "多", "少", "钱", "多少", "少钱"]),
        ('"); DROP TABLE passages --', ["drop", "table", "passages"]),
        ("", []),
    ],
)
def test_the_words_that_are_worth_looking_for(question: str, words: list[str]) -> None:
    assert query_words(question) == words


def test_what_is_indexed_keeps_every_word() -> None:
    assert index_words("The lift is at the back.") == "the lift is at the back"


@pytest.mark.parametrize(("text", "about"), [("", 0), ("abcdefgh", 2), ("上午九点", 4), ("a九", 2)])
def test_tokens_are_estimated(text: str, about: int) -> None:
    assert tokens(text) == about

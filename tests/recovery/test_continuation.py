"""What an agent knows of a call that it goes on with, and what it says first."""

from __future__ import annotations

import logging

import pytest
from livekit import rtc
from livekit.agents import llm

from agent.languages import words
from agent.recovery import continuation
from agent.recovery.continuation import Continuation
from agent.settings import Language


def said(*messages: str) -> llm.ChatContext:
    """A conversation; the user's words after a ``>``."""
    made = llm.ChatContext()
    for message in messages:
        role = "user" if message.startswith("> ") else "assistant"
        made.add_message(role=role, content=message.removeprefix("> "))  # type: ignore[arg-type]
    return made


@pytest.mark.parametrize(
    ("messages", "language", "apology", "unanswered"),
    [
        (["Hello!"], "en", "Sorry, I was cut off. Please go on.", False),
        (["Hello!", "> Who are you?"], "en", "Sorry, I was cut off.", True),
        (["你好！"], "zh", "抱歉，我刚才断线了，请接着说。", False),
        (["你好！", "> 你是谁？"], None, "抱歉，我刚才断线了。", True),
        (["你好！"], None, "Sorry, I was cut off. Please go on.", False),
    ],
)
def test_the_apology_asks_for_words_only_if_it_is_the_users_turn(
    messages: list[str], language: Language | None, apology: str, unanswered: bool
) -> None:
    before = Continuation(said(*messages))
    said_first = words(language or before.language()).prompts[before.apology]
    assert (said_first, before.unanswered) == (apology, unanswered)


def test_a_tools_result_is_still_to_be_told() -> None:
    history = said("> What time is it?")
    history.insert(llm.FunctionCall(call_id="1", name="time", arguments="{}"))
    history.insert(llm.FunctionCallOutput(call_id="1", name="time", output="noon", is_error=False))
    before = continuation.read(continuation.written(history.items))
    assert before is not None
    assert before.unanswered
    assert [item.type for item in before.said.items] == [
        "message",
        "function_call",
        "function_call_output",
    ]


def test_a_history_comes_back_as_it_was_but_for_the_prompt_and_the_sounds() -> None:
    history = llm.ChatContext()
    history.add_message(role="system", content="You are Parley.")
    frame = rtc.AudioFrame(b"\0\0" * 240, 24_000, 1, 240)
    sound = llm.AudioContent(frame=[frame], transcript="…")
    history.add_message(role="user", content=["Who are you?", sound])
    history.add_message(role="assistant", content="I'm", interrupted=True)
    before = continuation.read(continuation.written(history.items))
    assert before is not None
    assert [(m.role, m.content, m.interrupted, m.id) for m in before.said.messages()] == [
        ("user", ["Who are you?"], False, history.items[1].id),
        ("assistant", ["I'm"], True, history.items[2].id),
    ]


def test_a_long_history_keeps_its_end() -> None:
    before = continuation.read(continuation.written(said(*(str(i) for i in range(500))).items))
    assert before is not None
    assert len(before.said.items) == 200
    assert before.said.messages()[-1].text_content == "499"


@pytest.mark.parametrize(
    "history", ["{", '{"items": [{"type": "message", "role": "tulip"}]}', "{}"]
)
def test_a_history_that_cannot_be_read_is_none_and_no_word_of_it_is_logged(
    history: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        assert continuation.read(history) is None
    assert caplog.messages == ["a history cannot be read"]
    assert "tulip" not in str([vars(record) for record in caplog.records])


def test_where_nothing_was_said_there_is_nothing_to_go_on_with() -> None:
    assert continuation.read(None) is None
    assert continuation.read(continuation.written([])) is None

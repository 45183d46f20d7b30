"""Speech that became no turn, with a clock that only the test moves."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from agent.watchdog.lost_speech import LostSpeech
from harness.virtual_time import in_virtual_time

from .conversation import talk

WINDOW = 0.032


class Microphone:
    """One person's, and what is found of their speech."""

    def __init__(self) -> None:
        self.now = 100.0
        self.lost = LostSpeech(0.5, clock=lambda: self.now)
        self.found: list[dict[str, Any]] = []

    def hears(self, seconds: float, *, voice: bool) -> None:
        for _ in range(round(seconds / WINDOW)):
            self.now += WINDOW
            if found := self.lost.window(WINDOW, 0.9 if voice else 0.1):
                self.found.append(found)

    def speech(self, seconds: float = 2.0) -> None:
        self.lost.user(speaks=True)
        self.hears(seconds, voice=True)
        self.hears(0.5, voice=False)
        self.lost.user(speaks=False)


def test_a_turn_is_not_lost() -> None:
    one = Microphone()
    one.speech()
    one.lost.recognised(words=True)
    one.lost.taken()
    one.hears(20.0, voice=False)
    assert one.found == []


def test_what_the_recogniser_says_nothing_of_is_told_once() -> None:
    one = Microphone()
    one.speech()
    one.hears(60.0, voice=False)
    assert one.found == [{"reason": "no transcript", "voiced": 2.0}]


def test_what_has_no_words_is_told() -> None:
    one = Microphone()
    one.speech()
    one.lost.recognised(words=False)
    one.hears(20.0, voice=False)
    assert [found["reason"] for found in one.found] == ["no words"]


def test_what_was_taken_for_something_else_is_told_with_what() -> None:
    one = Microphone()
    one.speech()
    one.lost.judged("echo")
    one.lost.recognised(words=True)
    one.hears(20.0, voice=False)
    one.speech()
    one.lost.recognised(words=True)
    one.hears(20.0, voice=False)
    assert [found["reason"] for found in one.found] == ["echo", "held back"]


def test_speech_that_never_ends_is_told_though_it_has_words() -> None:
    one = Microphone()
    one.lost.user(speaks=True)
    one.hears(2.0, voice=True)
    one.lost.recognised(words=True)
    one.lost.taken()
    one.hears(20.0, voice=False)
    assert [found["reason"] for found in one.found] == ["not over"]


def test_a_cough_and_a_transcript_that_takes_its_time_are_nothing() -> None:
    one = Microphone()
    one.speech(0.5)
    one.hears(20.0, voice=False)
    one.speech()
    one.hears(4.0, voice=False)
    one.lost.recognised(words=True)
    one.lost.taken()
    one.hears(20.0, voice=False)
    assert one.found == []


def test_each_speech_is_judged_by_itself() -> None:
    one = Microphone()
    one.speech()
    one.lost.taken()
    one.hears(1.0, voice=False)
    one.speech()
    one.hears(20.0, voice=False)
    assert [found["reason"] for found in one.found] == ["no transcript"]


@in_virtual_time
async def conversation() -> None:
    async with talk() as call:
        await call.ask("What is the capital of Japan?")
        await call._sound(10.0, voice=False)
        await call.ask("")
        await call._sound(10.0, voice=False)
        assert call.words == ["> What is the capital of Japan?", "The answer."]


def test_a_conversation_logs_what_it_has_lost(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "parley")
    conversation()
    [record] = [r for r in caplog.records if r.message == "speech became no turn"]
    assert vars(record)["reason"] == "no words"
    assert vars(record)["voiced"] == pytest.approx(1.0, abs=0.1)
    assert record.levelno == logging.INFO

"""The stages of a turn: one after the other, together the whole wait."""

from __future__ import annotations

import json

import pytest

from agent.telemetry.turn import Decision, Moments, Turn


def test_the_stages_of_an_answer_are_its_wait() -> None:
    moments = Moments(
        speech_ended=10.0, decided=10.3, asked=10.1, text=10.35, unit=10.4, audio=10.5, played=10.52
    )
    stages = moments.stages()
    assert stages == pytest.approx(
        {"end_of_turn": 0.3, "llm": 0.05, "text": 0.05, "tts": 0.1, "playout": 0.02}
    )
    assert sum(stages.values()) == pytest.approx(Turn("1", "en", moments).waited)


def test_a_reply_that_was_ready_before_the_turn_was_over_takes_no_time_of_its_own() -> None:
    moments = Moments(speech_ended=1.0, decided=1.5, text=1.2, unit=1.25, audio=1.4, played=1.51)
    assert moments.stages() == pytest.approx(
        {"end_of_turn": 0.5, "llm": 0.0, "text": 0.0, "tts": 0.0, "playout": 0.01}
    )


def test_what_was_not_reached_is_not_told() -> None:
    assert list(Moments(speech_ended=1.0, decided=1.5).stages()) == ["end_of_turn"]
    assert list(Moments(speech_ended=1.0, decided=1.5, text=2.0).stages()) == ["end_of_turn", "llm"]
    assert Moments(decided=1.5, played=2.0).stages() == {}


def test_a_sentence_of_the_agents_own_has_no_text_from_a_model() -> None:
    moments = Moments(speech_ended=1.0, decided=1.5, unit=1.6, audio=1.8, played=1.9)
    assert moments.stages() == pytest.approx(
        {"end_of_turn": 0.5, "llm": 0.0, "text": 0.1, "tts": 0.2, "playout": 0.1}
    )


def test_a_record_is_json_in_milliseconds() -> None:
    turn = Turn(
        "a-1",
        "en",
        Moments(speech_ended=1.0, decided=1.30049),
        Decision(0.3, "finished", 0.91234, 2.1, 0.8),
    )
    record = json.loads(json.dumps(turn.record()))
    assert record["stages"] == {"end_of_turn": 0.3}
    assert record["decision"]["ending"] == 0.912
    assert record["waited"] is None
    assert record["answered"] is False

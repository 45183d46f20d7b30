"""What the benchmark of calls asks, and what it makes of the answers."""

from __future__ import annotations

import pytest

from bench.call import PER_CALL, Answer, plan, summarise

QUESTIONS = [{"ask": f"question {i}"} for i in range(10)]


@pytest.mark.parametrize("voices", [["a", "b"], ["a", "b", "c"]])
@pytest.mark.parametrize("count", [1, 5, 7, 10, 20, 30])
def test_no_question_is_asked_again_in_the_same_voice_while_there_is_another(
    voices: list[str], count: int
) -> None:
    calls = plan(QUESTIONS, voices, count)
    asked = [(question["ask"], voice) for call in calls for question, voice in call]
    assert len(asked) == count
    assert all(len(call) <= PER_CALL for call in calls)
    assert len({question for question, _ in asked}) == min(count, len(QUESTIONS))
    assert len(set(asked)) == min(count, len(QUESTIONS) * len(voices))


def answer(codec: str, waited: float | None) -> Answer:
    return Answer("en", codec, "Why?", waited, "", waited is not None)


def test_codecs_are_told_apart_and_what_was_not_answered_is_no_wait() -> None:
    answers = [answer("pcmu", 0.4), answer("pcmu", None), answer("g722", -0.1), answer("pcmu", 0.6)]
    metrics = summarise(answers)
    assert metrics["voice_to_voice.pcmu.en"]["p50"] == pytest.approx(500.0)
    assert metrics["voice_to_voice.pcmu.en"]["n"] == 2
    assert metrics["unanswered_rate.pcmu.en"]["value"] == pytest.approx(1 / 3, abs=0.001)
    assert "voice_to_voice.g722.en" not in metrics
    assert metrics["cutoff_rate.g722.en"]["value"] == 1.0

"""What passes while the agent speaks, and as it comes to its end: a turn, or nothing to it."""

from __future__ import annotations

import pytest
from livekit.agents import stt

from .overlapping import FINAL, World, echoes


def test_a_word_that_was_held_back_is_let_through_when_its_sound_stops_the_agent(
    world: World,
) -> None:
    world.hear(3)
    world.words("the")
    assert world.passed == []
    world.hear(2)
    assert world.verdicts == ["interruption"]
    assert world.passed == ["the"]
    world.words("The what?", FINAL)
    assert world.passed == ["the", "The what?"]


def test_words_that_the_recogniser_does_not_believe_are_no_turn(world: World) -> None:
    world.hear(8)
    world.words("Emile.", FINAL, confidence=0.2)
    assert world.verdicts == ["noise"]
    assert world.passed == []


def test_a_stop_by_words_that_the_recogniser_does_not_believe_in_the_end_is_taken_back(
    world: World,
) -> None:
    world.hear(8)
    world.words("Come")
    world.words("Emile.", FINAL, confidence=0.2)
    assert world.verdicts == ["interruption", "false stop"]
    assert [what for _, what in world.did][-1] == "resume"


def test_who_goes_on_after_the_word_that_stopped_the_agent_is_heard_though_it_is_doubted(
    world: World,
) -> None:
    world.hear(11)
    world.words("what")
    assert world.verdicts == ["interruption"]
    world.hear(62)  # two seconds more
    world.silence(10)
    world.words("What about the garden behind it?", FINAL, confidence=0.2)
    assert world.verdicts == ["interruption"]
    assert world.passed == ["what", "What about the garden behind it?"]
    assert "resume" not in [what for _, what in world.did]


def test_a_short_sound_that_stopped_the_agent_is_not_made_long_by_the_silence_after_it(
    world: World,
) -> None:
    world.hear(11)
    world.words("what")
    world.silence(62)
    world.words("What?", FINAL, confidence=0.2)
    assert world.verdicts == ["interruption", "false stop"]


@pytest.mark.parametrize("before", ["", "So"])
def test_who_goes_on_after_a_pause_is_heard_though_their_beginning_was_taken_for_a_noise(
    world: World, before: str
) -> None:
    world.hear(8)
    if before:
        world.words(before, confidence=0.2)
    world.silence(7)
    assert world.verdicts == ["noise"]
    world.hear(62)
    world.words("What about the garden behind it?", FINAL, confidence=0.2)
    assert world.verdicts == ["noise", "interruption"]
    assert world.passed[-1] == "What about the garden behind it?"


def test_an_echo_that_was_first_taken_for_a_noise_is_no_interruption_for_its_length(
    world: World,
) -> None:
    echo = echoes(world)
    world.hear(3)  # before the echo is one
    world.silence(7)
    assert world.verdicts == ["noise"]
    world.hear(40, echo)
    world.words("the gold", FINAL, confidence=0.2)
    assert world.verdicts == ["noise", "echo"]
    assert world.passed == []


@pytest.mark.parametrize("late", [False, True])
def test_a_doubted_word_into_the_agents_last_is_the_answer_to_it(world: World, late: bool) -> None:
    world.hear(8)
    if not late:
        world.words("Emile.", FINAL, confidence=0.2)
        assert world.verdicts == ["noise"]
    world.silence(10)
    assert world.verdicts == ["noise"]
    assert world.passed == []
    world.end()
    if late:
        world.words("Emile.", FINAL, confidence=0.2)
    assert world.passed == ["Emile."]


def test_a_doubted_word_before_the_agents_last_is_no_answer(world: World) -> None:
    world.hear(8)
    world.words("Emile.", FINAL, confidence=0.2)
    world.silence(40)
    world.end()
    assert world.passed == []


def test_a_noise_without_words_into_the_agents_last_is_no_answer(world: World) -> None:
    world.hear(8)
    world.silence(7)
    world.end()
    world.words("", FINAL)
    assert world.verdicts == ["noise"]
    assert world.passed == []


def test_doubted_words_that_are_the_agents_own_are_no_answer(world: World) -> None:
    world.hear(8)
    world.words("Emile.", confidence=0.2)
    world.silence(7)
    assert world.verdicts == ["noise"]
    world.end()
    world.words("The old museum.", FINAL, confidence=0.2)
    assert world.passed == []


def test_what_else_the_recogniser_tells_passes(world: World) -> None:
    world.hear(3)
    event = stt.SpeechEvent(type=stt.SpeechEventType.START_OF_SPEECH)
    assert world.gate.on_transcript(event) == [event]


def test_the_echo_of_its_last_words_is_no_turn(world: World) -> None:
    world.hear(3)
    world.overlap.on_agent(False)
    world.silence(10)
    world.words("by the river.", FINAL)
    assert world.passed == []


def test_what_begins_as_the_agent_ends_is_the_users_turn(world: World) -> None:
    world.hear(8)
    world.words("好")
    world.overlap.on_agent(False)
    world.silence(10)
    world.words("好的。", FINAL)
    assert world.passed == ["好", "好的。"]


@pytest.mark.parametrize(
    ("text", "language", "verdict"),
    [
        ("Um.", "en", "backchannel"),
        ("Um.", "pt", "interruption"),
        ("Aham.", "pt-BR", "backchannel"),
        ("Genau.", "de", "backchannel"),
        ("Genau.", "en", "interruption"),
        ("Moment mal.", "de-DE", "stop word"),
        ("はい。", "ja", "backchannel"),
    ],
)
def test_words_are_taken_in_the_language_that_the_recogniser_heard(
    world: World, text: str, language: str, verdict: str
) -> None:
    world.hear(8)
    world.silence(7)
    world.words(text, FINAL, language)
    assert world.verdicts[-1] == verdict


def backchannel(world: World) -> None:
    """A word that is recognised, and judged, before the agent ends."""
    world.hear(8)
    world.words("yes")
    world.silence(7)
    world.words("Yes.", FINAL)
    assert world.verdicts == ["backchannel"]
    assert world.passed == []


def test_an_answer_that_came_before_the_agent_was_silent_is_a_turn_once_it_is(
    world: World,
) -> None:
    backchannel(world)
    world.silence(10)
    world.end()
    assert world.passed == ["yes", "Yes."]
    assert world.did == [(0.032, "duck"), (0.48, "raise")]


def test_an_answer_that_goes_on_while_the_agent_thinks_is_let_through_whole(world: World) -> None:
    backchannel(world)
    world.overlap.on_agent(False)
    world.silence(5)
    world.words("Do that.", FINAL)
    assert world.passed == ["yes", "Yes.", "Do that."]


def test_an_answer_whose_words_are_not_final_yet_waits_for_them(world: World) -> None:
    world.hear(8)
    world.words("yes")
    world.end()
    assert world.passed == []
    world.words("Yes.", FINAL)
    assert world.passed == ["yes", "Yes."]


def test_a_backchannel_is_no_answer_if_the_agent_went_on_for_a_second(world: World) -> None:
    backchannel(world)
    world.silence(20)
    world.end()
    assert world.passed == []


def test_a_backchannel_is_no_answer_if_the_agent_has_something_to_do_before_it_goes_on(
    world: World,
) -> None:
    backchannel(world)
    world.overlap.on_agent(False)
    world.speak()
    world.end()
    assert world.passed == []


def test_words_over_a_reply_that_may_not_be_stopped_are_a_turn_at_its_end(world: World) -> None:
    world.may_stop = False
    world.hear(20)
    world.words("Where is it?", FINAL)
    assert world.passed == []
    world.silence(60)
    world.end()
    assert world.passed == ["Where is it?"]


def test_an_echo_of_the_last_words_is_no_answer(world: World) -> None:
    world.hear(8, echoes(world))
    world.words("museum", FINAL)
    world.end()
    assert world.passed == []


def test_the_next_reply_is_not_lowered_for_a_voice_that_nobody_judged(world: World) -> None:
    world.hear(3)
    world.overlap.on_agent(False)
    assert world.did == [(0.032, "duck"), (0.096, "raise")]


@pytest.mark.parametrize("before", ["right", ""])
def test_an_answer_is_heard_though_there_was_a_sound_before_it(world: World, before: str) -> None:
    world.hear(3)
    if before:
        world.words(before)
    world.silence(10)
    assert world.verdicts == ["backchannel" if before else "noise"]
    world.silence(40)
    world.overlap.on_agent(False)
    world.silence(15)
    world.hear(10)
    world.words("Yes.", FINAL)
    assert world.passed == ["Yes."]


def test_an_answer_is_heard_though_the_agent_had_heard_itself(world: World) -> None:
    world.hear(8, echoes(world))
    world.overlap.on_agent(False)
    world.silence(15)
    world.hear(10)
    world.words("Yes.", FINAL)
    assert world.verdicts == ["echo"]
    assert world.passed == ["Yes."]

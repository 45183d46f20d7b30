"""When the watchdog acts, and whom it blames."""

from __future__ import annotations

import pytest

from agent.watchdog import GivenUp, Late, Patience, TurnWatch

PATIENCE = Patience(say_after=2.5, repeat_after=4.0, give_up_after=10.0)


@pytest.fixture
def watch() -> TurnWatch:
    """The user has asked something; the last sound of it was at 100 s."""
    watch = TurnWatch(PATIENCE)
    watch.user_speaks()
    watch.voice(100.0)
    watch.user_stops(100.5, heard=True)
    return watch


def answering(watch: TurnWatch) -> TurnWatch:
    watch.recognised(100.4, words=True)
    watch.asked(100.5)
    watch.busy(True)
    return watch


def acts(watch: TurnWatch, until: float = 200.0) -> list[tuple[float, Late | GivenUp]]:
    """What is done if nothing more happens, and when."""
    done = []
    while (due := watch.due) is not None and due < until:
        assert (act := watch.check(due))
        assert watch.check(due - 0.1) is None
        done.append((round(due, 3), act))
    return done


def test_a_model_that_does_not_answer_is_told_of_twice_and_given_up(watch: TurnWatch) -> None:
    assert acts(answering(watch)) == [
        (102.5, Late("llm")),
        (106.5, Late("llm")),
        (110.0, GivenUp("llm")),
    ]


def test_a_recogniser_that_does_not_answer_is_too(watch: TurnWatch) -> None:
    assert [act for _, act in acts(watch)] == [Late("stt"), Late("stt"), GivenUp("stt")]


def test_a_recogniser_that_finds_no_words_has_answered(watch: TurnWatch) -> None:
    watch.recognised(100.4, words=False)
    assert watch.due is None


def test_what_the_recogniser_says_before_the_end_of_the_turn_counts() -> None:
    watch = TurnWatch(PATIENCE)
    watch.user_speaks()
    watch.voice(100.0)
    watch.recognised(100.4, words=True)
    watch.user_stops(100.5, heard=True)
    assert watch.due is None


def test_nothing_is_late_before_the_turn_is_certain(watch: TurnWatch) -> None:
    watch.recognised(100.4, words=True)
    watch.asked(100.5)  # early, and the agent still listens
    assert watch.due is None


def test_nothing_is_late_while_the_user_speaks(watch: TurnWatch) -> None:
    answering(watch).user_speaks()
    assert watch.due is None
    watch.voice(105.0)
    watch.user_stops(105.2, heard=True)
    watch.recognised(105.3, words=False)
    assert acts(watch)[0] == (107.5, Late("llm"))


def test_nothing_is_late_while_a_tool_runs(watch: TurnWatch) -> None:
    answering(watch).tool(101.0, runs=True)
    assert watch.due is None
    watch.tool(120.0, runs=False)
    assert acts(watch)[0] == (122.5, Late("llm"))


def test_a_whole_text_without_a_sound_is_the_voices_fault(watch: TurnWatch) -> None:
    answering(watch).text(100.6)
    watch.complete()
    assert [act for _, act in acts(watch)] == [Late("tts"), Late("tts"), GivenUp("tts")]


def test_a_text_that_stops_is_the_models(watch: TurnWatch) -> None:
    answering(watch).text(100.6)
    assert acts(watch)[0] == (102.5, Late("llm"))


def test_sound_that_runs_out_is_counted_from_its_end(watch: TurnWatch) -> None:
    answering(watch).text(100.6)
    watch.complete()
    watch.frame(101.0, 3.0)
    assert acts(watch) == [(106.5, Late("tts")), (110.5, Late("tts")), (114.0, GivenUp("tts"))]


def test_sound_that_lasts_longer_is_not_late(watch: TurnWatch) -> None:
    answering(watch).text(100.6)
    watch.frame(101.0, 3.0)
    watch.sounds(106.0)  # it was paused meanwhile
    assert watch.due == 108.5


def test_a_voice_that_drips_is_late_by_the_sum_of_its_gaps(watch: TurnWatch) -> None:
    answering(watch).text(100.6)
    watch.complete()
    heard: list[tuple[float, object]] = []
    for i in range(12):
        now = 101.0 + 2.0 * i
        if watch.due is not None and watch.due <= now and (act := watch.check(now)):
            heard.append((now, act))
        watch.frame(now, 0.3)
    # 1.7 s are missing of every 2.
    assert heard == [(105.0, Late("tts")), (111.0, Late("tts")), (113.0, GivenUp("tts"))]


def test_the_pauses_of_a_voice_are_no_gaps(watch: TurnWatch) -> None:
    answering(watch).text(100.6)
    watch.complete()
    for i in range(30):
        watch.frame(101.0 + i, 0.6)
    assert watch.due == pytest.approx(130.6 + 2.5)


def test_what_no_patience_mends_is_given_up_when_the_caller_would_be_told(
    watch: TurnWatch,
) -> None:
    answering(watch).broken("llm")
    assert acts(watch) == [(102.5, GivenUp("llm"))]


def test_a_reply_that_is_over_is_not_waited_for(watch: TurnWatch) -> None:
    answering(watch).busy(False)
    assert watch.due is None


def test_the_end_of_the_reply_before_is_not_that_of_the_next(watch: TurnWatch) -> None:
    watch.busy(True)
    watch.recognised(100.4, words=True)
    watch.asked(100.5)  # while the one before is still being spoken
    watch.busy(False)
    watch.busy(True)
    assert acts(watch)[0] == (102.5, Late("llm"))


def test_what_is_to_be_said_unasked_is_watched_from_its_text_on() -> None:
    watch = TurnWatch(PATIENCE)
    watch.voicing(50.0)
    assert acts(watch)[0] == (52.5, Late("tts"))
    watch.dropped()
    assert watch.due is None


def test_of_a_long_pause_before_the_end_of_the_turn_the_last_second_counts() -> None:
    watch = TurnWatch(PATIENCE)
    watch.user_speaks()
    watch.voice(10.0)
    watch.user_stops(11.6, heard=True)
    assert acts(watch)[0] == (13.1, Late("stt"))


def test_words_that_are_typed_are_counted_from_the_question(watch: TurnWatch) -> None:
    answering(watch).busy(False)
    watch.asked(103.0)
    watch.busy(True)
    assert acts(watch)[0] == (105.5, Late("llm"))


def test_words_that_were_long_in_coming_are_no_fault_of_the_voices(watch: TurnWatch) -> None:
    answering(watch).text(100.6)
    watch.frame(101.0, 1.0)
    assert watch.check(104.5) == Late("llm")
    watch.text(108.4)  # the model is back
    assert watch.due == 108.5
    assert watch.check(108.5) == Late(None)
    watch.complete()
    assert acts(watch) == [
        (112.5, Late("tts")),
        (116.5, Late("tts")),
        (118.4, GivenUp("tts")),
    ]


def test_the_time_of_a_model_that_came_back_is_not_the_voices_in_its_next_pause(
    watch: TurnWatch,
) -> None:
    answering(watch).text(100.6)
    watch.frame(101.0, 1.0)
    assert watch.check(104.5) == Late("llm")
    assert watch.check(108.5) == Late("llm")
    watch.text(110.0)
    watch.complete()
    watch.frame(111.0, 1.0)  # of the 9.0 s of silence 1.0 s is the voice's
    assert acts(watch) == [
        (113.5, Late("tts")),
        (117.5, Late("tts")),
        (121.0, GivenUp("tts")),
    ]


def test_a_model_that_drips_is_given_up_by_the_sum_of_its_pauses(watch: TurnWatch) -> None:
    answering(watch)
    acted: list[object] = []
    for i in range(12):
        now = 101.0 + 2.5 * i
        while watch.due is not None and watch.due <= now:
            acted.append(watch.check(watch.due))
        watch.text(now)
        watch.frame(now + 0.1, 0.3)
    assert acted[-1] == GivenUp("llm")
    assert Late("tts") not in acted


def test_a_voice_is_not_blamed_for_a_text_that_broke_off(watch: TurnWatch) -> None:
    answering(watch).text(100.6)
    watch.frame(101.0, 1.0)
    assert watch.check(104.5) == Late("llm")
    watch.broke_off(111.9)
    watch.complete()
    assert watch.check(112.0) == Late(None)
    assert acts(watch)[-1] == (121.9, GivenUp("tts"))  # if it does not speak what it was given

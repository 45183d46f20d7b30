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

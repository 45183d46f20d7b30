"""Sounds over the agent's speech in virtual time: what happens, and exactly when."""

from __future__ import annotations

import numpy as np
import pytest
from livekit.plugins.turn_taking.barge_in.sound import WINDOW
from livekit.plugins.turn_taking.barge_in.tracker import Judged
from livekit.plugins.turn_taking.playback.sink import SAMPLE_RATE

from .overlapping import FINAL, World, echoes, learn_slow_stt


def test_the_first_window_with_a_voice_ducks(world: World) -> None:
    world.silence(10)
    world.hear(1)
    assert world.did == [(0.352, "duck")]


def test_a_backchannel_is_over_two_tenths_after_it_and_never_reaches_the_session(
    world: World,
) -> None:
    world.hear(10)
    world.words("uh-huh")
    world.silence(6)
    assert world.did == [(0.032, "duck")]
    world.silence(1)
    assert world.did == [(0.032, "duck"), (0.544, "raise")]
    world.words("Uh-huh.", FINAL)
    assert world.verdicts == ["backchannel"]
    assert world.passed == []
    assert world.judged[0] == Judged("backchannel", turn=False, ducked=0.032, decided=0.544)


def test_a_word_with_content_stops_at_once_and_the_transcript_goes_to_the_session(
    world: World,
) -> None:
    world.hear(6)
    world.words("right")
    world.hear(5)
    assert world.verdicts == []
    world.words("right but")
    assert world.did[1:] == [(0.352, "stop"), (0.352, "raise")]
    world.hear(10)
    world.words("right but what")
    world.words("Right, but what?", FINAL)
    assert world.passed == ["right", "right but", "right but what", "Right, but what?"]
    assert world.verdicts == ["interruption"]


def test_a_stop_word_stops_though_nobody_says_more(world: World) -> None:
    world.hear(8)
    world.words("stop")
    world.silence(60)
    world.words("Stop.", FINAL)
    assert world.verdicts == ["stop word"]
    assert world.passed == ["stop", "Stop."]


def test_a_noise_is_over_two_tenths_after_it(world: World) -> None:
    world.hear(3)
    world.silence(7)
    assert world.did == [(0.032, "duck"), (0.32, "raise")]
    assert world.verdicts == ["noise"]


def test_words_that_come_late_to_a_noise_still_interrupt(world: World) -> None:
    world.hear(10)
    world.silence(20)
    world.words("Where is it?", FINAL)
    assert world.verdicts == ["noise", "interruption"]
    assert world.passed == ["Where is it?"]


def test_words_that_the_detector_took_for_no_voice_are_judged_too(world: World) -> None:
    world.silence(10)
    world.words("行")
    world.silence(7)
    world.words("行。", FINAL)
    assert world.verdicts == ["backchannel"]
    assert world.passed == []
    world.silence(20)
    world.words("Where is it?", FINAL)
    assert world.verdicts == ["backchannel", "interruption"]
    assert world.passed == ["Where is it?"]


def test_an_echo_is_known_by_its_second_window_and_ducks_until_then(world: World) -> None:
    world.hear(8, echo := echoes(world))
    world.words("the old")
    world.silence(20)
    world.hear(5, echo)
    assert world.did[:2] == [(0.032, "duck"), (0.064, "raise")]
    assert [what for _, what in world.did[2:]] == ["duck", "raise"]
    assert world.verdicts == ["echo", "echo"]
    assert world.passed == []


def test_a_first_word_of_the_agents_own_waits_until_its_sound_tells(world: World) -> None:
    world.hear(3)
    world.words("the")
    assert world.verdicts == []
    world.hear(2)
    assert world.did == [(0.032, "duck"), (0.16, "stop"), (0.16, "raise")]
    assert world.verdicts == ["interruption"]


def test_an_echo_is_known_though_the_detector_took_it_for_no_voice(world: World) -> None:
    echo = echoes(world)
    for _ in range(4):
        world._window(0.2, echo(round(WINDOW * SAMPLE_RATE)))
    world.words("the")
    assert "stop" not in [what for _, what in world.did]
    assert world.verdicts == ["echo"]
    assert world.passed == []


def test_one_window_that_is_like_what_was_played_is_no_echo_yet(world: World) -> None:
    echo = echoes(world)
    world.hear(1, lambda size: echo(size) + world._rng.normal(0, 300, size).astype(np.int16))
    world.hear(5)
    world.words("what")
    assert world.verdicts == ["interruption"]
    assert world.did == [(0.032, "duck"), (0.192, "stop"), (0.192, "raise")]


def test_somebody_who_speaks_into_the_echo_is_heard(world: World) -> None:
    world.hear(8, echoes(world))
    world.hear(12)
    world.words("what about")
    assert world.verdicts == ["echo", "interruption"]
    assert [what for _, what in world.did] == ["duck", "raise", "duck", "stop", "raise"]


def test_who_answers_into_the_end_of_an_echo_has_a_turn(world: World) -> None:
    echo = echoes(world)
    world.hear(8, echo)
    world.words("museum")
    world.end()
    world.hear(4, echo)
    world.words("museum by the")
    assert world.passed == []
    world.hear(40)
    world.silence(10)
    world.words("Museum by the river. Is it open on Sundays?", FINAL)
    assert world.verdicts == ["echo"]
    assert world.passed == ["Museum by the river. Is it open on Sundays?"]


def test_an_echo_that_is_over_after_the_agent_is_no_turn(world: World) -> None:
    echo = echoes(world)
    world.hear(8, echo)
    world.end()
    world.hear(12, echo)
    world.silence(10)
    world.words("museum by the river", FINAL)
    assert world.passed == []


def test_the_words_of_an_echo_are_not_those_of_somebody_who_speaks_into_it(world: World) -> None:
    world.hear(8, echoes(world))
    world.words("museum")
    world.hear(12)
    world.words("museum right")
    assert world.verdicts == ["echo"]
    world.words("museum right but", FINAL)
    assert world.verdicts == ["echo", "interruption"]
    assert world.passed == ["museum right", "museum right but"]


def test_a_stop_without_words_is_taken_back(world: World) -> None:
    learn_slow_stt(world)
    world.speak()
    world.hear(22)
    assert world.did[1:] == [(0.704, "stop"), (0.704, "raise")]
    stopped = world.now
    world.silence(100)
    assert [what for _, what in world.did] == ["duck", "stop", "raise", "resume"]
    # The recogniser takes 1.2 s, and one second is given beside.
    assert world.did[-1][0] == pytest.approx(stopped - world._began + 2.2, abs=WINDOW)
    assert world.verdicts[-1] == "false stop"


def test_words_of_an_stt_that_nobody_knows_yet_are_not_waited_for(world: World) -> None:
    world.hear(40)
    assert world.did[1:] == [(0.704, "stop"), (0.704, "raise")]
    assert world.verdicts == ["interruption"]


def test_a_crowd_is_no_voice_though_it_has_a_pitch_and_nobody_knows_the_stt(world: World) -> None:
    world.hear(40, world.crowd)
    assert world.did == [(0.032, "duck"), (0.704, "raise")]
    assert world.verdicts == ["noise"]


def test_a_first_sound_without_words_is_a_noise_where_the_stt_is_known_to_be_prompt() -> None:
    world = World(stt_latency=0.3)
    world.speak()
    world.hear(40)
    assert world.did == [(0.032, "duck"), (0.928, "raise")]
    assert world.verdicts == ["noise"]


def test_a_stop_that_was_a_backchannel_is_taken_back_by_its_transcript(world: World) -> None:
    learn_slow_stt(world)
    world.passed.clear()
    world.speak()
    world.hear(22)
    world.silence(10)
    world.words("好的好的。", FINAL)
    assert [what for _, what in world.did] == ["duck", "stop", "raise", "resume"]
    assert world.passed == []


@pytest.fixture
def told(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """An echo that only its word tells to be one."""
    monkeypatch.setattr("livekit.plugins.turn_taking.barge_in.sound.likeness", lambda *_: 0.28)
    world.hear(8)
    world.words("museum")
    return world


def test_an_echo_that_its_word_told_is_one_though_it_sounds_less_like_it(
    told: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("livekit.plugins.turn_taking.barge_in.sound.likeness", lambda *_: 0.1)
    told.hear(10)
    assert told.verdicts == ["echo"]


def test_a_word_that_the_agent_says_too_is_not_forgotten_when_others_follow(told: World) -> None:
    told.hear(5)
    assert told.verdicts == ["echo"]
    told.words("museum right")
    assert told.verdicts == ["echo", "interruption"]


def test_what_is_said_while_the_agent_is_silent_is_let_through() -> None:
    world = World()
    world.hear(10)
    world.words("嗯")
    world.words("嗯。", FINAL)
    assert world.passed == ["嗯", "嗯。"]
    assert world.did == []


def test_speech_that_may_not_be_interrupted_goes_on(world: World) -> None:
    world.may_stop = False
    world.hear(8)
    world.words("stop")
    world.words("Stop.", FINAL)
    assert "stop" not in [what for _, what in world.did]
    assert world.passed == []


@pytest.fixture
def aside() -> World:
    world = World()
    world.overlap.on_agent(True, aside=True)
    return world


@pytest.mark.parametrize("late", [0, 5, 12])
def test_a_short_echo_of_words_aside_is_known_when_they_are_over(aside: World, late: int) -> None:
    echo = echoes(aside)
    aside.end()
    aside.silence(late)
    aside.hear(8, echo)
    aside.words("museum")
    aside.words("Museum.", FINAL)
    assert aside.verdicts == ["echo"]
    assert aside.passed == []
    assert "stop" not in [what for _, what in aside.did]


def test_words_of_a_short_echo_are_known_though_the_reply_has_begun(aside: World) -> None:
    aside.hear(8, echoes(aside))
    aside.end()
    aside.silence(10)
    aside.speak()
    aside.silence(5)
    aside.words("Museum.", FINAL)
    assert "stop" not in [what for _, what in aside.did]
    assert aside.passed == []


def test_who_speaks_over_words_aside_ends_them_and_has_a_turn(aside: World) -> None:
    aside.hear(8)
    aside.words("actually make it")
    aside.words("Actually, make it two.", FINAL)
    assert "stop" in [what for _, what in aside.did]
    assert aside.passed == ["actually make it", "Actually, make it two."]


def test_who_speaks_when_words_aside_are_just_over_has_a_turn(aside: World) -> None:
    aside.end()
    aside.silence(5)
    aside.hear(20)
    aside.words("Actually, make it two.", FINAL)
    assert aside.passed == ["Actually, make it two."]


def test_a_sign_of_listening_is_no_answer_to_words_aside(aside: World) -> None:
    aside.hear(8)
    aside.words("okay")
    aside.end()
    aside.words("Okay.", FINAL)
    assert aside.passed == []

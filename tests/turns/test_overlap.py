"""Sounds over the agent's speech in virtual time: what happens, and exactly when."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from livekit import rtc
from livekit.agents import stt, vad

from agent.turns.loudspeaker import SAMPLE_RATE
from agent.turns.overlap import WINDOW, Judged, Overlap
from agent.turns.playout import Samples
from agent.turns.policy import WordsFirst
from agent.turns.words import tokens

INTERIM = stt.SpeechEventType.INTERIM_TRANSCRIPT
FINAL = stt.SpeechEventType.FINAL_TRANSCRIPT


class World:
    """A user, an ear, the agent's speech, and a clock that only tests move."""

    def __init__(self, ear: float | None = None) -> None:
        self.now = 100.0
        self.did: list[tuple[float, str]] = []
        self.passed: list[str] = []
        self.judged: list[Judged] = []
        self.may_stop = True
        self.sound: Samples = np.zeros(0, np.int16)
        self.overlap = Overlap(
            self, WordsFirst(), doubt=1.0, threshold=0.5, ear=ear, clock=lambda: self.now
        )
        self.overlap.on("judged", self.judged.append)
        self.overlap.on("answered", self._passed)
        self._began = self.now
        self._rng = np.random.default_rng(1)
        self._spoken = -1

    @property
    def verdicts(self) -> list[str]:
        return [judged.verdict for judged in self.judged]

    def speak(self) -> None:
        """The agent begins to speak; times are told from here."""
        self.overlap.on_agent(True)
        self.did.clear()
        self._began = self.now

    # What an overlap does to the agent's speech.
    def duck(self, ducked: bool) -> None:
        self._did("duck" if ducked else "raise")

    def stop(self) -> bool:
        if self.may_stop:
            self._did("stop")
            self.overlap.on_agent(False)
        return self.may_stop

    def resume(self) -> None:
        self._did("resume")

    def played(self, seconds: float) -> Samples:
        return (
            np.resize(self.sound, round(seconds * SAMPLE_RATE)) if self.sound.size else self.sound
        )

    def spoken(self) -> Sequence[str]:
        return tokens("the old museum by the river")

    def _did(self, what: str) -> None:
        self.did.append((round(self.now - self._began, 3), what))

    # What is heard.
    def hear(self, windows: int, make: Callable[[int], Samples] | None = None) -> None:
        """A voice for so many windows of 32 ms."""
        for _ in range(windows):
            self._window(0.9, (make or self._voice)(round(WINDOW * SAMPLE_RATE)))

    def silence(self, windows: int) -> None:
        for _ in range(windows):
            self._window(0.05, np.zeros(round(WINDOW * SAMPLE_RATE), np.int16))

    def words(self, text: str, kind: stt.SpeechEventType = INTERIM) -> None:
        event = stt.SpeechEvent(type=kind, alternatives=[stt.SpeechData("en", text)])
        for passed in self.overlap.on_transcript(event):
            self._passed(passed)

    def _passed(self, event: stt.SpeechEvent) -> None:
        self.passed.append(event.alternatives[0].text)

    def end(self) -> None:
        """The agent comes to its end, and waits."""
        self.overlap.on_agent(False)
        self.overlap.on_listening()

    def _voice(self, size: int) -> Samples:
        """Vowels at 150 Hz and a consonant by turns, and breath that no two windows share."""
        at = np.arange(size) / SAMPLE_RATE
        self._spoken = (self._spoken + 1) % 3
        overtones, breath = [(9, 60), (2, 10), (0, 300)][self._spoken]
        tone = sum(np.sin(2 * np.pi * 150 * k * at) / k for k in range(1, overtones))
        return (2000 * tone + self._rng.normal(0, breath, size)).astype(np.int16)

    def crowd(self, size: int) -> Samples:
        """Six voices at once, as one is when it stays the same."""
        at = np.arange(size) / SAMPLE_RATE
        tone = sum(np.sin(2 * np.pi * 150 * k * at) / k for k in range(1, 9))
        return (2000 * tone + self._rng.normal(0, 200, size)).astype(np.int16)

    def _window(self, probability: float, samples: Samples) -> None:
        self.now += WINDOW
        self.overlap.on_voice(
            vad.VADEvent(
                type=vad.VADEventType.INFERENCE_DONE,
                samples_index=0,
                timestamp=0.0,
                speech_duration=0.0,
                silence_duration=0.0,
                probability=probability,
                frames=[rtc.AudioFrame(samples.tobytes(), SAMPLE_RATE, 1, samples.size)],
            )
        )


@pytest.fixture
def world() -> World:
    world = World()
    world.speak()
    return world


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


def echoes(world: World) -> Callable[[int], Samples]:
    """Let the agent play a sound, and return what makes its echo."""
    world.sound = np.random.default_rng(2).normal(0, 3000, 2 * SAMPLE_RATE).astype(np.int16)
    at = 3000

    def echo(size: int) -> Samples:
        nonlocal at
        at += size
        return (world.sound[at - size : at] * 0.2).astype(np.int16)

    return echo


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


def test_the_words_of_an_echo_are_not_those_of_somebody_who_speaks_into_it(world: World) -> None:
    world.hear(8, echoes(world))
    world.words("museum")
    world.hear(12)
    world.words("museum right")
    assert world.verdicts == ["echo"]
    world.words("museum right but", FINAL)
    assert world.verdicts == ["echo", "interruption"]
    assert world.passed == ["museum right", "museum right but"]


def test_the_echo_of_its_last_words_is_no_turn(world: World) -> None:
    world.hear(3)
    world.overlap.on_agent(False)
    world.silence(10)
    world.words("by the river.", FINAL)
    assert world.passed == []


def test_a_stop_without_words_is_taken_back(world: World) -> None:
    learn_slow_ear(world)
    world.speak()
    world.hear(22)
    assert world.did[1:] == [(0.704, "stop"), (0.704, "raise")]
    stopped = world.now
    world.silence(100)
    assert [what for _, what in world.did] == ["duck", "stop", "raise", "resume"]
    # The ear takes 1.2 s, and one second is given beside.
    assert world.did[-1][0] == pytest.approx(stopped - world._began + 2.2, abs=WINDOW)
    assert world.verdicts[-1] == "false stop"


def test_words_of_an_ear_that_nobody_knows_yet_are_not_waited_for(world: World) -> None:
    world.hear(40)
    assert world.did[1:] == [(0.704, "stop"), (0.704, "raise")]
    assert world.verdicts == ["interruption"]


def test_a_crowd_is_no_voice_though_it_has_a_pitch_and_nobody_knows_the_ear(world: World) -> None:
    world.hear(40, world.crowd)
    assert world.did == [(0.032, "duck"), (0.704, "raise")]
    assert world.verdicts == ["noise"]


def test_a_first_sound_without_words_is_a_noise_where_the_ear_is_known_to_be_prompt() -> None:
    world = World(ear=0.3)
    world.speak()
    world.hear(40)
    assert world.did == [(0.032, "duck"), (0.928, "raise")]
    assert world.verdicts == ["noise"]


def test_a_stop_that_was_a_backchannel_is_taken_back_by_its_transcript(world: World) -> None:
    learn_slow_ear(world)
    world.passed.clear()
    world.speak()
    world.hear(22)
    world.silence(10)
    world.words("好的好的。", FINAL)
    assert [what for _, what in world.did] == ["duck", "stop", "raise", "resume"]
    assert world.passed == []


def test_what_begins_as_the_agent_ends_is_the_users_turn(world: World) -> None:
    world.hear(8)
    world.words("好")
    world.overlap.on_agent(False)
    world.silence(10)
    world.words("好的。", FINAL)
    assert world.passed == ["好", "好的。"]


def nod(world: World, text: str = "Yes.") -> None:
    """A word that is recognised, and judged, before the agent ends."""
    world.hear(8)
    world.words("yes")
    world.silence(7)
    world.words(text, FINAL)
    assert world.verdicts == ["backchannel"]
    assert world.passed == []


def test_an_answer_that_came_before_the_agent_was_silent_is_a_turn_once_it_is(
    world: World,
) -> None:
    nod(world)
    world.silence(10)
    world.end()
    assert world.passed == ["yes", "Yes."]
    assert world.did == [(0.032, "duck"), (0.48, "raise")]


def test_an_answer_whose_words_are_not_final_yet_waits_for_them(world: World) -> None:
    world.hear(8)
    world.words("yes")
    world.end()
    assert world.passed == []
    world.words("Yes.", FINAL)
    assert world.passed == ["yes", "Yes."]


def test_a_nod_is_no_answer_if_the_agent_went_on_for_a_second(world: World) -> None:
    nod(world)
    world.silence(20)
    world.end()
    assert world.passed == []


def test_a_nod_is_no_answer_if_the_agent_has_something_to_do_before_it_goes_on(
    world: World,
) -> None:
    nod(world)
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


@pytest.fixture
def told(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """An echo that only its word tells to be one."""
    monkeypatch.setattr("agent.turns.overlap.likeness", lambda *_: 0.28)
    world.hear(8)
    world.words("museum")
    return world


def test_an_echo_that_its_word_told_is_one_though_it_sounds_less_like_it(
    told: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.turns.overlap.likeness", lambda *_: 0.1)
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


def learn_slow_ear(world: World) -> None:
    """Say something to a silent agent whose first words take 1.2 s."""
    world.overlap.on_agent(False)
    world.overlap.on_voice(
        vad.VADEvent(
            type=vad.VADEventType.START_OF_SPEECH,
            samples_index=0,
            timestamp=0.0,
            speech_duration=0.0,
            silence_duration=0.0,
        )
    )
    world.now += 1.2
    world.words("Hello.", FINAL)
    world.now += 5.0

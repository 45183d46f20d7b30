"""The rules of the policy, one by one."""

from __future__ import annotations

from dataclasses import replace

import pytest
from livekit.plugins.turn_taking.barge_in.hunch import Hunch
from livekit.plugins.turn_taking.barge_in.policy import Evidence, Verdict, WordsFirst
from livekit.plugins.turn_taking.languages.phrases import tokens

VOICE = Evidence(
    lasted=0.35,
    voiced=0.35,
    quiet=0.0,
    pitched=0.8,
    movement=9.0,
    level=None,
    echo=0.1,
    words=(),
    since_words=0.0,
    final=False,
    spoken=tokens("the old museum by the river opens early in the morning"),
    stt_latency=0.3,
)
POLICY = WordsFirst()


def judge(text: str = "", **changes: object) -> Verdict | None:
    return POLICY.judge(replace(VOICE, words=tokens(text), **changes))  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["What", "我想", "right but", "对可是", "no", "不", "不对"])
def test_the_first_word_with_content_interrupts(text: str) -> None:
    assert judge(text) is Verdict.INTERRUPTION


@pytest.mark.parametrize("text", ["Emile", "你好"])
def test_words_that_the_recogniser_does_not_believe_do_not_count_of_a_short_sound(
    text: str,
) -> None:
    doubted = POLICY.believed - 0.01
    assert judge(text, confidence=doubted) is None
    assert judge(text, confidence=doubted, quiet=POLICY.settled) is Verdict.NOISE
    assert judge(text, confidence=doubted, final=True) is Verdict.NOISE
    assert judge(text, confidence=doubted, voiced=POLICY.held) is Verdict.INTERRUPTION
    assert judge(text, confidence=POLICY.believed) is Verdict.INTERRUPTION
    assert judge(text, confidence=0.0) is Verdict.INTERRUPTION  # nobody says that it doubts them


CROWD = {
    "hunch": Hunch(0.1, 0.1, 0.0, 0.8, 0.0),
    "movement": POLICY.moving - 0.1,
    "stt_latency": 1.2,
    "voiced": 1.2,
}
"""A sound of several people, by what the network and its levels say of it."""


@pytest.mark.parametrize("text", ["What are you waiting", "我想", "I"])
def test_words_of_a_crowd_do_not_count_before_they_are_believed(text: str) -> None:
    # What is given out before the end has no confidence of its own.
    assert judge(text, **CROWD) is None
    assert judge(text, since_words=5.0, **CROWD) is None
    assert judge(text, quiet=POLICY.settled + POLICY.overdue, **CROWD) is Verdict.NOISE
    doubted = POLICY.believed - 0.01
    assert judge(text, final=True, quiet=1.0, confidence=doubted, **CROWD) is Verdict.NOISE
    assert judge(text, confidence=doubted, **CROWD) is None
    # Whoever is understood in a crowd is heard, and of a recogniser that never says how sure it
    # is, the whole of what it wrote is believed.
    assert judge(text, final=True, confidence=POLICY.believed, **CROWD) is Verdict.INTERRUPTION
    assert judge(text, final=True, **CROWD) is Verdict.INTERRUPTION


@pytest.mark.parametrize("text", ["stop", "停", "okay wait", "嗯等一下"])
def test_a_stop_word_is_heard_in_a_crowd(text: str) -> None:
    assert judge(text, **CROWD) is Verdict.STOP_WORD


@pytest.mark.parametrize(
    "other",
    [
        {"hunch": None},  # a language that the network does not know, or no time for it
        {"hunch": Hunch(0.1, 0.1, 0.0, 0.4, 0.4)},
        {"movement": POLICY.moving},
    ],
)
def test_it_takes_two_witnesses_for_a_crowd(other: dict[str, object]) -> None:
    # A street behind a speaker hides how a voice moves, and the network alone may be wrong.
    assert judge("What are you waiting", **{**CROWD, **other}) is Verdict.INTERRUPTION
    doubted = POLICY.believed - 0.01
    changes = {**CROWD, **other, "final": True, "confidence": doubted}
    assert judge("What are you waiting", **changes) is Verdict.INTERRUPTION


def test_who_wants_no_hunches_has_no_crowds() -> None:
    evidence = replace(VOICE, words=tokens("What are you"), **CROWD)  # type: ignore[arg-type]
    assert WordsFirst().judge(evidence) is None
    assert WordsFirst(hunches=False).judge(evidence) is Verdict.INTERRUPTION


@pytest.mark.parametrize("text", ["stop", "停", "okay wait", "嗯等一下"])
def test_a_stop_word_is_obeyed_however_doubtful(text: str) -> None:
    assert judge(text, confidence=0.01) is Verdict.STOP_WORD


@pytest.mark.parametrize("text", ["stop", "停", "okay wait", "嗯等一下"])
def test_a_stop_word_stops_whatever_else_is_known(text: str) -> None:
    assert judge(text) is Verdict.STOP_WORD
    assert judge(text, final=True, quiet=1.0, stt_latency=2.0) is Verdict.STOP_WORD


@pytest.mark.parametrize("text", ["right", "uh", "嗯", "好的", "I"])
def test_what_is_only_a_backchannel_so_far_waits_until_the_sound_is_over(text: str) -> None:
    assert judge(text, since_words=0.1) is None
    assert judge(text, since_words=0.69) is None


@pytest.mark.parametrize("text", ["right", "uh-huh", "嗯", "好的"])
def test_a_backchannel_that_is_over_is_one(text: str) -> None:
    assert judge(text, quiet=POLICY.settled) is Verdict.BACKCHANNEL
    assert judge(text, final=True) is Verdict.BACKCHANNEL


def test_a_backchannel_after_which_the_voice_goes_on_is_more_than_that() -> None:
    assert judge("right", since_words=POLICY.unfinished) is Verdict.INTERRUPTION
    # It fell silent in between: that is not a voice that goes on.
    assert judge("right", since_words=0.6, quiet=0.15) is None


def test_the_unfinished_beginning_of_a_backchannel_that_is_over_is_content() -> None:
    assert judge("I", final=True) is Verdict.INTERRUPTION


def test_a_sound_like_what_is_played_is_an_echo_whatever_its_words() -> None:
    assert judge(echo=0.4) is Verdict.ECHO
    assert judge("river", echo=0.4) is Verdict.ECHO
    # The agent may say such words, too: a railway stop.
    assert judge("stop", echo=0.4) is Verdict.ECHO
    assert judge("stop", echo=0.39) is Verdict.STOP_WORD


def test_the_agents_own_words_are_an_echo_when_there_are_several_or_they_sound_like_it() -> None:
    assert judge("old museum by", echo=0.0) is Verdict.ECHO
    assert judge("museum", echo=0.2) is Verdict.ECHO
    assert judge("museum", echo=0.19) is Verdict.INTERRUPTION
    # Too little was heard to say what it sounds like.
    assert judge("museum", echo=0.19, voiced=0.15) is None
    assert judge("garden", echo=0.19, voiced=0.15) is Verdict.INTERRUPTION


def test_a_short_sound_without_words_is_a_noise_once_it_is_over() -> None:
    assert judge(lasted=0.3, voiced=0.1, quiet=0.19) is None
    assert judge(lasted=0.3, voiced=0.1, quiet=0.2) is Verdict.NOISE


def test_a_prompt_ear_that_hears_no_words_hears_a_noise() -> None:
    assert judge(lasted=0.89, voiced=0.89) is None
    assert judge(lasted=0.9, voiced=0.9) is Verdict.NOISE


def test_with_a_slow_ear_a_voice_that_goes_on_interrupts_and_a_noise_does_not() -> None:
    assert judge(lasted=0.69, voiced=0.69, stt_latency=1.0) is None
    assert judge(lasted=0.7, voiced=0.7, stt_latency=1.0) is Verdict.INTERRUPTION
    assert judge(lasted=0.7, voiced=0.7, stt_latency=None) is Verdict.INTERRUPTION
    assert judge(lasted=0.7, voiced=0.7, stt_latency=1.0, pitched=0.3) is Verdict.NOISE
    assert judge(lasted=0.7, voiced=0.7, stt_latency=1.0, movement=6.2) is Verdict.NOISE
    assert judge(lasted=0.7, voiced=0.7, stt_latency=1.0, level=-20.0) is Verdict.INTERRUPTION
    assert judge(lasted=0.7, voiced=0.7, stt_latency=1.0, level=-20.1) is Verdict.NOISE


def guessed(floor: float) -> Hunch:
    return Hunch(floor, 1 - floor, 0.0, 0.0, 0.0)


def slowly(text: str = "", **changes: object) -> Verdict | None:
    """What is judged with a recogniser whose words nobody waits for."""
    return judge(text, **{"stt_latency": 1.5, **changes})


def test_who_surely_takes_the_floor_needs_less_voice() -> None:
    sure, early = guessed(POLICY.sure), POLICY.early_share * POLICY.held
    assert slowly(hunch=sure, voiced=early) is Verdict.INTERRUPTION
    assert slowly(hunch=sure, voiced=early, stt_latency=None) is Verdict.INTERRUPTION
    assert slowly(hunch=sure, voiced=early - 0.01) is None
    assert slowly(hunch=guessed(POLICY.sure - 0.01), voiced=early) is None


def test_who_wants_longer_interruptions_gets_them_of_all_kinds() -> None:
    patient = replace(POLICY, held=2.0)
    heard = replace(VOICE, stt_latency=1.5, hunch=guessed(1.0))
    assert patient.judge(replace(heard, voiced=1.1)) is None
    assert patient.judge(replace(heard, voiced=1.2)) is Verdict.INTERRUPTION
    doubted = replace(heard, hunch=guessed(0.0))
    assert patient.judge(replace(doubted, voiced=1.99)) is None
    assert patient.judge(replace(doubted, voiced=2.0)) is Verdict.INTERRUPTION


@pytest.mark.parametrize(
    ("held", "early", "late"),
    [(0.3, 0.171, 0.643), (0.7, 0.399, 1.5), (0.8, 0.456, 1.5), (1.6, 0.912, 1.6)],
)
def test_how_much_voice_is_enough_follows_from_what_is_wanted(
    held: float, early: float, late: float
) -> None:
    policy = WordsFirst(held=held)
    heard = replace(VOICE, stt_latency=1.5)
    for floor, enough in ((0.9, early), (0.6, held), (0.1, late)):
        hunch = guessed(floor)
        assert policy.judge(replace(heard, hunch=hunch, voiced=enough - 0.002)) is None
        stops = policy.judge(replace(heard, hunch=hunch, voiced=enough + 0.002))
        assert stops is Verdict.INTERRUPTION
        plain = WordsFirst(held=held, hunches=False)
        assert plain.judge(replace(heard, hunch=hunch, voiced=held - 0.002)) is None
        assert plain.judge(replace(heard, hunch=hunch, voiced=held)) is Verdict.INTERRUPTION


def test_a_hunch_is_wanted_where_it_may_decide() -> None:
    slow = replace(VOICE, stt_latency=1.5)
    assert POLICY.wants_hunch(slow)
    assert POLICY.wants_hunch(replace(slow, stt_latency=None))
    assert POLICY.wants_hunch(replace(slow, usual_language="zh-TW"))
    assert not POLICY.wants_hunch(VOICE)
    assert not POLICY.wants_hunch(replace(slow, words=("right",)))
    assert not POLICY.wants_hunch(replace(slow, echo=POLICY.echo))
    assert not POLICY.wants_hunch(replace(slow, usual_language="fr"))
    assert not replace(POLICY, hunches=False).wants_hunch(slow)


def test_a_pause_ends_what_only_a_hunch_speaks_against_later() -> None:
    doubted = replace(VOICE, stt_latency=1.5, hunch=guessed(0.1), voiced=1.0)
    assert POLICY.judge(replace(doubted, quiet=POLICY.apart - 0.01)) is None
    assert POLICY.judge(replace(doubted, quiet=POLICY.apart)) is Verdict.NOISE
    over = replace(doubted, quiet=POLICY.settled)
    assert POLICY.judge(over) is None
    for known in (
        {"voiced": POLICY.held - 0.01},
        {"hunch": guessed(POLICY.unlikely)},
        {"hunch": None},
        {"movement": 0.0},
        {"pitched": 0.0},
        {"level": POLICY.far - 1},
        {"stt_latency": POLICY.prompt},
        {"final": True},
    ):
        assert POLICY.judge(replace(over, **known)) is Verdict.NOISE


def test_nothing_else_that_is_known_gives_way_to_a_hunch() -> None:
    sure, early = guessed(1.0), POLICY.early_share * POLICY.held
    assert slowly(hunch=sure, voiced=early, level=POLICY.far - 1) is None
    assert slowly(hunch=sure, voiced=early, echo=POLICY.echo) is Verdict.ECHO
    assert slowly(hunch=sure, voiced=early, quiet=POLICY.settled) is Verdict.NOISE
    assert slowly("uh-huh", hunch=sure, voiced=early) is None
    # A recogniser that is prompt knows better.
    assert judge(hunch=sure, voiced=early, stt_latency=POLICY.prompt) is None


def test_what_sounds_like_no_interruption_is_waited_for() -> None:
    unlikely, long = guessed(POLICY.unlikely - 0.01), POLICY.patient
    assert slowly(hunch=unlikely, voiced=POLICY.held) is None
    assert slowly(hunch=unlikely, voiced=long - 0.01) is None
    assert slowly(hunch=unlikely, voiced=long) is Verdict.INTERRUPTION
    assert slowly(hunch=unlikely, voiced=long, movement=0.0) is Verdict.NOISE
    assert slowly(hunch=guessed(POLICY.unlikely), voiced=POLICY.held) is Verdict.INTERRUPTION
    assert slowly("what", hunch=unlikely, voiced=POLICY.held) is Verdict.INTERRUPTION

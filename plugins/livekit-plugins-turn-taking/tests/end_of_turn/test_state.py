"""Where a turn ends, in virtual time: the audio itself is the clock, in windows of 32 ms."""

from __future__ import annotations

import pytest
from livekit.plugins.turn_taking.end_of_turn.clause import Clause
from livekit.plugins.turn_taking.end_of_turn.pauses import Pauses
from livekit.plugins.turn_taking.end_of_turn.state import Change, Endpoint, Pause
from livekit.plugins.turn_taking.end_of_turn.transcript import TurnTranscript

WINDOW = 0.032


class Speaker:
    """Somebody with a microphone, whose seconds are windows."""

    def __init__(self, wait: float | dict[Clause | None, float]) -> None:
        self.asked: list[Pause] = []
        self.pauses = Pauses()
        self._wait = wait
        self.words = TurnTranscript()
        self.endpoint = Endpoint(self._policy, self.pauses, self.words)

    def _policy(self, pause: Pause) -> float:
        self.asked.append(pause)
        return self._wait if isinstance(self._wait, float) else self._wait[pause.clause]

    def speaks(self, windows: int) -> list[Change | None]:
        return [self.endpoint.window(0.9, WINDOW) for _ in range(windows)]

    def waits(self, windows: int) -> list[Change | None]:
        return [self.endpoint.window(0.01, WINDOW) for _ in range(windows)]

    def understood(self, text: str, *, final: bool) -> Change | None:
        self.words.says(text, final=final)
        return self.endpoint.reconsider()

    def until_the_end(self) -> float:
        """Seconds of silence until the turn ends."""
        for i in range(1, 200):
            if self.waits(1) == ["ends"]:
                return i * WINDOW
        raise AssertionError("the turn does not end")


def test_a_turn_begins_with_the_second_window_of_voice() -> None:
    assert Speaker(0.3).speaks(3) == [None, "begins", None]


def test_speech_goes_on_below_the_probability_that_begins_it() -> None:
    endpoint = Endpoint(lambda _: 0.1, Pauses(), TurnTranscript(), threshold=0.6)
    assert [endpoint.window(p, WINDOW) for p in (0.59, 0.6, 0.6)] == [None, None, "begins"]
    assert [endpoint.window(0.46, WINDOW) for _ in range(9)] == [None] * 9
    assert [endpoint.window(0.44, WINDOW) for _ in range(4)][-1] == "ends"


def test_a_click_begins_nothing() -> None:
    speaker = Speaker(0.3)
    assert speaker.speaks(1) + speaker.waits(1) + speaker.speaks(1) == [None, None, None]


@pytest.mark.parametrize(
    ("wait", "windows"), [(0.032, 1), (0.16, 5), (0.161, 6), (0.3, 10), (1.5, 47)]
)
def test_it_ends_with_the_window_in_which_the_wait_is_over(wait: float, windows: int) -> None:
    speaker = Speaker(wait)
    speaker.speaks(10)
    assert speaker.waits(windows)[-1] == "ends"
    assert speaker.endpoint.silence == pytest.approx(windows * WINDOW)
    assert not speaker.endpoint.speaking


def judged(speaker: Speaker, windows: int) -> list[int]:
    return [i for i, change in enumerate(speaker.waits(windows), 1) if change == "pauses"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("What time is it", [2, 6, 9]), ("I would like a coffee", [2]), ("I live in", [2])],
)
def test_its_sound_is_judged_after_two_windows_and_again_after_a_finished_clause(
    text: str, expected: list[int]
) -> None:
    speaker = Speaker(2.0)
    speaker.speaks(10)
    speaker.understood(text, final=False)
    assert judged(speaker, 20) == expected


def test_a_sound_that_convinces_is_not_judged_again() -> None:
    speaker = Speaker(2.0)
    speaker.speaks(10)
    speaker.understood("What time is it", final=False)
    speaker.waits(2)
    speaker.endpoint.judged(0.79)
    assert judged(speaker, 4) == [4]
    speaker.endpoint.judged(0.8)
    assert judged(speaker, 10) == []


def test_a_later_doubt_takes_nothing_back() -> None:
    speaker = Speaker(2.0)
    speaker.speaks(10)
    speaker.waits(2)
    speaker.endpoint.judged(0.6)
    speaker.waits(4)
    speaker.endpoint.judged(0.2)
    assert speaker.asked[-1].ending == 0.6


def test_each_pause_is_judged() -> None:
    speaker = Speaker(2.0)
    speaker.speaks(10)
    speaker.waits(4)
    speaker.speaks(1)
    assert speaker.waits(2) == [None, "pauses"]


def test_words_that_come_in_the_pause_end_it_when_their_time_has_passed() -> None:
    speaker = Speaker({None: 2.0, Clause.OPEN: 0.2})
    speaker.speaks(10)
    speaker.waits(8)
    assert speaker.understood("I live in Berlin", final=False) == "ends"


def test_words_that_come_early_end_it_at_their_time() -> None:
    speaker = Speaker({None: 2.0, Clause.OPEN: 0.2})
    speaker.speaks(10)
    speaker.waits(1)
    assert speaker.understood("I live in Berlin", final=False) is None
    assert speaker.until_the_end() == pytest.approx(6 * WINDOW)


def test_words_before_more_voice_are_not_all_of_them() -> None:
    speaker = Speaker({None: 1.0, Clause.OPEN: 0.2})
    speaker.speaks(10)
    speaker.understood("I live in", final=False)
    speaker.speaks(10)  # 320 ms: another word
    assert speaker.until_the_end() == pytest.approx(32 * WINDOW)


def test_the_detector_may_hear_voice_a_little_longer_than_the_recogniser() -> None:
    speaker = Speaker({None: 1.0, Clause.OPEN: 0.2})
    speaker.speaks(10)
    speaker.understood("I live in Berlin", final=True)
    speaker.speaks(9)
    assert speaker.until_the_end() == pytest.approx(7 * WINDOW)


def test_final_transcripts_add_up() -> None:
    speaker = Speaker(1.0)
    speaker.speaks(10)
    speaker.waits(5)
    speaker.understood("My phone number is", final=True)
    speaker.speaks(20)
    speaker.waits(5)
    speaker.understood("five five", final=True)
    assert speaker.asked[-1].clause is Clause.UNFINISHED


def test_a_new_turn_knows_no_words() -> None:
    speaker = Speaker({None: 1.0, Clause.OPEN: 0.2, Clause.UNFINISHED: 2.0})
    speaker.speaks(10)
    speaker.waits(1)
    speaker.understood("I live in Berlin", final=True)
    speaker.until_the_end()
    speaker.speaks(4)
    speaker.waits(1)
    assert speaker.asked[-1].clause is None


def test_what_the_voice_sounded_like_counts_for_its_own_pause() -> None:
    speaker = Speaker(2.0)
    speaker.speaks(10)
    speaker.waits(3)
    speaker.endpoint.judged(0.9)
    assert speaker.asked[-1].ending == 0.9
    speaker.speaks(1)
    speaker.endpoint.judged(0.9)  # of the pause that is over
    speaker.waits(1)
    assert speaker.asked[-1].ending is None


def test_the_voice_of_a_turn_is_counted() -> None:
    speaker = Speaker(2.0)
    speaker.speaks(10)
    speaker.waits(5)
    speaker.speaks(3)
    speaker.waits(1)
    assert speaker.asked[-1].voiced == pytest.approx(13 * WINDOW)


def test_a_pause_within_the_turn_is_learned() -> None:
    speaker, other = Speaker(2.0), Pauses()
    speaker.speaks(10)
    speaker.waits(25)
    speaker.speaks(1)
    other.add(25 * WINDOW)
    assert speaker.pauses.usual == pytest.approx(other.usual)


def test_going_on_after_the_end_shows_that_it_was_none() -> None:
    speaker, other = Speaker(0.3), Pauses()
    speaker.speaks(10)
    speaker.waits(20)
    speaker.speaks(2)
    other.add(20 * WINDOW)
    assert speaker.pauses.usual == pytest.approx(other.usual)


def test_a_later_turn_is_no_pause() -> None:
    speaker = Speaker(0.3)
    before = speaker.pauses.usual
    speaker.speaks(10)
    speaker.waits(40)
    speaker.speaks(10)
    assert speaker.pauses.usual == before


def test_after_a_reset_nobody_speaks() -> None:
    speaker = Speaker(0.3)
    speaker.speaks(10)
    speaker.endpoint.reset()
    assert speaker.waits(20) == [None] * 20

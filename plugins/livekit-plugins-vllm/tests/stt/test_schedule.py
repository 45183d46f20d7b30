"""The decode policy, driven by windows of audio instead of time."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from livekit.plugins.vllm._stt.schedule import (
    EARLY,
    FIRST,
    PATIENCE,
    PROMPT,
    Action,
    Cancel,
    DecodeScheduler,
    Emit,
    Job,
    Start,
)

W = 0.032


def scheduler(**options: object) -> DecodeScheduler:
    defaults: dict[str, object] = {"speculate_after": 0.128, "audio": 0.3, "voiced": 0.2}
    return DecodeScheduler(**(defaults | options))  # type: ignore[arg-type]


def run(s: DecodeScheduler, windows: int, probability: float) -> list[Action]:
    return [action for _ in range(windows) for action in s.window(probability, W)]


def started(actions: list[Action]) -> Job:
    (action,) = actions
    assert isinstance(action, Start)
    return action.job


def test_decodes_at_the_first_pause_and_uses_it_when_confirmed() -> None:
    s = scheduler()
    assert run(s, 10, 0.9) == []
    assert run(s, 3, 0.1) == []
    job = started(s.window(0.1, W))
    assert job.covers == s.audio
    assert s.done(job) == [Emit("preflight")]
    assert run(s, 5, 0.1) == []
    assert s.end() == [Emit("final")]


def test_confirmation_while_decoding_waits_for_the_same_request() -> None:
    s = scheduler()
    job = started(run(s, 4, 0.1))
    assert s.end() == []
    assert s.confirmed(job)
    assert s.done(job) == [Emit("final")]


def test_more_speech_cancels_and_asks_again_at_the_next_pause() -> None:
    s = scheduler()
    first = started(run(s, 4, 0.1))
    assert s.window(0.9, W) == [Cancel(first)]
    assert s.done(first) == []
    second = started(run(s, 4, 0.1))
    assert (second.number, second.covers) == (2, s.audio)
    assert s.end() == []
    assert s.done(second) == [Emit("final")]


def test_a_result_made_stale_by_more_speech_is_not_the_final() -> None:
    s = scheduler()
    s.done(started(run(s, 4, 0.1)))
    run(s, 2, 0.9)
    assert isinstance(s.end()[0], Start)


def test_one_doubtful_window_in_silence_is_no_speech_but_two_are() -> None:
    s = scheduler()
    started(run(s, 4, 0.1))
    assert s.window(0.4, W) == []
    assert s.window(0.1, W) == []
    assert s.window(0.4, W) == []
    assert isinstance(s.window(0.4, W)[0], Cancel)


def test_asks_once_per_pause_even_if_it_failed() -> None:
    s = scheduler()
    s.failed(started(run(s, 4, 0.1)))
    assert run(s, 10, 0.1) == []
    assert isinstance(s.end()[0], Start)


def test_without_speculation_only_the_confirmation_decodes() -> None:
    s = scheduler(speculate_after=None)
    assert run(s, 30, 0.1) == []
    job = started(s.end())
    assert s.done(job) == [Emit("final")]


def test_a_click_is_not_worth_a_request() -> None:
    s = scheduler(voiced=0.064)
    assert run(s, 8, 0.1) == []
    assert s.end() == [Emit("nothing")]


def test_interims_at_the_interval_one_at_a_time() -> None:
    s = scheduler(interim_interval=0.32, decode_time=0.1)
    first = started(run(s, 2, 0.9))
    assert not first.speculative
    assert run(s, 30, 0.9) == []
    assert s.done(first) == [Emit("interim")]
    assert started(run(s, 1, 0.9)).number == 2
    assert run(s, 30, 0.9) == []


def test_the_first_word_is_asked_for_early_and_again_until_there_is_one() -> None:
    s = scheduler(interim_interval=0.5, decode_time=0.1, voiced=0.05)
    job = started(run(s, 7, 0.9))
    assert s.voiced >= FIRST > s.voiced - W
    for number in (2, 3, 4):
        before = s.audio
        assert s.done(job, words=False) == [Emit("interim")]
        job = started(run(s, 4, 0.9))
        assert job.number == number
        assert job.covers - before >= EARLY
    s.done(job, words=True)
    assert run(s, 15, 0.9) == []
    assert started(run(s, 1, 0.9)).number == 5


def test_an_early_decode_that_takes_long_is_not_doubled() -> None:
    s = scheduler(interim_interval=0.5, decode_time=0.1)
    job = started(run(s, 2, 0.9))
    assert run(s, 40, 0.9) == []
    s.done(job, words=False)
    assert started(run(s, 1, 0.9)).number == 2


def test_a_crowd_is_not_asked_for_words_without_end() -> None:
    s = scheduler(interim_interval=0.5, decode_time=0.3, voiced=0.0)
    asked = 0
    for _ in range(200):
        for action in s.window(0.9, W):
            assert isinstance(action, Start)
            asked += 1
            s.done(action.job, words=False)
    assert asked <= (PATIENCE - FIRST) / EARLY + 1


def test_words_are_asked_for_early_even_where_interims_are_left_out() -> None:
    s = scheduler(interim_interval=0.5, decode_time=PROMPT)
    s.done(started(run(s, 2, 0.9)))
    assert run(s, 100, 0.9) == []


def test_words_are_not_asked_for_early_of_a_slow_server_nor_where_none_are_wanted() -> None:
    for options in (
        {"interim_interval": 0.5, "decode_time": PROMPT + 0.01},
        {"interim_interval": 0.5, "decode_time": None},
        {"interim_interval": 0.0, "decode_time": 0.1},
        {"interim_interval": 9.0, "decode_time": 0.1, "first_word": False},
    ):
        assert run(scheduler(**options), 100, 0.9) == []


def test_a_server_in_trouble_is_not_asked_early_again() -> None:
    s = scheduler(interim_interval=0.5, decode_time=PROMPT)
    s.failed(started(run(s, 2, 0.9)))
    assert run(s, 100, 0.9) == []


def test_an_early_decode_ends_with_the_sound() -> None:
    s = scheduler(interim_interval=0.5, decode_time=0.1)
    early = started(run(s, 2, 0.9))
    run(s, 1, 0.9)
    cancel, start = run(s, 4, 0.1)
    assert cancel == Cancel(early)
    assert isinstance(start, Start)
    assert start.job.speculative


def test_interims_are_left_out_where_they_would_delay_the_final() -> None:
    for unaffordable in (None, PROMPT + 0.1):
        s = scheduler(interim_interval=0.32, decode_time=unaffordable)
        assert run(s, 100, 0.9) == []


def test_an_interim_that_misses_the_last_words_gives_way_at_the_pause() -> None:
    s = scheduler(interim_interval=0.32, decode_time=0.1)
    first = started(run(s, 2, 0.9))
    run(s, 3, 0.9)
    cancel, start = run(s, 4, 0.1)
    assert cancel == Cancel(first)
    assert isinstance(start, Start)


def test_an_interim_asked_with_the_last_of_the_voice_is_not_the_final() -> None:
    # There is no silence behind its words: the last may be cut, and the turn may go on.
    s = scheduler(interim_interval=0.32, decode_time=0.1)
    first = started(run(s, 2, 0.9))
    assert first.covers == s.voice_end
    assert s.done(first) == [Emit("interim")]
    pause = started(run(s, 4, 0.1))
    assert pause.speculative
    assert s.done(pause) == [Emit("preflight")]
    assert s.end() == [Emit("final")]


def test_an_interim_asked_with_the_last_of_the_voice_gives_way_at_the_pause() -> None:
    s = scheduler(interim_interval=0.32, decode_time=0.1)
    first = started(run(s, 2, 0.9))
    cancel, start = run(s, 4, 0.1)
    assert cancel == Cancel(first)
    assert isinstance(start, Start)
    assert s.end() == []
    assert s.done(start.job) == [Emit("final")]


@given(
    windows=st.lists(
        st.tuples(st.sampled_from([0.0, 0.4, 0.6, 1.0]), st.booleans(), st.booleans()), max_size=80
    ),
    interval=st.sampled_from([0.0, 0.1, 0.5]),
    pause=st.sampled_from([None, 0.064, 0.128]),
)
def test_one_request_at_a_time_and_the_final_covers_all_that_was_said(
    windows: list[tuple[float, bool, bool]], interval: float, pause: float | None
) -> None:
    s = scheduler(interim_interval=interval, speculate_after=pause, decode_time=0.0)
    running: Job | None = None
    last: Job | None = None
    finals = 0

    def apply(actions: list[Action]) -> None:
        nonlocal running, finals
        for action in actions:
            match action:
                case Start(job):
                    assert running is None
                    running = job
                case Cancel(job):
                    assert job is running
                    running = None
                case Emit("final"):
                    assert last is not None
                    assert last.covers >= s.voice_end
                    finals += 1

    def finish(words: bool = True) -> None:
        nonlocal running, last
        last, running = running, None
        assert last is not None
        apply(s.done(last, words=words))

    for probability, answer, words in windows:
        apply(s.window(probability, W))
        if answer and running is not None:
            finish(words)
    apply(s.end())
    if running is not None:
        finish()
    assert finals == 1

"""The parts of bench/duplex that need no room: the split, the STT, the judge, the sounds."""

from __future__ import annotations

import json
import os
import signal
from dataclasses import asdict
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
import pytest

from bench.duplex import clips, host, judge, real, scenarios, systems
from bench.duplex.align import Word, words
from bench.duplex.clips import Clip
from bench.duplex.engines import Engines, Request
from bench.duplex.play import Take
from bench.duplex.runner import Runner
from bench.duplex.scenarios import Case
from bench.duplex.scripted_stt import RATE, ScriptedStt
from harness import report, sounds
from harness.recording import SAMPLE_RATE, Samples

LANGUAGES: tuple[scenarios.Language, ...] = ("en", "zh")
REPLY = "one two three four five six seven eight nine ten"


@pytest.mark.parametrize("set_", scenarios.SETS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_set_has_fifty_cases_and_halves_that_share_nothing(
    set_: scenarios.Set, language: scenarios.Language
) -> None:
    test = scenarios.cases(set_, language, "test")
    train = scenarios.cases(set_, language, "train")
    assert len(test) + len(train) >= 50
    assert test == scenarios.cases(set_, language, "test")
    if test[0].text:
        assert not {c.text for c in test} & {c.text for c in train}
        assert not {c.voice for c in test} & {c.voice for c in train}
    if set_ == "noise":
        assert not {c.seed for c in test} & {c.seed for c in train}


def test_every_text_has_sound_words_and_no_part_of_a_reply_occurs_twice() -> None:
    for language in LANGUAGES:
        replies = [*scenarios.texts()["long"][language], *clips.short(language)]
        joined = [words(reply.lower()) for reply in replies]
        size = 3 if language == "en" else 4
        grams = [tuple(r[i : i + size]) for r in joined for i in range(len(r) - size + 1)]
        assert len(grams) == len(set(grams))


def test_rooms_hold_cases_of_one_caller_each() -> None:
    chosen = scenarios.cases("turn", "en", "test")
    rooms = scenarios.conversations(chosen)
    assert sorted(c.key for room in rooms for c in room) == sorted(c.key for c in chosen)
    assert all(len({c.voice for c in room}) == 1 <= len(room) <= scenarios.ROOM for room in rooms)


def hear(stt: ScriptedStt, *pieces: tuple[bool, float]) -> list[tuple[float, str, str]]:
    """Transcripts, each with the seconds of audio that were in when it came."""
    found: list[tuple[float, str, str]] = []
    at = 0.0
    for loud, seconds in pieces:
        for _ in range(round(seconds * 100)):
            at += 0.01
            block = np.full(RATE // 100, 5000 * loud, np.int16)
            found += [(round(at, 2), h.kind, h.text) for h in stt.feed(block)]
    return found


def test_a_word_is_heard_as_it_ends_and_final_after_a_tenth_of_a_second() -> None:
    stt = ScriptedStt(" ")
    stt.expect([Word("go", 0.0, 0.3), Word("on", 0.3, 0.5), Word("now", 1.0, 1.4)])
    heard = hear(stt, (False, 0.5), (True, 0.5), (False, 0.5), (True, 0.4), (False, 0.5))
    assert heard == [
        (0.8, "interim", "go"),
        (1.0, "interim", "go on"),
        (1.11, "final", "go on"),
        (1.9, "interim", "now"),
        (2.01, "final", "now"),
    ]


def test_a_word_whose_sound_does_not_come_is_not_heard() -> None:
    stt = ScriptedStt(" ")
    stt.expect([Word("go", 0.0, 0.3), Word("on", 0.3, 0.5)])
    heard = hear(stt, (True, 0.3), (False, 0.7))
    assert [text for _, kind, text in heard if kind == "final"] == ["go"]


def test_a_sound_without_words_is_not_heard() -> None:
    stt = ScriptedStt(" ")
    stt.expect(())
    assert hear(stt, (True, 1.0), (False, 1.0)) == []


@pytest.mark.parametrize("kind", scenarios.NOISES)
def test_a_noise_is_decided_by_its_seed(kind: str) -> None:
    rng = np.random.default_rng(0)
    voices = [(rng.standard_normal(30_000) * 3000).astype(np.int16) for _ in range(6)]
    one, same, other, softer = (
        sounds.noise(kind, seed, level, voices)
        for seed, level in ((1, 0.0), (1, 0.0), (2, 0.0), (1, -20.0))
    )
    assert np.array_equal(one, same)
    assert not np.array_equal(one[: len(other)], other[: len(one)])
    assert np.abs(softer.astype(int)).max() < np.abs(one.astype(int)).max() / 5


@pytest.fixture
def reply() -> Clip:
    """Ten words of half a second, whose sound is like nothing else in it."""
    rng = np.random.default_rng(0)
    sound = (rng.standard_normal(5 * SAMPLE_RATE) * 3000).astype(np.int16)
    timed = [Word(w, i / 2, i / 2 + 0.5) for i, w in enumerate(REPLY.split())]
    return Clip(sound, tuple(timed))


def take(
    reply: Clip, heard: Samples, history: list[str], *, set_: scenarios.Set = "interruption"
) -> Take:
    case = Case("k", set_, "en", "test", "v", "stop", REPLY, at=2.0)
    request = Request("tts", REPLY, opened=0.1, closed=3.4)
    return Take(case, "s", heard[:0], heard, [request], history, reply, said_from=2.5, said_to=3.0)


def received(*pieces: Samples | float) -> Samples:
    """What was heard: sounds, and seconds of silence."""
    return np.concatenate(
        [np.zeros(int(p * SAMPLE_RATE), np.int16) if isinstance(p, float) else p for p in pieces]
    )


def part(clip: Clip, start: float, end: float) -> Samples:
    return clip.samples[int(start * SAMPLE_RATE) : int(end * SAMPLE_RATE)]


def test_a_stop_is_timed_and_the_history_is_held_against_what_was_heard(reply: Clip) -> None:
    # The reply begins at 0.4 and falls silent at 2.9, 400 ms after the caller's first sample.
    heard = received(0.4, part(reply, 0.0, 2.5), 2.0)
    found = judge.judge(take(reply, heard, ["one two three four five six seven"]))
    assert (found.stopped, found.resumed) == (True, False)
    assert found.stop_latency == pytest.approx(400, abs=2)
    assert found.history_error == 2
    assert found.engines_idle == pytest.approx(500, abs=2)
    assert found.duck_latency is None


def test_a_reply_that_goes_on_was_not_stopped(reply: Clip) -> None:
    found = judge.judge(take(reply, received(0.4, reply.samples, 1.0), [REPLY]))
    assert found.stopped is False
    assert found.stop_latency is None


@pytest.mark.parametrize("set_", ["interruption", "backchannel", "noise"])
def test_an_agent_that_was_silent_already_was_not_stopped(reply: Clip, set_: scenarios.Set) -> None:
    heard = received(
        0.2, part(reply, 0.0, 1.2), 3.0
    )  # silent from 1.4 on, the caller begins at 2.5
    found = judge.judge(take(reply, heard, ["one two"], set_=set_))
    assert found.failed == "the agent was silent already"
    assert (found.stopped, found.stop_latency, found.history_error) == (None, None, None)
    # One that pauses for less may be stopped.
    heard = received(0.5, part(reply, 0.0, 1.2), 3.0)
    assert not judge.judge(take(reply, heard, ["one two"], set_=set_)).failed


@pytest.mark.parametrize("set_", ["interruption", "backchannel", "noise"])
def test_a_reply_that_stops_too_late_was_not_stopped_by_the_caller(
    reply: Clip, set_: scenarios.Set
) -> None:
    heard = received(0.1, part(reply, 0.0, 4.6), 1.0)
    found = judge.judge(take(reply, heard, [REPLY], set_=set_))
    assert found.stopped is False


def test_a_reply_that_is_taken_up_again_is_seen(reply: Clip) -> None:
    heard = received(0.4, part(reply, 0.0, 2.5), 1.0, part(reply, 2.5, 5.0), 0.5)
    found = judge.judge(take(reply, heard, [REPLY], set_="backchannel"))
    assert (found.stopped, found.resumed) == (True, True)


def test_an_answer_that_comes_at_once_ends_the_reply_too(reply: Clip) -> None:
    other = (np.random.default_rng(1).standard_normal(2 * SAMPLE_RATE) * 3000).astype(np.int16)
    found = judge.judge(take(reply, received(0.4, part(reply, 0.0, 2.5), 0.2, other), [REPLY]))
    assert (found.stopped, found.resumed) == (True, False)
    assert found.stop_latency == pytest.approx(400, abs=2)
    # The same silence is a hole where the reply goes on.
    whole = received(0.4, part(reply, 0.0, 2.5), 0.2, part(reply, 2.7, 5.0), 1.0)
    assert judge.judge(take(reply, whole, [REPLY])).stopped is False


def test_a_pause_of_the_agents_own_is_no_stop(reply: Clip) -> None:
    samples = reply.samples.copy()
    samples[int(2.4 * SAMPLE_RATE) : int(2.6 * SAMPLE_RATE)] = 0
    paused = Clip(samples, reply.words)
    between = (part(paused, 0.0, 2.4), part(paused, 2.6, 5.0))
    found = judge.judge(take(paused, received(0.4, between[0], 0.8, between[1], 0.5), [REPLY]))
    assert found.stopped is False
    # Where the reply has no pause, the same silence is a stop.
    between = (part(reply, 0.0, 2.4), part(reply, 2.4, 5.0))
    found = judge.judge(take(reply, received(0.4, between[0], 0.8, between[1], 0.5), [REPLY]))
    assert (found.stopped, found.resumed) == (True, True)


def test_ducking_is_seen_where_it_begins(reply: Clip) -> None:
    softer = (reply.samples * 0.3).astype(np.int16)
    mixed = np.concatenate([part(reply, 0.0, 2.2), softer[int(2.2 * SAMPLE_RATE) :]])
    found = judge.judge(take(reply, received(0.4, mixed, 1.0), [REPLY]))
    assert found.duck_latency == pytest.approx(100, abs=15)
    assert found.stopped is False


def test_an_answer_is_timed_from_the_callers_last_sample(reply: Clip) -> None:
    found = judge.judge(take(reply, received(3.4, reply.samples), [], set_="turn"))
    assert (found.answered, found.cut_off, found.voice_to_voice) == (True, False, 400.0)
    early = judge.judge(take(reply, received(2.8, reply.samples), [], set_="pause"))
    assert (early.cut_off, early.voice_to_voice) == (True, None)
    silent = judge.judge(take(reply, received(8.0), [], set_="turn"))
    assert (silent.answered, silent.cut_off) == (False, False)


def judged(*judgements: tuple[float, str]) -> list[host.Judgement]:
    return [
        {"at": at, "verdict": verdict, "stops": verdict in ("interruption", "stop word")}
        for at, verdict in judgements
    ]


@pytest.mark.parametrize(
    ("made", "outcome", "verdict", "decided", "taken_back"),
    [
        ([(2.8, "interruption")], "judged", "interruption", 300.0, False),
        ([(2.6, "noise"), (2.8, "stop word")], "judged", "stop word", 300.0, False),
        ([(2.8, "interruption"), (6.9, "false stop")], "judged", "interruption", 300.0, True),
        # Its voice ran dry, whatever it made of the sound.
        ([(2.7, "backchannel")], "fell silent", "backchannel", 200.0, False),
        ([(2.6, "noise"), (2.7, "backchannel")], "fell silent", "backchannel", 200.0, False),
        ([], "fell silent", "", None, False),
        # What it made of a sound before, or decided long after this one, is no part of it.
        ([(1.0, "interruption")], "fell silent", "", None, False),
        # It is another stop that was taken back.
        (
            [(2.8, "interruption"), (5.0, "stop word"), (6.9, "false stop")],
            "judged",
            "interruption",
            300.0,
            False,
        ),
        ([(1.0, "interruption"), (2.7, "false stop")], "fell silent", "", None, False),
        ([(4.7, "interruption")], "fell silent", "", None, False),
    ],
)
def test_a_silence_is_told_from_a_decision_to_stop(
    made: list[tuple[float, str]],
    outcome: str,
    verdict: str,
    decided: float | None,
    taken_back: bool,
    reply: Clip,
) -> None:
    played = take(reply, received(0.4, part(reply, 0.0, 2.5), 2.0), [], set_="backchannel")
    played.judged = judged(*made)
    found = judge.judge(played)
    assert found.stopped is True  # by the sound
    assert (found.outcome, found.verdict, found.taken_back) == (outcome, verdict, taken_back)
    assert found.decided == (None if decided is None else pytest.approx(decided))


def test_an_agent_that_goes_on_and_one_that_does_not_tell(reply: Clip) -> None:
    played = take(reply, received(0.4, reply.samples, 1.0), [REPLY], set_="noise")
    assert judge.judge(played).outcome is None
    played.judged = judged((2.7, "noise"))
    found = judge.judge(played)
    assert (found.stopped, found.outcome, found.verdict) == (False, "went on", "noise")
    # It decided to, though the sound does not show it: the reply was taken up again at once.
    played.judged = judged((2.7, "interruption"), (2.8, "false stop"))
    found = judge.judge(played)
    assert (found.stopped, found.outcome, found.taken_back) == (False, "judged", True)


def test_a_run_goes_on_with_what_was_played_before_it(tmp_path: Path) -> None:
    server: Any = None
    kept = judge.Finding("turn-en-test-01", "parley", "turn", "en", "Hello.", answered=True)
    late = judge.Finding("turn-en-test-02", "parley", "turn", "en", "Hello.", failed="late")
    rows = tmp_path / "rows.jsonl"
    rows.write_text("".join(json.dumps(asdict(f)) + "\n" for f in (kept, late)), "utf-8")
    with Runner(server, Engines(), tmp_path, resume=True) as runner:
        assert runner.findings == [kept]
    with Runner(server, Engines(), tmp_path) as runner:
        assert runner.findings == []
    assert rows.read_text("utf-8") == ""


@pytest.mark.slow
async def test_what_a_library_prints_is_no_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import os\nos.write(1, b'{no answer\\n')\nprint('hello', flush=True)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(report, "OUT", tmp_path)
    async with systems.start("parley", 0) as program:
        with pytest.raises(systems.SystemFailure, match="could not history"):  # in no room
            await program.order("history")
        program.kill()
        with pytest.raises(systems.SystemFailure, match="parley ended by itself"):
            await program.answer()
    assert (tmp_path / "duplex" / "parley-0.log").read_text().startswith("{no answer\nhello\n")


class Laid:
    """Lays words out evenly, and can find none where there is no sound."""

    def align(self, samples: Samples, text: str, language: str) -> list[Word]:
        assert len(samples)
        found = words(text)
        seconds = len(samples) / SAMPLE_RATE / len(found)
        return [Word(word, i * seconds, (i + 1) * seconds) for i, word in enumerate(found)]


@pytest.mark.parametrize(
    ("units", "said", "seconds"),
    [
        ([("It is late.", 1.0), ("Go home now.", 0.5)], "It is late. Go home now.", 1.5),
        ([("It is late.", 1.0), ("Go home now.", 0.0)], "It is late.", 1.0),  # it was broken off
        ([("It is late.", 0.0)], "", 0.0),
        ([("Some other reply.", 1.0)], "", 0.0),
        ([], "", 0.0),
    ],
)
async def test_of_a_reply_by_real_engines_what_had_sound_is_known(
    units: list[tuple[str, float]], said: str, seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(real, "Aligner", Laid)
    async with aiohttp.ClientSession() as http:
        served = real.RealEngines("http://llm/v1", "http://stt/v1", "http://tts/v1", http)
    delta = {"choices": [{"delta": {"content": "It is late. Go home now."}}]}
    answer = f"data: {json.dumps(delta)}\n\ndata: [DONE]\n\n".encode()
    sound = {text: np.ones(round(t * SAMPLE_RATE), np.int16).tobytes() for text, t in units}
    asked = [
        Request("llm", "", 0.0, 1.0, answer),
        *(Request("tts", text, 0.0, 1.0, sound[text]) for text, _ in units),
    ]
    [case, *_] = scenarios.cases("interruption", "en", "test")
    reply = served.reply(case, asked)
    assert [w.text for w in reply.words] == words(said)
    assert reply.duration == pytest.approx(seconds)


def test_who_judges_outlasts_the_signal_that_ends_a_run(tmp_path: Path) -> None:
    nothing: Any = None
    runner: Any = Runner(nothing, nothing, tmp_path)
    with runner:
        judge_process = runner._judges.submit(os.getpid).result(60)
        os.kill(judge_process, signal.SIGTERM)
        os.kill(judge_process, signal.SIGINT)
        assert runner._judges.submit(os.getpid).result(60) == judge_process

"""The live stream over /v1/audio/transcriptions: order of events, requests, and what is lost."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from livekit.agents import APIConnectionError, APIConnectOptions, APIError, APIStatusError, stt
from livekit.plugins.vllm import STT, Answered, Failed
from livekit.plugins.vllm._server.circuit import Circuit
from livekit.plugins.vllm._stt import stream

from .conftest import ScriptedVAD, Talker, audio

START, END, FINAL = "start_of_speech", "end_of_speech", "final_transcript"
INTERIM, PREFLIGHT = "interim_transcript", "preflight_transcript"


def watched(made: STT) -> tuple[list[stt.STTError], list[bool]]:
    """The errors of a recogniser, and whether it was available, as they come."""
    errors: list[stt.STTError] = []
    changes: list[bool] = []
    made.on("error", errors.append)
    made.on("stt_availability_changed", lambda event: changes.append(event.available))
    return errors, changes


async def test_the_early_result_is_the_final_when_the_end_is_confirmed(bench: Any) -> None:
    talker = bench.talk()
    talker.silence(20)
    talker.speech(10)
    talker.silence(4)
    assert await talker.until(PREFLIGHT) == [(START, ""), (PREFLIGHT, "23 windows")]
    talker.silence(4)
    # 0.3 s of pre-roll are 9.4 windows; 10 of speech, 4 of the pause.
    assert await talker.until(FINAL) == [
        (START, ""),
        (PREFLIGHT, "23 windows"),
        (END, ""),
        (FINAL, "23 windows"),
    ]
    assert len(bench.server.requests) == 1


async def test_the_end_confirmed_while_decoding_needs_no_second_request(bench: Any) -> None:
    bench.server.gate.clear()
    talker = bench.talk()
    talker.speech()
    talker.silence(8)
    await talker.until(END)
    bench.server.gate.set()
    events = await talker.until(FINAL)
    assert [name for name, _ in events] == [START, END, FINAL]
    assert len(bench.server.requests) == 1


async def test_more_speech_closes_the_request_and_its_result_is_never_seen(bench: Any) -> None:
    server = bench.server
    server.gate.clear()
    talker = bench.talk()
    talker.speech(10)
    talker.silence(4)
    await server.until(lambda: len(server.requests) == 1)
    talker.speech(10)
    await asyncio.wait_for(server.requests[0].cancelled.wait(), 5)
    server.gate.set()
    talker.silence(8)
    events = await talker.until(FINAL)
    # The second request has the whole utterance.
    assert events[-1] == (FINAL, "28 windows")
    assert [name for name, _ in events if name in (START, END, FINAL)] == [START, END, FINAL]
    assert [r.windows for r in server.requests] == [14, 28]


async def test_without_speculation_the_confirmed_utterance_is_the_only_request(bench: Any) -> None:
    talker = bench.talk(speculate_after=None)
    talker.speech(10)
    talker.silence(5)
    talker.speech(10)
    talker.silence(8)
    assert await talker.until(FINAL) == [(START, ""), (END, ""), (FINAL, "33 windows")]
    assert len(bench.server.requests) == 1


async def test_interims_never_run_two_at_once(bench: Any) -> None:
    # The first utterance measures the decode; only then are interims affordable.
    talker = bench.talk(interim_interval=0.32)
    talker.speech(30)
    talker.silence(8)
    await talker.until(FINAL)
    assert len(bench.server.requests) == 1
    for _ in range(8):
        talker.speech(15)
        await talker.until(START, 2)
    await talker.until(INTERIM)
    talker.silence(8)
    await talker.until(FINAL, 2)
    assert bench.server.most_running == 1


def told(text: str, logprob: float) -> dict[str, Any]:
    """An answer that says how sure the server is."""
    return {"text": text, "segments": [{"text": text, "avg_logprob": logprob}]}


async def ask_early(bench: Any, answers: list[dict[str, Any]], **options: Any) -> Talker:
    """Have an utterance begin, until the early decodes have had the answers, and go on for a while.

    All that is said is less than the four seconds after which any interim is due.
    """
    server = bench.server
    made = bench.stt(interim_interval=4.0, **options)
    answered: list[Answered] = []
    made.on("server_answered", answered.append)
    made.on("server_answered", lambda _: server.notify())
    talker: Talker = bench.talk(made)
    talker.speech(10)
    talker.silence(8)  # the first utterance measures the decode
    await talker.until(FINAL)
    server.requests.clear()
    answered.clear()
    server.answers = [*answers]
    for n in range(len(answers)):
        talker.speech(4 if n else 9)
        await server.until(lambda n=n: len(answered) > n)
        await asyncio.sleep(0)
    for _ in range(10):
        talker.speech(1)
        await asyncio.sleep(0.02)  # in which one more would be asked
    return talker


@pytest.mark.parametrize(
    ("answers", "shown"),
    [
        ([{"text": "Hey"}, {"text": "Hey, wait"}], ["Hey, wait"]),
        ([{"text": "停"}, {"text": "停一下"}], ["停一下"]),
        ([{"text": "Uh"}, {"text": "Uh-huh."}, {"text": "uh-huh"}], ["uh-huh"]),
        ([{"text": "Oh"}, {"text": ""}, {"text": "Oh"}, {"text": "Oh no"}], ["Oh no"]),
        (
            [{"text": "You"}, {"text": "Thanks for watching!"}, {"text": "You"}, {"text": "You"}],
            ["You"],
        ),
        ([told("Hey", -0.5)], ["Hey"]),
        ([told("Hey", -1.2), told("Hey", -0.5)], ["Hey", "Hey"]),
    ],
    ids=["twice", "chinese", "uh-huh", "a cough", "impossible between", "sure", "unsure"],
)
async def test_the_first_word_is_asked_for_until_it_can_be_believed(
    bench: Any, answers: list[dict[str, Any]], shown: list[str]
) -> None:
    talker = await ask_early(bench, answers)
    assert len(bench.server.requests) == len(answers)
    assert [text for kind, text in talker.events if kind == INTERIM] == shown
    talker.silence(8)
    assert (await talker.until(FINAL, 2))[-1][1].endswith("windows")
    assert bench.server.most_running == 1


async def test_a_word_that_is_over_is_told_at_the_pause_whether_it_is_sure_or_not(
    bench: Any,
) -> None:
    server = bench.server
    talker = bench.talk(interim_interval=4.0)
    talker.speech(10)
    talker.silence(8)  # the first utterance measures the decode
    await talker.until(FINAL)
    server.requests.clear()
    server.answers = [{"text": "Uh"}] * 3
    talker.speech(9)
    await server.until(lambda: len(server.requests) == 1)  # an early one
    talker.silence(8)
    events = await talker.until(FINAL, 2)
    assert events[-1] == (FINAL, "Uh")
    assert INTERIM not in [kind for kind, _ in events]
    assert len(server.requests) == 2


async def test_the_first_word_alone_can_be_left_to_the_interims(bench: Any) -> None:
    talker = await ask_early(bench, [], first_word=False)
    assert bench.server.requests == []
    talker.speech(120)
    await talker.until(INTERIM)
    assert len(bench.server.requests) == 1


async def test_the_usage_is_that_of_all_requests(bench: Any) -> None:
    server = bench.server
    talker = await ask_early(bench, [told("Hey", -1.2), told("Hey", -1.2), told("Hey", -0.5)])
    server.gate.clear()
    talker.silence(4)
    await server.until(lambda: len(server.requests) == 4)
    talker.speech(4)  # the pause was none, its request is given up
    server.gate.set()
    talker.silence(8)
    await talker.until(FINAL, 2)
    talker.stream.end_input()
    await talker.end()
    assert len(server.requests) == 5
    _, usage = (e.recognition_usage for e in talker.full if e.recognition_usage)
    sent = sum(len(request.pcm) for request in server.requests)
    assert usage.audio_duration == pytest.approx(sent / 32000)


async def test_finals_come_in_the_order_of_speech(bench: Any) -> None:
    server = bench.server
    server.gate.clear()
    server.answers = [{"text": "first"}, {"text": "second"}]
    talker = bench.talk()
    talker.speech()
    talker.silence(8)
    talker.speech()
    talker.silence(8)
    await talker.until(END, 2)
    await server.until(lambda: len(server.requests) == 1)
    server.gate.set()
    events = await talker.until(FINAL, 2)
    assert [text for name, text in events if name == FINAL] == ["first", "second"]
    assert server.most_running == 1


async def test_a_new_language_holds_from_the_next_utterance_on(bench: Any) -> None:
    server, made = bench.server, bench.stt(language="en-US", prompt="Parley")
    server.gate.clear()
    talker = bench.talk(made)
    talker.speech()
    await talker.until(START)
    made.update_options(language="zh-CN", prompt=None)
    talker.silence(8)
    await talker.until(END)
    server.gate.set()
    await talker.until(FINAL)
    talker.speech()
    talker.silence(8)
    await talker.until(FINAL, 2)
    first, second = (r.fields for r in server.requests)
    assert (first["language"], first["prompt"]) == ("en", "Parley")
    assert second["language"] == "zh"
    assert "简体" in second["prompt"]
    said = [e.alternatives[0] for e in talker.full if e.type == FINAL]
    assert [s.language for s in said] == ["en", "zh"]


async def test_a_failed_request_is_tried_again_with_the_same_audio(bench: Any) -> None:
    server = bench.server
    server.answers = [503, 503, {"text": "at last"}]
    made = bench.stt(speculate_after=None)
    errors: list[stt.STTError] = []
    made.on("error", errors.append)
    talker = bench.talk(made)
    talker.speech()
    talker.silence(8)
    assert (await talker.until(FINAL))[-1] == (FINAL, "at last")
    assert [r.windows for r in server.requests] == [18, 18, 18]
    assert [e.recoverable for e in errors] == [True, True]
    assert all(isinstance(e.error, APIStatusError) for e in errors)


async def test_a_failed_early_request_is_left_to_the_confirmation(bench: Any) -> None:
    bench.server.answers = [503, {"text": "whole"}]
    made = bench.stt()
    errors: list[stt.STTError] = []
    made.on("error", errors.append)
    talker = bench.talk(made)
    talker.speech()
    talker.silence(4)
    await bench.server.until(lambda: len(bench.server.requests) == 1)
    talker.silence(4)
    assert (await talker.until(FINAL))[-1] == (FINAL, "whole")
    assert len(bench.server.requests) == 2


REFUSED = [401, 403, 404, 429, 500, 503, {"words": "none"}, {"text": 5}]


@pytest.mark.parametrize("answer", REFUSED, ids=str)
async def test_one_refusal_ends_no_stream_and_loses_no_word(bench: Any, answer: Any) -> None:
    bench.server.answers = [answer, {"text": "at last"}]
    made = bench.stt(speculate_after=None)
    errors, changes = watched(made)
    talker = bench.talk(made)
    talker.speech()
    talker.silence(8)
    assert (await talker.until(FINAL))[-1] == (FINAL, "at last")
    talker.speech()
    talker.silence(8)
    assert (await talker.until(FINAL, 2))[-1] == (FINAL, "18 windows")
    assert [e.recoverable for e in errors] == [True]
    assert changes == [False, True]


@pytest.mark.parametrize("answer", [401, 500, {"words": "none"}], ids=str)
async def test_what_was_said_meanwhile_is_recognised_when_the_server_is_back(
    bench: Any, answer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "RETRY_INTERVAL", 0.02)
    server = bench.server
    server.answers = [answer] * 99
    made = bench.stt(speculate_after=None)
    errors, changes = watched(made)
    talker = bench.talk(made)
    server.gate.clear()
    for windows in (10, 20):
        talker.speech(windows)
        talker.silence(8)
    await talker.until(END, 2)
    server.gate.set()
    # LiveKit's limit ends the first stream, once; the session opens another.
    with pytest.raises(APIError):
        await talker.end()
    assert [e.recoverable for e in errors] == [True, True, False]
    assert changes == [False]
    talker = bench.talk(made)
    talker.speech(30)
    talker.silence(8)
    await server.until(lambda: len(server.requests) >= 9)
    server.answers.clear()
    await talker.until(FINAL, 3)
    # In the order of speech; the first has no pre-roll.
    assert [text for name, text in talker.events if name == FINAL] == [
        "18 windows",
        "28 windows",
        "38 windows",
    ]
    assert changes == [False, True]
    assert all(e.recoverable for e in errors[3:])
    assert len(errors) >= 8
    # Well again, it has all its attempts.
    server.answers = [503] * 3
    talker.speech()
    talker.silence(8)
    with pytest.raises(APIStatusError):
        await talker.end()


async def test_a_stream_fails_in_a_pause_of_the_speech(bench: Any) -> None:
    server = bench.server
    server.answers = [500] * 3
    made = bench.stt(speculate_after=None)
    talker = bench.talk(made)
    server.gate.clear()
    talker.speech()
    talker.silence(8)
    talker.speech(10)
    await talker.until(START, 2)
    server.gate.set()
    await server.until(lambda: len(server.requests) == 3)
    talker.speech(20)
    talker.silence(8)
    with pytest.raises(APIStatusError):
        await talker.end()
    talker = bench.talk(made)
    events = await talker.until(FINAL, 2)
    assert [text for name, text in events if name == FINAL] == ["18 windows", "38 windows"]


async def test_only_the_last_minute_is_kept(bench: Any) -> None:
    server = bench.server
    server.answers = [500] * 3
    made = bench.stt(speculate_after=None)
    talker = bench.talk(made)
    talker.speech()
    talker.silence(8)
    with pytest.raises(APIStatusError):
        await talker.end()
    server.gate.clear()
    talker = bench.talk(made)
    for count in range(4):
        # 19.4 s each
        talker.speech(590)
        talker.silence(8)
        await talker.until(END, count + 1)
    # What there is no room for is empty rather than waited for.
    await talker.until(FINAL, 2)
    assert [text for name, text in talker.events if name == FINAL] == ["", ""]
    server.gate.set()
    events = await talker.until(FINAL, 5)
    assert sum("windows" in text for _, text in events) == 3


async def test_a_second_choice_hears_what_the_first_cannot(bench: Any, other: Any) -> None:
    now = 0.0
    made = bench.stt(speculate_after=None, fallback=other.stt(language="fr"))
    made._routes.order[0].circuit = Circuit(lambda: now)
    errors, changes = watched(made)
    answered: list[Answered] = []
    failed: list[Failed] = []
    made.on("server_answered", answered.append)
    made.on("server_failed", failed.append)
    talker = bench.talk(made)

    async def say(count: int) -> str:
        talker.speech()
        talker.silence(8)
        await talker.until(FINAL, count)
        return str(made.answered_by)

    bench.server.answers = [500] * 99
    other.server.answers = [{"text": "heard"}] * 2
    assert await say(1) == other.url
    asked = len(bench.server.requests)
    assert await say(2) == other.url
    # The first is left alone for a moment, and then asked again.
    assert len(bench.server.requests) == asked
    assert [text for name, text in talker.events if name == FINAL] == ["heard"] * 2
    bench.server.answers.clear()
    now = 60.0
    assert await say(3) == bench.url
    assert not errors
    assert not changes
    assert [(f.url, f.choice, f.kind) for f in failed] == [(bench.url, 0, "error")]
    assert [(a.url, a.choice, a.instead_of) for a in answered] == [
        (other.url, 1, "model"),
        (other.url, 1, "model"),
        (bench.url, 0, None),
    ]


async def test_a_first_choice_that_hangs_leaves_time_for_the_second(bench: Any) -> None:
    async with BlackHole() as hole:
        made = bench.stt(base_url=hole, fallback=bench.stt())
        failed: list[Failed] = []
        made.on("server_failed", failed.append)
        talker = Talker(made.stream(conn_options=APIConnectOptions(timeout=4.0, max_retry=0)))
        talker.speech()
        talker.silence(8)
        assert (await talker.until(FINAL))[-1] == (FINAL, "18 windows")
        heard = await made.recognize(
            list(audio(20, 0.9)), conn_options=APIConnectOptions(timeout=4.0, max_retry=0)
        )
        assert heard.alternatives[0].text == "20 windows"
        assert {(f.choice, f.kind) for f in failed} == {(0, "timeout")}
        await talker.aclose()


async def test_a_server_that_stays_broken_is_given_up_after_the_retries(bench: Any) -> None:
    bench.server.answers = [500] * 9
    talker = bench.talk(speculate_after=None)
    talker.speech()
    talker.silence(8)
    with pytest.raises(APIStatusError):
        await talker.end()
    assert len(bench.server.requests) == 3


async def test_a_server_come_back_with_another_model_is_asked_anew(bench: Any) -> None:
    server, made = bench.server, bench.stt(speculate_after=None)
    server.answers = [404] * 3
    talker = bench.talk(made)
    talker.speech()
    talker.silence(8)
    with pytest.raises(APIStatusError):
        await talker.end()
    server.listed = "another"
    talker = bench.talk(made)
    await talker.until(FINAL)
    assert [r.fields["model"] for r in server.requests] == ["whisper"] * 3 + ["another"]


async def test_a_server_come_back_with_another_model_costs_no_word(bench: Any) -> None:
    server, made = bench.server, bench.stt(speculate_after=None)
    talker = bench.talk(made)
    for count in (1, 2, 3):
        talker.speech()
        talker.silence(8)
        await talker.until(FINAL, count)
        if count == 1:
            server.listed, server.answers = "another", [404]
    assert [text for name, text in talker.events if name == FINAL] == [
        "18 windows",
        "18 windows",
        "18 windows",
    ]
    models = [r.fields["model"] for r in server.requests]
    assert models == ["whisper", "whisper", "another", "another"]


@pytest.mark.parametrize("status", [400, 413, 415, 422])
async def test_an_utterance_that_is_refused_is_the_only_one_lost(bench: Any, status: int) -> None:
    server, made = bench.server, bench.stt(speculate_after=None)
    errors: list[stt.STTError] = []
    made.on("error", errors.append)
    talker = bench.talk(made)
    for count in (1, 2, 3):
        server.answers = [status, status] if count == 2 else [{"text": f"number {count}"}]
        talker.speech()
        talker.silence(8)
        await talker.until(FINAL, count)
    assert [text for name, text in talker.events if name == FINAL] == ["number 1", "", "number 3"]
    assert [e.recoverable for e in errors] == [True]


async def test_a_server_that_refuses_every_utterance_is_given_up(bench: Any) -> None:
    bench.server.answers = [400] * 99
    talker = bench.talk(speculate_after=None)
    for _ in range(3):
        talker.speech()
        talker.silence(8)
    with pytest.raises(APIStatusError):
        await talker.end()
    assert sum(name == FINAL for name, _ in talker.events) == 2


class BlackHole:
    """A port that takes connections and never says a word."""

    async def __aenter__(self) -> str:
        self._server = await asyncio.start_server(self._keep, "127.0.0.1", 0)
        self._writers: list[asyncio.StreamWriter] = []
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/v1"

    async def _keep(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)

    async def __aexit__(self, *_: object) -> None:
        for writer in self._writers:
            writer.close()
        self._server.close()


@pytest.mark.parametrize("realtime", [None, False, True])
@pytest.mark.parametrize(
    ("options", "told", "least", "most"),
    [
        (APIConnectOptions(timeout=1.0, max_retry=0), [False], 0.7, 2.0),
        (
            APIConnectOptions(timeout=0.3, max_retry=2, retry_interval=0.0),
            [True, True, False],
            0.4,
            3.0,
        ),
    ],
)
async def test_a_black_hole_ends_at_livekits_limit(
    realtime: bool | None,
    options: APIConnectOptions,
    told: list[bool],
    least: float,
    most: float,
) -> None:
    clock = asyncio.get_running_loop().time
    async with BlackHole() as url:
        made = STT(base_url=url, realtime=realtime, vad=ScriptedVAD(), model="whisper")
        errors: list[stt.STTError] = []
        made.on("error", errors.append)
        talker = Talker(made.stream(conn_options=options))
        begun = clock()
        talker.speech()
        talker.silence(8)
        with pytest.raises(APIConnectionError):
            await talker.end()
        assert least <= clock() - begun <= most
        assert [e.recoverable for e in errors] == told
        await talker.aclose()
        begun = clock()
        frames = list(audio(60, 0.9))
        once = APIConnectOptions(timeout=0.5, max_retry=0)
        with pytest.raises(APIConnectionError):
            await made.recognize(frames, conn_options=once)
        assert clock() - begun <= 1.2
        await made.aclose()


async def test_what_nobody_said_is_an_empty_final(bench: Any) -> None:
    bench.server.answers = [{"text": "字幕由Amara.org社群提供"}]
    talker = bench.talk()
    talker.speech()
    talker.silence(8)
    events = await talker.until(FINAL)
    assert [e for e in events if e[0] != PREFLIGHT] == [(START, ""), (END, ""), (FINAL, "")]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("My number is (415) 555-0123.", "My number is (415) 555-0123."),
        ("Grafana.", "Grafana."),
        ("five " * 8, ("five " * 8).strip()),
        ("Subtitles by default, please.", "Subtitles by default, please."),
    ],
)
async def test_what_a_voice_long_enough_said_is_never_dropped(
    bench: Any, text: str, said: str
) -> None:
    bench.server.answers = [{"text": text}]
    talker = bench.talk(speculate_after=None, prompt="Kubernetes, Grafana, Prometheus")
    talker.speech(100)
    talker.silence(8)
    assert (await talker.until(FINAL))[-1] == (FINAL, said)


@pytest.mark.parametrize("language", [None, "ja"])
@pytest.mark.parametrize(
    "text",
    ["ご視聴ありがとうございました", "Продолжение следует...", "Thank you. Thank you. Thank you."],
)
async def test_inventions_on_a_short_noise_are_dropped(
    bench: Any, text: str, language: str | None
) -> None:
    bench.server.answers = [{"text": text}]
    talker = bench.talk(speculate_after=None, language=language)
    talker.speech(8)
    talker.silence(8)
    assert (await talker.until(FINAL))[-1] == (FINAL, "")


async def test_a_click_costs_no_request(bench: Any) -> None:
    talker = bench.talk()
    talker.speech(2)
    talker.silence(8)
    assert await talker.until(FINAL) == [(START, ""), (END, ""), (FINAL, "")]
    assert bench.server.requests == []


async def test_a_flush_in_the_middle_of_speech_ends_it(bench: Any) -> None:
    talker = bench.talk()
    talker.speech(12)
    talker.stream.flush()
    assert await talker.until(FINAL) == [(START, ""), (END, ""), (FINAL, "12 windows")]
    talker.speech(5)
    talker.silence(8)
    assert (await talker.until(FINAL, 2))[-1] == (FINAL, "9 windows")


async def test_the_end_of_input_ends_speech_and_then_the_stream(bench: Any) -> None:
    talker = bench.talk()
    talker.speech(12)
    talker.stream.end_input()
    await talker.end()
    assert talker.events == [(START, ""), (END, ""), (FINAL, "12 windows")]


async def test_a_microphone_switched_off_in_a_word_ends_it(
    bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "STALL", 0.05)
    talker = bench.talk()
    talker.speech(12)
    assert await talker.until(FINAL) == [(START, ""), (END, ""), (FINAL, "12 windows")]
    talker.speech(5)
    talker.silence(8)
    await talker.until(FINAL, 2)


async def test_a_long_speech_is_cut_at_a_pause_without_an_end(bench: Any) -> None:
    talker = bench.talk(max_utterance=0.96)
    talker.speech(30)
    talker.silence(4)
    await talker.until(FINAL)
    talker.speech(10)
    talker.silence(4)
    await talker.until(PREFLIGHT)
    talker.silence(4)
    assert await talker.until(FINAL, 2) == [
        (START, ""),
        (FINAL, "34 windows"),
        (PREFLIGHT, "14 windows"),
        (END, ""),
        (FINAL, "14 windows"),
    ]


async def test_closing_cancels_the_request_at_once(bench: Any) -> None:
    server = bench.server
    server.gate.clear()
    talker = bench.talk()
    talker.speech()
    talker.silence(8)
    await server.until(lambda: len(server.requests) == 1)
    await talker.aclose()
    await asyncio.wait_for(server.requests[0].cancelled.wait(), 5)


async def test_a_server_that_says_nothing_is_a_timeout(bench: Any) -> None:
    bench.server.gate.clear()
    made = bench.stt()
    options = APIConnectOptions(max_retry=0, timeout=0.1)
    stream = made.stream(conn_options=options)
    talker = type(bench.talk(made))(stream)
    talker.speech()
    talker.silence(8)
    with pytest.raises(APIConnectionError, match=r"within 0\.1 s"):
        await talker.end()


async def test_times_are_those_of_the_audio(bench: Any) -> None:
    talker = bench.talk()
    talker.silence(20)
    talker.speech(10)
    talker.silence(8)
    talker.stream.end_input()
    await talker.end()
    (final,) = [e for e in talker.full if e.type == FINAL]
    said = final.alternatives[0]
    assert said.start_time == pytest.approx(20 * 0.032 - 0.3, abs=0.1)
    assert said.end_time == pytest.approx(30 * 0.032, abs=0.1)
    usage = talker.full[-1].recognition_usage
    assert usage is not None
    assert usage.audio_duration > 0.5


async def test_closing_twice_is_allowed(bench: Any) -> None:
    made = bench.stt()
    talker = bench.talk(made)
    talker.speech()
    await talker.until(START)
    await made.aclose()
    await made.aclose()

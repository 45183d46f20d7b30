"""Recognition over /v1/realtime, against a server with vLLM's rules."""

from __future__ import annotations

from typing import Any

import pytest
from livekit.agents import APIStatusError
from livekit.plugins.vllm._stt.qwen import plain_text

START, END, FINAL = "start_of_speech", "end_of_speech", "final_transcript"
INTERIM, PREFLIGHT = "interim_transcript", "preflight_transcript"


@pytest.fixture
def realtime(bench: Any) -> Any:
    bench.server.realtime = True
    return bench


async def test_text_comes_while_the_audio_is_spoken(realtime: Any) -> None:
    talker = realtime.talk(realtime=None, language="zh")
    talker.speech(12)
    await talker.until(INTERIM)
    talker.speech(10)
    await talker.until(INTERIM, 2)
    talker.silence(4)
    await talker.until(PREFLIGHT)
    talker.silence(4)
    assert await talker.until(FINAL) == [
        (START, ""),
        (INTERIM, "10"),
        (INTERIM, "10 20"),
        (PREFLIGHT, "26 windows"),
        (END, ""),
        (FINAL, "26 windows"),
    ]
    # The first connection asked whether there is such an interface.
    probe, link = realtime.server.links
    assert probe.updates == []
    assert link.updates[0]["model"] == "whisper"
    assert link.updates[0]["language"] == "zh"
    assert realtime.server.requests == []


async def test_a_server_without_it_is_asked_for_transcriptions(bench: Any) -> None:
    talker = bench.talk(realtime=None)
    talker.speech()
    talker.silence(8)
    await talker.until(FINAL)
    assert len(bench.server.requests) == 1


async def test_a_connection_lost_in_speech_loses_no_audio(realtime: Any) -> None:
    server = realtime.server
    server.drop_after = 8
    talker = realtime.talk(realtime=True, speculate_after=None)
    talker.speech(12)
    await server.until(lambda: bool(server.links) and not server.links[0].open)
    talker.speech(12)
    talker.silence(8)
    assert (await talker.until(FINAL))[-1] == (FINAL, "32 windows")
    assert len(server.links) == 2


async def test_words_that_were_shown_stay_when_a_connection_begins_anew(realtime: Any) -> None:
    server = realtime.server
    server.drop_after = 22
    talker = realtime.talk(realtime=True)
    talker.speech(21)
    await talker.until(INTERIM, 2)
    talker.speech(4)
    await server.until(lambda: not server.links[0].open)
    talker.speech(6)
    talker.silence(4)
    events = await talker.until(PREFLIGHT)
    assert [text for name, text in events if name == INTERIM] == ["10", "10 20", "10 20 30"]


async def test_a_language_that_the_server_detects_is_passed_on(realtime: Any) -> None:
    realtime.server.detected = "fr"
    talker = realtime.talk(realtime=True, language=None)
    talker.speech(12)
    talker.silence(8)
    await talker.until(FINAL)
    (final,) = (event for event in talker.full if event.type.value == FINAL)
    assert final.alternatives[0].language == "fr"


@pytest.mark.parametrize(
    ("told", "confidence"),
    [(0.42, 0.42), (1, 1.0), (None, 0.0), (True, 0.0), ("0.4", 0.0), (-0.1, 0.0), (1.5, 0.0)],
)
async def test_how_sure_the_server_is_is_passed_on_if_it_says_so(
    realtime: Any, told: object, confidence: float
) -> None:
    realtime.server.confidence = told
    talker = realtime.talk(realtime=True, language=None)
    talker.speech(12)
    talker.silence(8)
    await talker.until(FINAL)
    (final,) = (event for event in talker.full if event.type.value == FINAL)
    assert final.alternatives[0].confidence == confidence


async def test_how_sure_an_early_decode_was_says_nothing_of_the_words_after_it(
    realtime: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("livekit.plugins.vllm._stt.realtime.RECONNECT_INTERVAL", 0.0)
    realtime.server.confidence = 0.42
    talker = realtime.talk(realtime=True)
    talker.speech(12)
    talker.silence(4)
    await talker.until(PREFLIGHT)
    talker.speech(12)
    await talker.until(INTERIM, 2)
    talker.silence(8)
    await talker.until(FINAL)
    said = [(e.type.value, e.alternatives[0].confidence) for e in talker.full if e.alternatives]
    assert {confidence for kind, confidence in said if kind == INTERIM} == {0.0}
    assert {confidence for kind, confidence in said if kind != INTERIM} == {0.42}


@pytest.mark.parametrize("missing", [..., None])
async def test_a_text_that_the_server_leaves_out_at_the_end_is_what_it_sent(
    realtime: Any, missing: object
) -> None:
    realtime.server.ends_with = {"text": missing}
    talker = realtime.talk(realtime=True, speculate_after=None)
    talker.speech(22)
    talker.silence(8)
    assert (await talker.until(FINAL))[-1] == (FINAL, "10 20 30")


@pytest.mark.parametrize("empty", ["", " "])
async def test_an_empty_text_at_the_end_takes_back_what_was_sent(realtime: Any, empty: str) -> None:
    realtime.server.ends_with = {"text": empty, "confidence": 1.0}
    talker = realtime.talk(realtime=True, speculate_after=None)
    talker.speech(22)
    talker.silence(8)
    events = await talker.until(FINAL)
    assert [text for kind, text in events if kind == INTERIM] == ["10", "10 20"]
    assert events[-1] == (FINAL, "")
    (final,) = (event for event in talker.full if event.type.value == FINAL)
    assert final.alternatives[0].confidence == 0.0


async def test_a_connection_lost_after_the_end_is_made_good(realtime: Any) -> None:
    server = realtime.server
    server.gate.clear()
    talker = realtime.talk(realtime=True, speculate_after=None)
    talker.speech(12)
    talker.silence(8)
    await server.until(lambda: bool(server.links) and server.links[0].committed)
    await server.links[0].ws.close(code=1012)
    server.gate.set()
    assert (await talker.until(FINAL))[-1] == (FINAL, "20 windows")
    assert len(server.links) == 2


async def test_more_speech_after_an_early_end_starts_over_with_all_of_it(realtime: Any) -> None:
    server = realtime.server
    server.gate.clear()
    talker = realtime.talk(realtime=True)
    talker.speech(12)
    talker.silence(4)
    await server.until(lambda: bool(server.links) and server.links[0].committed)
    talker.speech(12)
    # The server sees the connection close, which is what aborts its request.
    await server.until(lambda: not server.links[0].open)
    server.gate.set()
    talker.silence(8)
    _, text = (await talker.until(FINAL))[-1]
    assert 32 <= int(text.removesuffix(" windows")) <= 36
    assert len(server.links) == 2


async def test_speech_during_the_last_decode_is_not_dropped(realtime: Any) -> None:
    server = realtime.server
    server.gate.clear()
    talker = realtime.talk(realtime=True, speculate_after=None)
    talker.speech(12)
    talker.silence(8)
    await server.until(lambda: bool(server.links) and server.links[0].committed)
    talker.speech(15)
    talker.silence(8)
    await talker.until(END, 2)
    server.gate.set()
    finals = [text for name, text in await talker.until(FINAL, 2) if name == FINAL]
    assert finals == ["20 windows", "23 windows"]


async def test_a_wrong_model_fails_the_stream_with_its_reason(realtime: Any) -> None:
    realtime.server.listed = "other"
    made = realtime.stt(realtime=True)
    talker = realtime.talk(made)
    talker.speech(12)
    talker.silence(8)
    with pytest.raises(APIStatusError, match="does not exist"):
        await talker.end()


async def test_what_was_said_while_it_refused_is_recognised_later(realtime: Any) -> None:
    server = realtime.server
    server.realtime = False
    made = realtime.stt(realtime=True)
    talker = realtime.talk(made)
    talker.speech(12)
    talker.silence(8)
    with pytest.raises(APIStatusError):
        await talker.end()
    talker = realtime.talk(made)
    talker.speech(15)
    talker.silence(8)
    await talker.until(END)
    server.realtime = True
    events = await talker.until(FINAL, 2)
    assert [text for name, text in events if name == FINAL] == ["20 windows", "23 windows"]


async def test_a_second_choice_takes_over_in_the_middle_of_speech(
    realtime: Any, other: Any
) -> None:
    made = realtime.stt(realtime=True, speculate_after=None, fallback=other.stt())
    talker = realtime.talk(made)
    talker.speech(12)
    await realtime.server.until(lambda: bool(realtime.server.links))
    realtime.server.realtime = False
    await realtime.server.links[0].ws.close(code=1012)
    talker.speech(8)
    talker.silence(8)
    assert (await talker.until(FINAL))[-1] == (FINAL, "28 windows")
    assert made.answered_by == other.url


async def test_recognize_works_over_it_and_counts_tokens(realtime: Any) -> None:
    talker = realtime.talk(realtime=True)
    talker.speech(12)
    talker.stream.end_input()
    await talker.end()
    assert talker.events[-1] == (FINAL, "12 windows")
    usage = talker.full[-1].recognition_usage
    assert usage is not None
    assert (usage.input_tokens, usage.output_tokens) == (7, 3)
    assert usage.audio_duration == pytest.approx(12 * 512 / 16000)


async def test_the_tokens_of_a_guess_that_was_wrong_are_counted_too(realtime: Any) -> None:
    talker = realtime.talk(realtime=True)
    talker.speech(12)
    talker.silence(4)
    await talker.until(PREFLIGHT)
    talker.speech(10)
    talker.silence(8)
    await talker.until(FINAL)
    talker.stream.end_input()
    await talker.end()
    usage = talker.full[-1].recognition_usage
    assert usage is not None
    assert (usage.input_tokens, usage.output_tokens) == (14, 6)
    assert usage.audio_duration == pytest.approx((16 + 30) * 512 / 16000)


async def test_closing_closes_the_connection(realtime: Any) -> None:
    server = realtime.server
    talker = realtime.talk(realtime=True)
    talker.speech(12)
    await server.until(lambda: bool(server.links) and len(server.links[0].pcm) > 0)
    await talker.aclose()
    await server.until(lambda: not server.links[0].open)


@pytest.mark.parametrize(
    ("raw", "text", "language"),
    [
        (" hello there ", "hello there", ""),
        ("language English<asr_text>hello", "hello", "en"),
        (
            "language Chinese<asr_text>今天天气language Chinese<asr_text>很好。",
            "今天天气很好。",
            "zh",
        ),
        (
            "language English<asr_text>one two language English<asr_text>three",
            "one two three",
            "en",
        ),
        ("language None<asr_text>", "", ""),
    ],
)
def test_qwen3_asr_speaks_of_the_language_first(raw: str, text: str, language: str) -> None:
    assert plain_text(raw) == (text, language)


def test_half_a_prefix_is_never_shown() -> None:
    raw = "language Chinese<asr_text>你好language Chinese<asr_text>吗"
    shown = [plain_text(raw[: n + 1], partial=True)[0] for n in range(len("language"), len(raw))]
    assert set(shown) == {"", "你", "你好", "你好吗"} | {
        "你好" + "language"[:n] for n in range(1, len("language"))
    }


async def test_the_server_is_asked_what_it_offers(bench: Any) -> None:
    made = bench.stt(realtime=None)
    assert not (await made._connection.transport()).streams
    bench.server.realtime = True
    assert (await bench.stt(realtime=None)._connection.transport()).streams

"""A second voice that speaks when the first one cannot."""

from __future__ import annotations

import time
from typing import Any

import aiohttp
import numpy as np
import pytest
from livekit.agents import APIConnectOptions
from livekit.plugins.qwen3_tts import TTS, Answered, Failed

from .conftest import END, RATE, Answer, FaultServer, Start, chunk, head, quiet, refuses, says, tone
from .test_faults import FOREVER, ONCE, does, make
from .test_refusals import THREE, answers, words_of

pytestmark = pytest.mark.servers_like("vllm-omni", "nari")

NOISE = np.random.default_rng(0).bytes(96_000)


def pair(session: aiohttp.ClientSession, one: str, two: FaultServer, **options: Any) -> TTS:
    """A voice on one address with another behind it."""
    second = make(session, two.url, voice="Ryan", model="small")
    return TTS(base_url=one, http_session=session, fallback=second, voice="Vivian", **options)


FAULTS = {
    "reset": (does(None), "connection"),
    "no audio": (does(head() + END), "garbage"),
    "500": (refuses("500 Oops", {"error": {"message": "x"}}), "error"),
    "400": (refuses("400 Bad Request", {"error": {"message": "x"}}), "refused"),
    "401": (refuses("401 Unauthorized", {"error": {"message": "x"}}), "refused"),
    "busy": (answers("429 Too Many Requests", "Retry-After: 9\r\n"), "busy"),
    "noise": (says(NOISE), "garbage"),
    "WAV": (does(head("audio/wav") + chunk(b"RIFF") + END), "garbage"),
    "silence": (says(quiet(1.0)), "garbage"),
}


@pytest.mark.parametrize(("fault", "kind"), [pytest.param(*v, id=k) for k, v in FAULTS.items()])
async def test_the_second_voice_speaks_at_once(
    start_server: Start, session: aiohttp.ClientSession, fault: Answer, kind: str
) -> None:
    one, two = await start_server(*[fault] * 40), await start_server(model="small")
    tts = pair(session, one.url, two)
    errors: list[Any] = []
    tts.on("error", errors.append)
    sent: list[Any] = []
    tts.on("unit_sent", sent.append)
    answered: list[Answered] = []
    failed: list[Failed] = []
    tts.on("server_answered", answered.append)
    tts.on("server_failed", failed.append)
    begun = time.perf_counter()
    seconds, words = await words_of(tts, THREE)
    assert time.perf_counter() - begun < 3.0
    assert words == THREE
    assert seconds > 2.0
    assert not errors
    # Each unit is told of once; the model and the voice are the second one's own.
    assert len(sent) == len(two.texts)
    assert {(r.body["model"], r.body["voice"]) for r in two.requests} == {("small", "Ryan")}
    assert (tts.answered_by, tts.model) == (two.url, "small")
    assert [(a.url, a.model, a.choice, a.server, a.instead_of) for a in answered] == [
        (two.url, "small", 1, 0, "model")
    ] * len(two.texts)
    assert {(f.url, f.choice, f.kind) for f in failed} == {(one.url, 0, kind)}
    await tts.aclose()


async def test_a_server_that_is_not_there_is_tried_now_and_then(
    start_server: Start, session: aiohttp.ClientSession, unused_tcp_port: int
) -> None:
    two = await start_server(model="small")
    tts = pair(session, f"http://127.0.0.1:{unused_tcp_port}/v1", two)
    for _ in range(3):
        _, words = await words_of(tts, THREE)
        assert words == THREE
    await tts.aclose()


async def test_the_first_voice_speaks_again_when_it_is_well(
    start_server: Start, session: aiohttp.ClientSession
) -> None:
    one, two = await start_server(*[does(None)] * 2), await start_server(model="small")
    tts = pair(session, one.url, two)
    await words_of(tts, "好的。")
    assert tts.answered_by == two.url
    for replica in tts._replicas:
        replica.closed_until = 0.0  # its pause is over
    await words_of(tts, "好的。")
    assert tts.answered_by == one.url
    assert tts.model == "qwen3-tts"
    await tts.aclose()


async def test_a_unit_that_breaks_off_is_gone_on_with(
    start_server: Start, session: aiohttp.ClientSession
) -> None:
    broken = does(head() + chunk(tone(1.0)), 0.05, None)
    one, two = await start_server(says(tone(0.9)), *[broken] * 9), await start_server(model="small")
    tts = pair(session, one.url, two)
    text = "今天天气很好我们可以一起去公园散步。"
    _, words = await words_of(tts, text)
    assert words == text
    assert two.texts
    assert text.endswith(two.texts[-1])
    await tts.aclose()


async def test_a_voice_that_keeps_silent_leaves_time_for_the_second(
    start_server: Start, session: aiohttp.ClientSession
) -> None:
    one, two = await start_server(*[does(FOREVER)] * 9), await start_server(model="small")
    tts = pair(session, one.url, two)
    begun = time.perf_counter()
    _, words = await words_of(tts, "好的。", APIConnectOptions(timeout=2.0, max_retry=0))
    assert words == "好的。"
    assert 0.9 < time.perf_counter() - begun < 1.8
    await tts.aclose()


async def test_language_and_manner_are_told_to_both(
    start_server: Start, session: aiohttp.ClientSession
) -> None:
    one, two = await start_server(*[does(None)] * 9), await start_server(model="small")
    tts = pair(session, one.url, two)
    tts.update_options(language="zh", instructions="warmly", voice="Serena")
    async with tts.stream(conn_options=ONCE, voice="Dylan") as stream:
        stream.push_text("好的。")
        stream.end_input()
        assert sum([e.frame.samples_per_channel async for e in stream]) > RATE // 10
    (body,) = [request.body for request in two.requests]
    assert (body["language"], body["instructions"], body["voice"]) == ("Chinese", "warmly", "Ryan")
    await tts.aclose()

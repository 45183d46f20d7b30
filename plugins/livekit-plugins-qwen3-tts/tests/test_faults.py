"""A server that refuses, hangs, resets, drips, cuts at odd bytes and sends the wrong things."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from typing import Any

import aiohttp
import numpy as np
import pytest
from livekit.agents import (
    APIConnectionError,
    APIConnectOptions,
    APIError,
    APIStatusError,
    APITimeoutError,
)
from livekit.plugins.qwen3_tts import TTS, Answered, Failed
from livekit.plugins.qwen3_tts.client import AlignedWord, Deadlines, SpeechClient

from .conftest import END, RATE, Answer, Request, Start, chunk, head, refuses, says, tone

pytestmark = pytest.mark.servers_like("vllm-omni", "nari")

ONCE = APIConnectOptions(max_retry=0, timeout=10.0)
TEXT = "今天天气很好，我们可以一起去公园散步。"


def make(session: aiohttp.ClientSession, *urls: str, **options: Any) -> TTS:
    options = {"first_byte_timeout": 0.3, "between_bytes_timeout": 0.3, **options}
    return TTS(base_url=list(urls), http_session=session, **options)


async def speak(
    tts: TTS, text: str = TEXT, conn_options: APIConnectOptions = ONCE
) -> np.ndarray[Any, Any]:
    """Speak a whole reply and return its sound; LiveKit's own retries are off."""
    async with tts.stream(conn_options=conn_options) as stream:
        stream.push_text(text)
        stream.end_input()
        data = b"".join([bytes(event.frame.data) async for event in stream])
    return np.frombuffer(data, dtype="<i2")


def does(*steps: bytes | float | None) -> Answer:
    """Write bytes, wait seconds; None resets the connection."""

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter, __: Request) -> None:
        for step in steps:
            if isinstance(step, bytes):
                writer.write(step)
                await writer.drain()
            elif step is not None:
                await asyncio.sleep(step)
            else:
                writer.transport.abort()
                raise ConnectionResetError

    return answer


FOREVER = 3600.0
HANGS = does(FOREVER)


def limits(fault: Answer) -> dict[str, float]:
    """Options of a voice: it gives up soon on a server that never begins its answer.

    The limit holds for the next request, too, which a busy machine may be slow to answer.
    """
    return {"connect_timeout": 0.5} if fault is HANGS else {}


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(does(None), id="reset before the answer"),
        pytest.param(HANGS, id="hang before the answer"),
        pytest.param(does(head(), None), id="reset before the first byte"),
        pytest.param(does(head(), FOREVER), id="hang before the first byte"),
        pytest.param(does(head() + END), id="no audio"),
        pytest.param(does(b"what is this?\r\n\r\n", None), id="no HTTP"),
        pytest.param(refuses("500 Internal Server Error", {"error": {"message": "x"}}), id="500"),
        pytest.param(refuses("503 Service Unavailable", {}), id="503"),
    ],
)
async def test_a_unit_that_fails_unheard_is_asked_once_more(
    start_server: Start, session: aiohttp.ClientSession, fault: Answer
) -> None:
    server = await start_server(fault)
    tts = make(session, server.url, **limits(fault))
    sound = await speak(tts)
    assert sound.size > RATE
    assert server.texts.count(server.texts[0]) == 2
    assert len(server.texts) == len(set(server.texts)) + 1
    await tts.aclose()


@pytest.mark.parametrize(
    ("fault", "error", "sentence"),
    [
        (does(None), APIConnectionError, "broke off its answer"),
        (HANGS, APITimeoutError, "took too long to send the first byte"),
        (does(head() + END), APIConnectionError, "sent no audio"),
        (refuses("500 Oops", {"error": {"message": "engine dead"}}), APIStatusError, "engine dead"),
    ],
)
async def test_a_unit_that_fails_twice_fails_the_reply(
    start_server: Start,
    session: aiohttp.ClientSession,
    fault: Answer,
    error: type[APIError],
    sentence: str,
) -> None:
    server = await start_server(fault, fault)
    tts = make(session, server.url, **limits(fault))
    events: list[Any] = []
    tts.on("error", events.append)
    with pytest.raises(error, match=sentence) as raised:
        await speak(tts, "好的。")
    assert raised.value.retryable
    assert len(server.requests) == 2
    assert [event.recoverable for event in events] == [False]
    await tts.aclose()


@pytest.mark.servers_like("vllm-omni")
@pytest.mark.parametrize(
    ("kind", "data", "sentence"),
    [
        ("text/event-stream", b"event: speech.audio.delta\ndata: {}\n\n", "text/event-stream"),
        ("audio/wav", b"RIFF\0\0\0\0WAVE", "audio/wav"),
        ("audio/mpeg", b"ID3\4", "audio/mpeg"),
        ("text/html", b"<html>", "text/html"),
        ("application/json", b'{"audio": ""}', "application/json"),
        ("audio/pcm", b"RIFF\0\0\0\0WAVE", "a WAV file"),
        ("audio/pcm", b"data: {}\n\n", "server-sent events"),
        ("audio/pcm", b'{"error": {}}', "a JSON error"),
        ("audio/pcm", b"<html>", "an HTML page"),
    ],
)
async def test_the_wrong_format_is_named_and_never_played(
    start_server: Start, session: aiohttp.ClientSession, kind: str, data: bytes, sentence: str
) -> None:
    answer = does(head(kind) + chunk(data) + END)
    server = await start_server(*[answer] * 8)
    tts = make(session, server.url)
    with pytest.raises(APIError, match=f"sent {sentence} where raw PCM was asked"):
        await speak(tts)
    await tts.aclose()


@pytest.mark.parametrize(
    "status", ["400 Bad Request", "401 Unauthorized", "404 Not Found", "422 Unprocessable"]
)
async def test_a_refusal_is_never_repeated(
    start_server: Start, session: aiohttp.ClientSession, status: str
) -> None:
    refusal = refuses(status, {"error": {"message": "unknown voice, try: a, b"}})
    server = await start_server(*[refusal] * 8)
    tts = make(session, server.url)
    with pytest.raises(APIStatusError, match="unknown voice, try: a, b") as raised:
        await speak(tts, "好的。", APIConnectOptions(max_retry=3, retry_interval=0))
    assert not raised.value.retryable
    assert len(server.requests) == 1
    await tts.aclose()


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(lambda audio: does(head() + chunk(audio), 0.05, None), id="reset"),
        pytest.param(lambda audio: does(head() + chunk(audio), FOREVER), id="hang"),
        pytest.param(lambda audio: does(head() + b"ffff\r\n" + audio, 0.05, None), id="cut"),
    ],
)
async def test_a_unit_that_breaks_off_goes_on_from_its_last_word(
    start_server: Start, session: aiohttp.ClientSession, fault: Any
) -> None:
    text = "今天天气很好我们可以一起去公园散步。"
    server = await start_server(says(tone(0.9)), fault(tone(1.0)))
    tts = make(session, server.url)
    async with tts.stream(conn_options=ONCE) as stream:
        stream.push_text(text)
        stream.end_input()
        words = [
            word
            async for event in stream
            for word in event.frame.userdata.get("lk.timed_transcripts", [])
        ]
    assert "".join(words) == text
    starter, broken, *rest = server.texts
    resumed = next(t for t in rest if broken.endswith(t))
    # One second at 4.5 characters a second: four were heard whole, and are not said again.
    assert 3 <= len(broken) - len(resumed) <= 5
    await tts.aclose()


async def test_odd_bytes_are_carried_over(
    start_server: Start, session: aiohttp.ClientSession
) -> None:
    pcm = tone(1.0)
    pieces = [pcm[:1], pcm[1:4], pcm[4:1005], pcm[1005:20_000], pcm[20_000:]]
    server = await start_server(does(head(), *[s for p in pieces for s in (chunk(p), 0.01)], END))
    tts = make(session, server.url)
    sound = await speak(tts, "好的。")
    inside = slice(RATE // 100, RATE // 2)
    assert np.array_equal(sound[inside], np.frombuffer(pcm, dtype="<i2")[inside])
    await tts.aclose()


async def test_a_dripping_server_is_waited_for(
    start_server: Start, session: aiohttp.ClientSession
) -> None:
    pcm = tone(0.4)
    drips = [pcm[i : i + 3840] for i in range(0, len(pcm), 3840)]
    server = await start_server(
        does(0.1, head(), *[s for d in drips for s in (0.1, chunk(d))], END)
    )
    tts = make(session, server.url)
    assert (await speak(tts, "好的。")).size == pytest.approx(0.4 * RATE, abs=RATE // 50)
    assert len(server.requests) == 1
    await tts.aclose()


async def test_a_server_that_is_down_says_so_in_one_sentence(
    unused_tcp_port: int, session: aiohttp.ClientSession
) -> None:
    tts = make(session, f"http://127.0.0.1:{unused_tcp_port}/v1")
    with pytest.raises(APIConnectionError, match="cannot be reached: is it running\\?"):
        await speak(tts)
    await tts.aclose()


async def test_another_server_takes_over(
    start_server: Start, session: aiohttp.ClientSession, unused_tcp_port: int, caplog: Any
) -> None:
    server = await start_server()
    tts = make(session, f"http://127.0.0.1:{unused_tcp_port}/v1", server.url)
    answered: list[Answered] = []
    failed: list[Failed] = []
    tts.on("server_answered", answered.append)
    tts.on("server_failed", failed.append)
    with caplog.at_level(logging.WARNING, "livekit.plugins.qwen3_tts"):
        assert (await speak(tts)).size > RATE
        first = len(caplog.records)
        assert (await speak(tts)).size > RATE
    # The dead one is tried, then left out.
    assert first >= 1
    assert len(caplog.records) == first
    assert {(a.url, a.choice, a.server) for a in answered} == {(server.url, 0, 1)}
    assert (answered[0].instead_of, answered[-1].instead_of) == ("server", None)
    assert {(f.choice, f.server, f.kind) for f in failed} == {(0, 0, "connection")}
    await tts.aclose()


@pytest.mark.servers_like("vllm-omni")
@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ('[{"word": "ok", "start_ms": 100, "end_ms": 900}]', [AlignedWord("ok", 0.1, 0.9)]),
        ("not JSON", []),
        ('{"word": 1}', []),
        (None, []),
    ],
)
async def test_the_words_of_a_forced_aligner(
    start_server: Start,
    session: aiohttp.ClientSession,
    header: str | None,
    expected: list[AlignedWord],
) -> None:
    more = f"X-Word-Timestamps: {header}\r\n" if header else ""
    server = await start_server(does(head(more=more) + chunk(tone(1.0)) + END))
    client = SpeechClient(lambda: session, server.url, {})
    words: list[AlignedWord] = []
    async for _ in client.speech({"input": "ok"}, Deadlines(1, 1, 1), words.extend):
        pass
    assert words == expected
    assert server.requests[0].body == {
        "input": "ok",
        "response_format": "pcm",
        "word_timestamps": True,
    }


@pytest.mark.parametrize("count", [90, 200, 2000, 10_000])
async def test_the_words_of_a_long_unit_are_all_read(
    start_server: Start, session: aiohttp.ClientSession, count: int
) -> None:
    told = [{"word": "well", "start_ms": 90 * i, "end_ms": 90 * i + 80} for i in range(count)]
    more = f"X-Word-Timestamps: {json.dumps(told)}\r\n"
    server = await start_server(does(head(more=more) + chunk(tone(1.0)) + END))
    client = SpeechClient(lambda: session, server.url, {})
    words: list[AlignedWord] = []
    async for _ in client.speech({"input": "well"}, Deadlines(1, 5, 1), words.extend):
        pass
    assert len(words) == count


async def test_units_are_balanced_over_the_servers(
    start_server: Start, session: aiohttp.ClientSession
) -> None:
    slow = says(tone(0.6), every=0.1)
    one, two = await start_server(*[slow] * 50), await start_server(*[slow] * 50)
    tts = make(session, one.url, two.url)
    await asyncio.gather(*(speak(tts, "我们可以一起去。") for _ in range(8)))
    assert len(one.requests) == len(two.requests)
    await tts.aclose()


@pytest.mark.parametrize("moment", ["before the first byte", "amid the audio"])
async def test_closing_ends_the_request_at_once(
    start_server: Start, session: aiohttp.ClientSession, moment: str, record_property: Any
) -> None:
    if moment == "amid the audio":
        answer = does(head(), *[s for _ in range(500) for s in (chunk(tone(0.08)), 0.02)], END)
    else:
        answer = does(FOREVER)
    server = await start_server(answer, answer)
    tts = make(session, server.url, first_byte_timeout=60, between_bytes_timeout=60)
    stream = tts.stream()
    stream.push_text(TEXT)
    stream.end_input()
    # The next unit is asked for once the one before it sounds.
    asked = 2 if moment == "amid the audio" else 1
    while server.running < asked:
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.2)
    begun = time.perf_counter()
    await stream.aclose()
    taken = time.perf_counter() - begun
    while server.running:
        assert time.perf_counter() - begun < 5, "the server was never told"
        await asyncio.sleep(0.001)
    assert server.closed_by_client == asked
    record_property("aclose_ms", round(taken * 1000, 2))
    await tts.aclose()


async def test_nothing_of_an_old_reply_is_heard_in_a_new_one(
    start_server: Start, session: aiohttp.ClientSession
) -> None:
    old = does(head(), *[s for _ in range(500) for s in (chunk(tone(0.08, 0.9)), 0.01)], END)
    server = await start_server(old, old)
    tts = make(session, server.url)
    stream = tts.stream()
    stream.push_text(TEXT)
    stream.end_input()
    async for _ in stream:
        break
    await stream.aclose()
    new = await speak(tts)
    assert new.size > RATE
    assert np.abs(new.astype(int)).max() < 0.5 * 32767
    await tts.aclose()

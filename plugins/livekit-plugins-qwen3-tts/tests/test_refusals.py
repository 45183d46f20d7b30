"""Servers that refuse, run on, keep silent or come back as another: what is still spoken."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import aiohttp
import pytest
from livekit.agents import APIConnectionError, APIConnectOptions, APIStatusError
from livekit.plugins.qwen3_tts import TTS
from livekit.plugins.qwen3_tts.halves import Joiner, whole

from .conftest import END, RATE, Answer, Request, Start, chunk, head, quiet, refuses, says, tone
from .test_faults import FOREVER, ONCE, does, make, speak

pytestmark = pytest.mark.servers_like("vllm-omni", "nari")

THREE = "The first one is here. The second one follows it. The third one is the last."


def answers(status: str, more: str = "") -> Answer:
    """Refuse with further headers."""

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter, __: Request) -> None:
        body = json.dumps({"error": {"message": "not here"}}).encode()
        writer.write(head("application/json", status, more) + chunk(body) + END)

    return answer


async def words_of(tts: TTS, text: str, options: APIConnectOptions = ONCE) -> tuple[float, str]:
    """Speak a reply; the seconds of its sound and its captions."""
    seconds, words = 0.0, ""
    async with tts.stream(conn_options=options) as stream:
        stream.push_text(text)
        stream.end_input()
        async for event in stream:
            seconds += event.frame.duration
            words += "".join(event.frame.userdata.get("lk.timed_transcripts", []))
    return seconds, words


@pytest.mark.parametrize(
    "status",
    [
        "401 Unauthorized",
        "403 Forbidden",
        "404 Not Found",
        "408 Request Timeout",
        "429 Too Many Requests",
        "402 Payment Required",
        "451 Not Here",
        "503 Service Unavailable",
        "500 Internal Server Error",
    ],
)
async def test_a_server_that_refuses_on_its_own_account_silences_nothing(
    start_server: Start, session: aiohttp.ClientSession, status: str
) -> None:
    one = await start_server(*[answers(status)] * 40)
    two = await start_server()
    tts = make(session, one.url, two.url)
    for _ in range(6):
        assert (await speak(tts)).size > RATE
    assert two.texts
    # Its circuit is open: it is tried now and then, not with every unit.
    assert len(one.requests) < len(two.requests)
    await tts.aclose()


async def test_a_busy_server_is_left_alone_for_as_long_as_it_says(
    start_server: Start, session: aiohttp.ClientSession
) -> None:
    server = await start_server(answers("429 Too Many Requests", "Retry-After: 0.2\r\n"))
    tts = make(session, server.url)
    begun = time.perf_counter()
    assert (await speak(tts, "好的。")).size > 0
    assert time.perf_counter() - begun >= 0.2
    assert len(server.requests) == 2
    await tts.aclose()


@pytest.mark.parametrize("more", ["", "Retry-After: soon\r\n", "Retry-After: -1\r\n"])
async def test_a_busy_server_that_does_not_say_how_long_is_asked_again_soon(
    start_server: Start, session: aiohttp.ClientSession, more: str
) -> None:
    server = await start_server(answers("429 Too Many Requests", more))
    tts = make(session, server.url)
    assert (await speak(tts, "好的。")).size > 0
    await tts.aclose()


async def test_a_server_that_is_busy_for_long_is_not_waited_for(
    start_server: Start, session: aiohttp.ClientSession
) -> None:
    server = await start_server(*[answers("429 Too Many Requests", "Retry-After: 600\r\n")] * 9)
    tts = make(session, server.url)
    with pytest.raises(APIStatusError):
        await speak(tts, "好的。")
    assert len(server.requests) == 1
    await tts.aclose()


@pytest.mark.parametrize("status", ["429 Too Many Requests", "503 Service Unavailable"])
async def test_the_next_reply_keeps_to_what_a_server_asked_for(
    start_server: Start, session: aiohttp.ClientSession, status: str
) -> None:
    server = await start_server(answers(status, "Retry-After: 2\r\n"))
    tts = make(session, server.url)
    begun = time.perf_counter()
    # Not within this reply's deadline, but within the next one's.
    with pytest.raises(APIStatusError):
        await speak(tts, "好的。", APIConnectOptions(max_retry=0, timeout=1.0))
    assert time.perf_counter() - begun < 0.9
    assert (await speak(tts, "好的。")).size > 0
    assert time.perf_counter() - begun >= 2.0
    assert len(server.requests) == 2
    await tts.aclose()


@pytest.mark.parametrize("status", ["429 Too Many Requests", "503 Service Unavailable"])
async def test_another_server_is_asked_before_a_busy_one_is_waited_for(
    start_server: Start, session: aiohttp.ClientSession, status: str
) -> None:
    busy = answers(status, "Retry-After: 3\r\n")
    one, two = await start_server(*[busy] * 9), await start_server()
    tts = make(session, one.url, two.url)
    begun = time.perf_counter()
    for _ in range(3):
        assert (await speak(tts, "好的。")).size > 0
    assert time.perf_counter() - begun < 2.0
    assert len(one.requests) <= 1
    await tts.aclose()


async def test_a_text_that_is_refused_is_not_taken_elsewhere(
    start_server: Start, session: aiohttp.ClientSession
) -> None:
    bad = refuses("400 Bad Request", {"error": {"message": "bad text"}})
    one, two = await start_server(*[bad] * 9), await start_server(*[bad] * 9)
    tts = make(session, one.url, two.url)
    with pytest.raises(APIStatusError, match="bad text"):
        await speak(tts, "好的。")
    assert len(one.requests) + len(two.requests) == 1
    await tts.aclose()


@pytest.mark.servers_like("vllm-omni")
@pytest.mark.parametrize("status", ["404 Not Found", "400 Bad Request"])
async def test_a_server_come_back_with_another_model_is_asked_for_that(
    start_server: Start, session: aiohttp.ClientSession, status: str
) -> None:
    server = await start_server()
    tts = make(session, server.url)
    await speak(tts, "好的。")
    server.model = "m2"
    server.script = [refuses(status, {"error": {"message": "The model `m` does not exist"}})]
    for _ in range(2):
        assert (await speak(tts, "好的。")).size > 0
    assert [r.body["model"] for r in server.requests] == ["qwen3-tts", "qwen3-tts", "m2", "m2"]
    await tts.aclose()


async def test_a_model_that_is_still_listed_is_looked_up_once(
    start_server: Start, session: aiohttp.ClientSession
) -> None:
    gone = refuses("404 Not Found", {"error": {"message": "The model `m` does not exist"}})
    server = await start_server(*[gone] * 9)
    tts = make(session, server.url)
    with pytest.raises(APIStatusError, match="does not exist"):
        await speak(tts, "好的。")
    assert len(server.requests) == 1
    await tts.aclose()


@pytest.mark.servers_like("vllm-omni")
async def test_a_voice_of_a_style_that_is_gone_falls_back_to_the_first(
    start_server: Start, session: aiohttp.ClientSession
) -> None:
    server = await start_server()
    tts = make(session, server.url)
    text = '<style voice="ryan">好的。</style>'
    await speak(tts, text)
    if server.requests[-1].body.get("voice") != "ryan":
        pytest.fail("the style's voice is not asked for")
    server.voices = ["vivian"]
    server.script = [refuses("400 Bad Request", {"error": {"message": "unknown voice ryan"}})]
    assert (await speak(tts, text)).size > 0
    assert "voice" not in server.requests[-1].body
    await tts.aclose()


@pytest.mark.parametrize(
    ("fault", "times"),
    [
        pytest.param(refuses("400 Bad Request", {"error": {"message": "x"}}), 1, id="400"),
        pytest.param(refuses("422 Unprocessable", {"error": {"message": "x"}}), 1, id="422"),
        pytest.param(refuses("500 Oops", {"error": {"message": "x"}}), 2, id="500"),
        pytest.param(does(head() + END), 2, id="no audio"),
        pytest.param(says(quiet(1.0)), 2, id="silence"),
        pytest.param(does(None), 2, id="reset"),
        pytest.param(does(head() + chunk(tone(0.3)), 0.02, None), 2, id="broken off twice"),
    ],
)
async def test_a_sentence_that_cannot_be_spoken_is_the_only_one_lost(
    start_server: Start, session: aiohttp.ClientSession, fault: Answer, times: int
) -> None:
    sentence = "Second one follows it closely and well."

    async def answer(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: Request
    ) -> None:
        text = request.body["input"]
        part = text in sentence or any(word in text for word in ("follows", "closely"))
        await (fault if part else says(tone(0.05 * len(text))))(reader, writer, request)

    server = await start_server(*[answer] * 40)
    tts = make(session, server.url)
    errors: list[Any] = []
    tts.on("error", errors.append)
    text = f"The first one is here now. {sentence} The third one is the last. And a fourth one."
    seconds, words = await words_of(tts, text)
    assert "first one is here now" in words
    assert words.rstrip().endswith("And a fourth one.")
    assert "closely and well" not in words
    assert seconds > 2.0
    assert {e.recoverable for e in errors} == {True}
    assert sum("follows" in t for t in server.texts) <= times
    await tts.aclose()


async def test_a_server_that_dies_in_a_reply_is_not_asked_for_the_rest_of_it(
    start_server: Start, session: aiohttp.ClientSession
) -> None:
    server = await start_server(says(tone(0.9)), *[does(None)] * 40)
    tts = make(session, server.url)
    with pytest.raises(APIConnectionError):
        await speak(tts, THREE)
    assert len(server.requests) <= 5
    await tts.aclose()


@pytest.mark.parametrize(
    "rest",
    [
        pytest.param(quiet(1.5), id="room tone"),
        pytest.param(tone(2.0), id="babble"),
    ],
)
async def test_a_voice_that_runs_to_its_budget_says_no_word_twice(
    start_server: Start, session: aiohttp.ClientSession, rest: bytes
) -> None:
    ran_on = does(head() + chunk(tone(2.2)) + chunk(rest), 0.05, None)
    server = await start_server(ran_on, ran_on)
    tts = make(session, server.url)
    text = "We open again at nine."
    _, words = await words_of(tts, text)
    assert words == text
    assert len(server.requests) == len(set(server.texts))
    await tts.aclose()


async def test_a_voice_that_runs_on_in_each_sentence_loses_none(
    start_server: Start, session: aiohttp.ClientSession
) -> None:
    async def answer(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: Request
    ) -> None:
        sound = tone(0.09 * len(request.body["input"]))
        await does(head() + chunk(sound) + chunk(quiet(1.5)), 0.05, None)(reader, writer, request)

    server = await start_server(*[answer] * 40)
    tts = make(session, server.url)
    _, words = await words_of(tts, THREE)
    assert words == THREE
    assert len(server.texts) == len(set(server.texts))
    await tts.aclose()


async def test_a_silent_take_is_taken_again(
    start_server: Start, session: aiohttp.ClientSession
) -> None:
    server = await start_server(says(quiet(0.8)))
    tts = make(session, server.url)
    assert (await speak(tts, "好的。")).size > RATE // 10
    assert len(server.requests) == 2
    await tts.aclose()


@pytest.mark.parametrize(
    "take", [says(quiet(0.8)), says(quiet(0.1), quiet(0.1)), says(b"\1\0" * 9)]
)
async def test_a_voice_that_is_always_silent_is_an_error(
    start_server: Start, session: aiohttp.ClientSession, take: Answer
) -> None:
    server = await start_server(*[take] * 40)
    tts = make(session, server.url)
    with pytest.raises(APIConnectionError, match="sent no audio"):
        await speak(tts, THREE)
    await tts.aclose()


async def test_another_server_speaks_what_one_is_silent_about(
    start_server: Start, session: aiohttp.ClientSession
) -> None:
    one, two = await start_server(*[says(quiet(0.5))] * 40), await start_server()
    tts = make(session, one.url, two.url)
    _, words = await words_of(tts, THREE)
    assert words == THREE
    await tts.aclose()


@pytest.mark.servers_like("vllm-omni")
@pytest.mark.parametrize("deaf", [True, False])
@pytest.mark.parametrize(
    ("options", "told", "most"),
    [
        (APIConnectOptions(timeout=1.0, max_retry=0), [False], 2.0),
        (
            APIConnectOptions(timeout=0.3, max_retry=2, retry_interval=0.0),
            [True, True, False],
            3.0,
        ),
    ],
)
async def test_a_black_hole_ends_at_livekits_limit(
    start_server: Start,
    session: aiohttp.ClientSession,
    deaf: bool,
    options: APIConnectOptions,
    told: list[bool],
    most: float,
) -> None:
    # All of it is one, or only the voice is.
    server = await start_server(*[does(FOREVER)] * 40, deaf=deaf)
    for streamed in (True, False):
        tts = TTS(base_url=server.url, http_session=session)
        errors: list[Any] = []
        tts.on("error", errors.append)
        begun = time.perf_counter()
        speaking = (
            words_of(tts, THREE, options)
            if streamed
            else tts.synthesize(THREE, conn_options=options).collect()
        )
        with pytest.raises(APIConnectionError):
            await speaking
        assert time.perf_counter() - begun <= most
        assert [e.recoverable for e in errors] == told
        await tts.aclose()


async def test_a_black_hole_is_left_for_another_server_within_the_limit(
    start_server: Start, session: aiohttp.ClientSession
) -> None:
    one, two = await start_server(*[does(FOREVER)] * 9), await start_server()
    tts = TTS(base_url=[one.url, two.url], http_session=session)
    options = APIConnectOptions(timeout=2.0, max_retry=0)
    begun = time.perf_counter()
    _, words = await words_of(tts, "好的。", options)
    assert words == "好的。"
    assert time.perf_counter() - begun < 2.2
    await tts.aclose()


def test_halves_are_joined_across_pieces() -> None:
    joiner = Joiner()
    pieces = ["Hi ", "\ud83d", "\ude00", " a\ud83d", "b", "\ud83d"]
    assert "".join(map(joiner.push, pieces)) + joiner.flush() == "Hi 😀 a\ufffdb\ufffd"
    assert whole("好😀") == "好😀"


@pytest.mark.parametrize(
    "pieces",
    [
        ["Hi \ud83d there my friend."],
        ["Great news for all \ud83d", "\ude00 of you."],
        ["\ude00 Well then.", " Good."],
        ["It ends here. \ud83d"],
    ],
)
async def test_half_a_character_is_never_sent(
    start_server: Start, session: aiohttp.ClientSession, pieces: list[str]
) -> None:
    server = await start_server()
    tts = make(session, server.url)
    words = ""
    async with tts.stream(conn_options=ONCE) as stream:
        for piece in pieces:
            stream.push_text(piece)
        stream.end_input()
        async for event in stream:
            words += "".join(event.frame.userdata.get("lk.timed_transcripts", []))
    for text in (words, *server.texts):
        text.encode()
    assert words == whole("".join(pieces))
    await tts.synthesize("".join(pieces), conn_options=ONCE).collect()
    for text in server.texts:
        text.encode()
    await tts.aclose()

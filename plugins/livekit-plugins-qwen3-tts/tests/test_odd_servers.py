"""Servers that refuse in their own words, never stop, or send what is not raw PCM."""

from __future__ import annotations

import asyncio
import time

import aiohttp
import pytest
from livekit.agents import APIError, APIStatusError
from livekit.plugins.qwen3_tts import TTS
from livekit.plugins.qwen3_tts.discovery import ServerInfo

from .conftest import END, Answer, Request, Start, chunk, head, quiet, refuses, says, tone
from .test_faults import does, make, speak
from .test_refusals import THREE, answers, words_of

pytestmark = pytest.mark.servers_like("vllm-omni", "nari")


@pytest.mark.parametrize(
    "status",
    ["409 Conflict", "413 Too Large", "415 Unsupported", "431 Headers", "499 Closed", "529 Busy"],
)
async def test_a_server_that_refuses_is_left_for_another(
    start_server: Start, session: aiohttp.ClientSession, status: str
) -> None:
    one, two = await start_server(*[answers(status)] * 40), await start_server()
    tts = make(session, one.url, two.url)
    _, words = await words_of(tts, THREE)
    assert words == THREE
    await tts.aclose()


@pytest.mark.parametrize("status", ["409 Conflict", "499 Closed", "520 Odd"])
async def test_a_refusal_that_a_moment_cures_costs_no_word(
    start_server: Start, session: aiohttp.ClientSession, status: str
) -> None:
    server = await start_server(answers(status))
    tts = make(session, server.url)
    _, words = await words_of(tts, "好的。")
    assert words == "好的。"
    await tts.aclose()


async def test_a_server_that_ends_each_request_itself_is_an_error(
    start_server: Start, session: aiohttp.ClientSession
) -> None:
    # LiveKit ends a stream on 499 without a word of why.
    server = await start_server(*[answers("499 Client Closed Request")] * 9)
    tts = make(session, server.url)
    with pytest.raises(APIStatusError, match="499"):
        await words_of(tts, "好的。")
    await tts.aclose()


@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"error":"\xff"}', b"[1]", b"null", b"5"])
async def test_an_error_that_cannot_be_read_is_one_like_any_other(
    start_server: Start, session: aiohttp.ClientSession, body: bytes
) -> None:
    failed = does(head("application/json", "500 Oops") + chunk(body) + END)
    server = await start_server(failed)
    tts = make(session, server.url)
    _, words = await words_of(tts, "好的。")
    assert words == "好的。"
    await tts.aclose()


def endless(first: bytes, rest: bytes) -> Answer:
    """Say something, and go on with something else for ever."""

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter, __: Request) -> None:
        writer.write(head() + chunk(first))
        while True:
            writer.write(chunk(rest))
            await writer.drain()
            await asyncio.sleep(0.005)

    return answer


NOISE = bytes(range(0, 40, 2)) * 2400
FAINT = b"\x20\0\xe0\xff" * 12_000


@pytest.mark.parametrize("rest", [quiet(1.0), FAINT, NOISE, tone(1.0)])
async def test_a_voice_without_an_end_is_ended(
    start_server: Start, session: aiohttp.ClientSession, rest: bytes
) -> None:
    server = await start_server(endless(tone(1.8), rest))
    tts = make(session, server.url)
    begun = time.perf_counter()
    seconds, words = await words_of(tts, f"We open again at nine. {THREE}")
    assert words == f"We open again at nine. {THREE}"
    assert seconds < 40.0
    assert time.perf_counter() - begun < 10.0
    assert len(server.texts) == len(set(server.texts))
    await tts.aclose()


@pytest.mark.parametrize("room", [quiet(1.0), FAINT])
async def test_a_server_that_is_silent_for_ever_is_asked_again(
    start_server: Start, session: aiohttp.ClientSession, room: bytes
) -> None:
    server = await start_server(endless(b"", room))
    tts = make(session, server.url)
    _, words = await words_of(tts, "好的。")
    assert words == "好的。"
    assert len(server.requests) == 2
    await tts.aclose()


@pytest.mark.parametrize(
    ("pieces", "sentence"),
    [
        ([b'{"e', b'rror": {"message":"x"}}'], "a JSON error"),
        ([b'\n{ "error": 1}'], "a JSON error"),
        ([b'{"message":"x"}'], "a JSON error"),
        ([b'{"object":"error"}'], "a JSON error"),
        ([b"<", b"html>"], "an HTML page"),
        ([b" <HTML>x</html>"], "an HTML page"),
        ([b"<!doctype html>"], "an HTML page"),
        ([b"da", b"ta: {}\n\n"], "server-sent events"),
        ([b"RI", b"FF\0\0\0\0WAVEfmt \0"], "a WAV file"),
        ([b"RF64\xff\xff\xff\xffWAVE"], "a WAV file"),
        ([b"\0\0\0\x18ftypmp42" + bytes(400)], "an MP4 file"),
        ([b"\x1a\x45\xdf\xa3" + bytes(400)], "a WebM file"),
        ([b"Internal Server Error"], "text"),
        ([b"busy"], "text"),
    ],
)
async def test_what_is_no_pcm_is_never_played(
    start_server: Start, session: aiohttp.ClientSession, pieces: list[bytes], sentence: str
) -> None:
    steps = [step for piece in pieces for step in (chunk(piece), 0.01)]
    server = await start_server(*[does(head(), *steps, END)] * 8)
    tts = make(session, server.url)
    with pytest.raises(APIError, match=f"sent {sentence} where raw PCM was asked"):
        await speak(tts)
    await tts.aclose()


@pytest.mark.parametrize(
    "kind",
    ["audio/x-raw", "audio/x-pcm", "audio/s16le", "binary/octet-stream", "audio/pcm;rate=24000"],
)
async def test_raw_sound_by_any_name_is_played(
    start_server: Start, session: aiohttp.ClientSession, kind: str
) -> None:
    server = await start_server(does(head(kind) + chunk(tone(0.5)) + END))
    tts = make(session, server.url)
    assert (await speak(tts, "好的。")).size > 0
    assert len(server.requests) == 1
    await tts.aclose()


async def test_sound_of_another_rate_is_not_played_too_high(
    start_server: Start, session: aiohttp.ClientSession
) -> None:
    slow = does(head("audio/pcm; rate=16000") + chunk(tone(0.5)) + END)
    server = await start_server(*[slow] * 8)
    tts = make(session, server.url)
    with pytest.raises(APIError, match="of 16000 Hz where raw PCM"):
        await speak(tts, "好的。")
    await tts.aclose()


@pytest.mark.parametrize("status", ["201 Created", "206 Partial Content"])
async def test_any_success_is_one(
    start_server: Start, session: aiohttp.ClientSession, status: str
) -> None:
    server = await start_server(does(head(status=status) + chunk(tone(0.5)) + END))
    tts = make(session, server.url)
    assert (await speak(tts, "好的。")).size > 0
    assert len(server.requests) == 1
    await tts.aclose()


async def test_no_content_is_asked_again(
    start_server: Start, session: aiohttp.ClientSession
) -> None:
    server = await start_server(does(b"HTTP/1.1 204 No Content\r\n\r\n"), says(tone(0.5)))
    tts = make(session, server.url)
    assert (await speak(tts, "好的。")).size > 0
    await tts.aclose()


@pytest.mark.parametrize(
    "listed", [("zh", "en"), ("zh-CN",), ("zh_cn",), ("Chinese",), ("CHINESE",)]
)
def test_languages_may_be_listed_by_their_tags(listed: tuple[str, ...]) -> None:
    ServerInfo(languages=listed).check(model=None, voice=None, language="Chinese")
    with pytest.raises(APIError, match="has no language"):
        ServerInfo(languages=listed).check(model=None, voice=None, language="German")


async def test_a_description_that_cannot_be_read_costs_no_word(
    start_server: Start, session: aiohttp.ClientSession
) -> None:
    server = await start_server()

    async def deep(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(head("application/json") + chunk(b"[" * 100_000) + END)
        await writer.drain()
        writer.close()

    listener = await asyncio.start_server(deep, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    tts = make(session, f"http://127.0.0.1:{port}/v1", server.url)
    _, words = await words_of(tts, "好的。")
    assert words == "好的。"
    await tts.aclose()
    listener.close()


async def test_a_text_of_its_own_is_still_refused(
    start_server: Start, session: aiohttp.ClientSession
) -> None:
    server = await start_server(*[refuses("422 Unprocessable", {"detail": "no"})] * 4)
    tts: TTS = make(session, server.url)
    with pytest.raises(APIStatusError, match="no"):
        await speak(tts, "好的。")
    assert len(server.requests) == 1
    await tts.aclose()

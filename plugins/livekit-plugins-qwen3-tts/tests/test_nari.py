"""A voice behind nari-qwen3-tts: what it is asked, what it cannot do, how its failures sound."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import pytest
from livekit.agents import APIConnectOptions, APIError, APIStatusError
from livekit.plugins.qwen3_tts import TTS
from livekit.plugins.qwen3_tts.client import Deadlines, SpeechClient

from .conftest import (
    RATE,
    Answer,
    FaultServer,
    Request,
    Start,
    chunk,
    head,
    quiet,
    says,
    speaks,
    tone,
)
from .nari import NariServer
from .test_faults import ONCE, make, speak
from .test_refusals import THREE, words_of

pytestmark = pytest.mark.servers_like("nari")


def dies(server: NariServer, *sound: bytes) -> Answer:
    """Say something, and then fail as an engine does whose cache is full, for good."""

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter, __: Request) -> None:
        writer.write(head())
        for data in sound:
            writer.write(chunk(data))
        await writer.drain()
        await asyncio.sleep(0.05)
        server.die()

    return answer


async def test_it_is_asked_in_its_own_way(
    start_server: Start, session: aiohttp.ClientSession
) -> None:
    server = await start_server()
    tts = TTS(
        base_url=server.url,
        voice="Vivian",
        language="zh",
        instructions="warmly",
        task_type="CustomVoice",
        http_session=session,
    )
    for _ in range(3):
        assert (await speak(tts, "好的。")).size > RATE // 10
    body = server.requests[0].body
    assert 0 <= body.pop("seed") < 2**31
    assert body == {
        "input": "好的。",
        "model": "qwen3-tts",
        "voice": "Vivian",
        "language": "Chinese",
        "instructions": "warmly",
        "non_streaming_mode": True,
        "max_new_tokens": 67,
        "response_format": "pcm",
        "stream": True,
    }
    # One question told which engine it is.
    assert [request.body["stream_format"] for request in server.refused] == ["audio"]
    await tts.aclose()


async def test_a_take_is_never_the_same_again(
    start_server: Start, session: aiohttp.ClientSession
) -> None:
    server = await start_server(says(quiet(0.8)))
    tts = make(session, server.url)
    await speak(tts, "好的。")
    one, two = (request.body for request in server.requests)
    assert one["input"] == two["input"]
    assert one["seed"] != two["seed"]
    await tts.aclose()
    tts = make(session, server.url, extra_body={"seed": 7, "temperature": 0.5})
    await speak(tts, "好的。")
    body = server.requests[-1].body
    assert (body["seed"], body["temperature"]) == (7, 0.5)
    await tts.aclose()


@pytest.mark.parametrize(("asked", "sent"), [(67, 67), (4096, 600)])
async def test_no_unit_may_fill_its_cache(
    start_server: Start, session: aiohttp.ClientSession, asked: int, sent: int
) -> None:
    server = await start_server()
    client = SpeechClient(lambda: session, server.url, {})
    async for _ in client.speech({"input": "ok", "max_new_tokens": asked}, Deadlines(1, 1, 1)):
        pass
    assert [request.body["max_new_tokens"] for request in server.requests] == [sent]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"ref_audio": b"RIFFwav", "ref_text": "It is me."}, "which clones no voice"),
        ({"speaker_embedding": [0.5]}, "which clones no voice"),
        ({"task_type": "Base"}, "which clones no voice"),
        ({"task_type": "VoiceDesign", "instructions": "An old man."}, "which designs no voice"),
        ({"model": "Qwen/Qwen3-TTS-12Hz-0.6B-CustomVoice"}, "has no model '.*0.6B-CustomVoice'"),
        ({"voice": "Bob"}, "refused with 422: unsupported speaker: 'Bob'"),
        ({"extra_body": {"speed": 1.5}}, "refused with 422: Qwen3-TTS speed is fixed at 1.0"),
        ({"extra_body": {"top": 1}}, "refused with 422: top: Extra inputs are not permitted"),
        ({"extra_body": {"seed": "x"}}, "refused with 422: seed: Input should be a valid int"),
    ],
)
async def test_what_it_cannot_do_is_said_in_one_sentence_and_never_asked_again(
    start_server: Start, session: aiohttp.ClientSession, options: dict[str, Any], sentence: str
) -> None:
    server = await start_server()
    tts = make(session, server.url, **options)
    patient = APIConnectOptions(max_retry=3, retry_interval=0)
    for _ in range(2):
        with pytest.raises(APIError, match=sentence) as raised:
            await speak(tts, "好的。", patient)
        assert not raised.value.retryable
    assert not server.requests
    assert len(server.refused) <= 4
    await tts.aclose()


async def test_it_takes_no_recording(start_server: Start, session: aiohttp.ClientSession) -> None:
    server = await start_server()
    tts = make(session, server.url)
    with pytest.raises(APIStatusError, match="has no /audio/voices: it clones no voice"):
        await tts.upload_voice("me", b"RIFFwav", consent="c-1")
    await tts.aclose()


async def test_the_plugin_times_words_where_there_is_no_aligner(
    start_server: Start, session: aiohttp.ClientSession
) -> None:
    server = await start_server()
    tts = make(session, server.url, word_timestamps=True)
    _, words = await words_of(tts, THREE)
    assert words == THREE
    await tts.aclose()


async def test_a_dead_engine_is_waited_for_until_it_is_restarted(
    start_server: Start, session: aiohttp.ClientSession
) -> None:
    server: NariServer = await start_server()
    server.script = [says(tone(0.9)), dies(server, tone(0.5))]
    tts = make(session, server.url)
    asyncio.get_running_loop().call_later(1.0, server.restart)
    seconds, words = await words_of(tts, THREE, APIConnectOptions(max_retry=3, retry_interval=0.5))
    assert words == THREE
    assert seconds > 2.0
    refusals = [r for r in server.refused if "stream_format" not in r.body]
    assert refusals  # while it was dead
    await tts.aclose()


async def test_an_engine_that_stays_dead_is_named(
    start_server: Start, session: aiohttp.ClientSession
) -> None:
    server = await start_server(dead=True)
    tts = make(session, server.url)
    with pytest.raises(APIStatusError, match="503: .* not ready: service_failed") as raised:
        await speak(tts, "好的。")
    assert raised.value.retryable
    await tts.aclose()


@pytest.mark.parametrize("first", ["nari", "vllm-omni"])
async def test_each_engine_takes_over_from_the_other(
    start_server: Start, session: aiohttp.ClientSession, first: str
) -> None:
    second = "vllm-omni" if first == "nari" else "nari"
    one, two = await start_server(engine=first), await start_server(engine=second)

    async def fails(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: Request
    ) -> None:
        if isinstance(one, NariServer):
            await dies(one, tone(0.5))(reader, writer, request)
        else:
            writer.write(head() + chunk(tone(0.5)))
            await writer.drain()
            await asyncio.sleep(0.05)
            writer.transport.abort()
            raise ConnectionResetError

    one.script = [says(tone(0.9)), *[fails] * 20]
    tts = make(session, one.url, two.url)
    errors: list[Any] = []
    tts.on("error", errors.append)
    for _ in range(2):
        seconds, words = await words_of(tts, THREE)
        assert words == THREE
        assert seconds > 2.0
    assert one.requests
    assert two.requests
    assert tts.answered_by == two.url
    assert not errors
    await tts.aclose()


async def test_a_voice_to_clone_is_asked_of_the_engine_that_can(
    start_server: Start, session: aiohttp.ClientSession
) -> None:
    nari = await start_server()
    omni: FaultServer = await start_server(engine="vllm-omni")
    tts = make(session, nari.url, omni.url, ref_audio=b"RIFFwav", ref_text="It is me.")
    _, words = await words_of(tts, THREE)
    assert words == THREE
    assert not nari.requests
    assert {request.body["ref_text"] for request in omni.requests} == {"It is me."}
    await tts.aclose()


@pytest.mark.parametrize("options", [{"model": "m2"}, {"voice": "Me"}])
async def test_a_name_that_it_does_not_have_is_asked_of_another(
    start_server: Start, session: aiohttp.ClientSession, options: dict[str, str]
) -> None:
    omni = await start_server(engine="vllm-omni", model="m2", voices=["me"])
    nari = await start_server()
    # What the first lists is taken to hold for both.
    tts = make(session, omni.url, nari.url, **options)
    _, words = await words_of(tts, THREE)
    assert words == THREE
    assert not nari.requests
    await tts.aclose()


async def test_what_is_too_much_for_it_waits(
    start_server: Start, session: aiohttp.ClientSession
) -> None:
    server: NariServer = await start_server(capacity=1)
    tts = make(session, server.url)
    heard = await asyncio.gather(*(words_of(tts, THREE) for _ in range(2)))
    assert [words for _, words in heard] == [THREE, THREE]
    busy = [r for r in server.refused if "stream_format" not in r.body]
    assert busy
    await tts.aclose()


async def test_a_place_that_an_interruption_leaves_late_is_waited_for(
    start_server: Start, session: aiohttp.ClientSession
) -> None:
    server: NariServer = await start_server(capacity=1, lingers=0.3)
    server.script = [says(*[tone(0.2)] * 200, every=0.02)]
    tts = make(session, server.url)
    stream = tts.stream(conn_options=ONCE)
    stream.push_text("好的。")
    stream.end_input()
    async for _ in stream:
        break
    await stream.aclose()
    assert server.active == 1
    _, words = await words_of(tts, "好的。")
    assert words == "好的。"
    assert server.closed_by_client == 1
    await tts.aclose()


async def test_another_engine_at_its_address_is_known_by_its_answer(
    start_server: Start, session: aiohttp.ClientSession
) -> None:
    server: NariServer = await start_server()
    tts = make(session, server.url)
    await speak(tts, "好的。")
    server.replaced = True
    for _ in range(2):
        assert (await speak(tts, "好的。")).size > 0
    assert server.requests[-1].body["stream_format"] == "audio"
    # And back.
    server.replaced = False
    server.script = [speaks]
    assert (await speak(tts, "好的。")).size > 0
    assert server.requests[-1].body["stream"] is True
    await tts.aclose()

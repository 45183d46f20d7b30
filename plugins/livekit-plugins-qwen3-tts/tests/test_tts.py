"""The plugin as LiveKit uses it."""

from __future__ import annotations

import ast
import asyncio
import gc
from importlib.resources import files
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from livekit.agents import APIConnectOptions, APIError, Plugin
from livekit.agents.metrics import TTSMetrics
from livekit.plugins import qwen3_tts
from livekit.plugins.qwen3_tts import TTS, UnitSent

from .conftest import RATE, Start, refuses, says, tone

pytestmark = pytest.mark.servers_like("vllm-omni", "nari")

ONCE = APIConnectOptions(max_retry=0)


def test_exports() -> None:
    assert qwen3_tts.__all__ == [
        "MARKUP_INSTRUCTIONS",
        "TTS",
        "Answered",
        "ChunkedStream",
        "Failed",
        "FaultKind",
        "Segmenter",
        "SpokenWord",
        "Style",
        "StyleParser",
        "SynthesizeStream",
        "TTSLanguages",
        "TTSModels",
        "TTSVoices",
        "TaskType",
        "UnitSent",
        "__version__",
        "segment",
        "strip_style",
    ]
    assert all(hasattr(qwen3_tts, name) for name in qwen3_tts.__all__)
    assert (files(qwen3_tts) / "py.typed").is_file()


def test_the_plugin_is_registered() -> None:
    (plugin,) = [p for p in Plugin.registered_plugins if p.package == "livekit.plugins.qwen3_tts"]
    assert plugin.version == qwen3_tts.__version__


def test_the_plugin_stands_alone() -> None:
    for source in Path(qwen3_tts.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(source.read_text())):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module or ""]
            assert not any(name.split(".")[0] == "agent" for name in names), source


async def collect(stream: Any) -> tuple[float, list[Any]]:
    seconds, words = 0.0, []
    async for event in stream:
        seconds += event.frame.duration
        words += event.frame.userdata.get("lk.timed_transcripts", [])
    return seconds, words


@pytest.mark.servers_like("vllm-omni")
async def test_a_stream(start_server: Start, session: aiohttp.ClientSession) -> None:
    server = await start_server()
    tts = TTS(base_url=server.url, voice="Vivian", language="zh", http_session=session)
    text = "你好，我是小助手。今天天气很好！"
    async with tts.stream() as stream:
        for character in text:
            stream.push_text(character)
            await asyncio.sleep(0)
        stream.end_input()
        seconds, words = await collect(stream)
    assert seconds > 1.0
    assert "".join(words) == text
    assert words[-1].end_time == pytest.approx(seconds, abs=0.02)
    assert [request.body for request in server.requests][0] == {
        "input": "你好，",
        "model": "qwen3-tts",
        "voice": "Vivian",
        "language": "Chinese",
        "non_streaming_mode": True,
        "max_new_tokens": 67,
        "response_format": "pcm",
        "stream_format": "audio",
    }
    await tts.aclose()


async def test_each_unit_is_told_of_as_it_is_sent_with_the_reply_that_it_belongs_to(
    start_server: Start, session: aiohttp.ClientSession
) -> None:
    # The first request fails unheard and is sent again: one unit all the same.
    server = await start_server(refuses("503 Service Unavailable", {}))
    tts = TTS(base_url=server.url, http_session=session)
    told: list[UnitSent] = []
    tts.on("unit_sent", told.append)
    texts = ["Hello there, I paid $3 today. It rains.", "你好，我是小助手。今天天气很好！"]
    async with tts.stream() as one, tts.stream() as other:
        streams = [one, other]
        for stream, text in zip(streams, texts, strict=True):
            stream.push_text(text)
            stream.end_input()
        await asyncio.gather(*map(collect, streams))
    assert len(server.texts) == len(told) + 1
    assert {event.text for event in told} == set(server.texts)
    for stream, part in zip(streams, ("three dollars", "天气"), strict=True):
        units = [event for event in told if event.stream is stream]
        assert [event.index for event in units] == list(range(len(units)))
        assert [event.starter for event in units] == [True] + [False] * (len(units) - 1)
        assert len(units) > 1
        assert part in "".join(event.text for event in units)
    await tts.aclose()


async def test_a_text_at_once(start_server: Start, session: aiohttp.ClientSession) -> None:
    server = await start_server()
    tts = TTS(base_url=server.url, http_session=session)
    frame = await tts.synthesize("Hello there, how are you today?").collect()
    assert frame.sample_rate == RATE
    assert frame.num_channels == 1
    assert frame.duration == pytest.approx(0.08 * sum(map(len, server.texts)) + 0.12, abs=0.2)
    await tts.aclose()


async def test_metrics(start_server: Start, session: aiohttp.ClientSession) -> None:
    server = await start_server()
    tts = TTS(base_url=server.url, http_session=session)
    seen: list[Any] = []
    tts.on("metrics_collected", seen.append)
    text = "今天天气很好。"
    async with tts.stream() as stream:
        stream.push_text(text)
        stream.end_input()
        seconds, _ = await collect(stream)
    async with tts.synthesize(text) as stream:
        await collect(stream)
    streamed, whole = seen
    assert isinstance(streamed, TTSMetrics)
    assert (streamed.streamed, whole.streamed) == (True, False)
    for metrics in seen:
        assert metrics.characters_count == len(text)
        assert 0 < metrics.ttfb <= metrics.duration
        assert metrics.audio_duration == pytest.approx(seconds, abs=0.02)
        assert not metrics.cancelled
        assert metrics.metadata.model_name == "qwen3-tts"
    await tts.aclose()


async def test_an_empty_reply(start_server: Start, session: aiohttp.ClientSession) -> None:
    server = await start_server()
    tts = TTS(base_url=server.url, http_session=session)
    for text in ("", "  \n", "😀"):
        async with tts.stream(conn_options=ONCE) as stream:
            stream.push_text(text)
            stream.end_input()
            await collect(stream)
    assert not server.requests
    await tts.aclose()


async def test_a_server_that_fails_for_a_moment_is_tried_again_by_livekit(
    start_server: Start, session: aiohttp.ClientSession
) -> None:
    down = refuses("503 Service Unavailable", {})
    server = await start_server(down, down)
    tts = TTS(base_url=server.url, http_session=session)
    errors: list[Any] = []
    tts.on("error", errors.append)
    async with tts.stream() as stream:
        stream.push_text("好的。")
        stream.end_input()
        seconds, _ = await collect(stream)
    assert seconds > 0
    assert [error.recoverable for error in errors] == [True]
    await tts.aclose()


@pytest.mark.servers_like("vllm-omni")
@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"voice": "Bob"}, "no voice 'Bob'; it has: vivian, ryan"),
        ({"model": "other"}, "no model 'other'; it has: qwen3-tts"),
    ],
)
async def test_what_the_server_has_is_checked_before_the_first_word(
    start_server: Start, session: aiohttp.ClientSession, options: dict[str, Any], sentence: str
) -> None:
    server = await start_server()
    tts = TTS(base_url=server.url, http_session=session, **options)
    with pytest.raises(APIError, match=sentence) as raised:
        await tts.synthesize("Hello.").collect()
    assert not raised.value.retryable
    assert not server.requests
    await tts.aclose()


@pytest.mark.servers_like("vllm-omni")
async def test_a_voice_that_appears_later_is_found(
    start_server: Start, session: aiohttp.ClientSession
) -> None:
    server = await start_server()
    tts = TTS(base_url=server.url, http_session=session)
    await tts.synthesize("Hello.").collect()
    assert server.voices is not None
    server.voices.append("mine")
    tts.update_options(voice="Mine")
    await tts.synthesize("Hello.").collect()
    assert server.requests[-1].body["voice"] == "Mine"
    await tts.aclose()


@pytest.mark.servers_like("vllm-omni")
async def test_a_server_that_lists_nothing_is_taken_at_its_word(
    start_server: Start, session: aiohttp.ClientSession
) -> None:
    server = await start_server(voices=None)
    tts = TTS(base_url=server.url, voice="anyone", http_session=session)
    await tts.synthesize("Hello.").collect()
    assert server.requests[0].body["voice"] == "anyone"
    await tts.aclose()


async def test_options_change_from_the_next_unit_on(
    start_server: Start, session: aiohttp.ClientSession
) -> None:
    server = await start_server()
    tts = TTS(base_url=server.url, voice="vivian", language="en", http_session=session)
    async with tts.stream() as stream:
        stream.push_text("One is here. ")
        while not server.requests:
            await asyncio.sleep(0.01)
        tts.update_options(voice="ryan", language="zh-CN", instructions="sadly")
        stream.push_text("二在这里。")
        stream.end_input()
        await collect(stream)
    first, second = server.requests[0].body, server.requests[-1].body
    assert (first["voice"], first["language"], first.get("instructions")) == (
        "vivian",
        "English",
        None,
    )
    assert (second["voice"], second["language"], second["instructions"]) == (
        "ryan",
        "Chinese",
        "sadly",
    )
    tts.update_options(instructions=None)
    await tts.synthesize("Three.").collect()
    assert "instructions" not in server.requests[-1].body
    await tts.aclose()


async def test_a_reply_has_its_own_voice(
    start_server: Start, session: aiohttp.ClientSession
) -> None:
    server = await start_server()
    tts = TTS(base_url=server.url, voice="vivian", http_session=session)
    async with tts.stream(voice="ryan", instructions="whisper") as stream:
        stream.push_text("Good night. <style voice='vivian'>Sleep well.</style>")
        stream.end_input()
        _, words = await collect(stream)
    assert "".join(words) == "Good night. Sleep well."
    assert [(r.body["voice"], r.body["instructions"]) for r in server.requests] == [
        ("ryan", "whisper"),
        ("vivian", "whisper"),
    ]
    await tts.synthesize("Hello.").collect()
    assert server.requests[-1].body["voice"] == "vivian"
    assert "instructions" not in server.requests[-1].body
    await tts.aclose()


async def test_a_voice_that_the_language_model_made_up_is_ignored(
    start_server: Start, session: aiohttp.ClientSession
) -> None:
    server = await start_server()
    tts = TTS(base_url=server.url, voice="ryan", http_session=session)
    await tts.synthesize("<style voice='Zorro' proud>Hello.</style>").collect()
    body = server.requests[-1].body
    assert (body["voice"], body["instructions"]) == ("ryan", "proud")
    await tts.aclose()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"base_url": []}, "give one or more"),
        ({"base_url": "localhost:8000"}, "give one or more"),
        ({"language": "tlh"}, "language 'tlh' is not one of Qwen3-TTS's: zh"),
        ({"instructions": "x" * 501}, "501 characters"),
        ({"max_ahead": 1.0}, "max_ahead is 1.0"),
        ({"ref_audio": "/no/such.wav"}, "is not a file"),
        ({"ref_audio": b"x", "speaker_embedding": [1.0]}, "not both"),
    ],
)
def test_a_setting_that_cannot_work_is_refused(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        TTS(**options)


async def test_the_api_key_is_sent(start_server: Start, session: aiohttp.ClientSession) -> None:
    server = await start_server()
    tts = TTS(base_url=server.url + "/", api_key="secret", http_session=session)
    await tts.synthesize("Hello.").collect()
    assert server.requests[0].headers["authorization"] == "Bearer secret"
    assert server.requests[0].path == "/v1/audio/speech"
    await tts.aclose()


async def test_every_request_has_a_guard_and_no_chunk_override(
    start_server: Start, session: aiohttp.ClientSession
) -> None:
    server = await start_server()
    tts = TTS(base_url=server.url, http_session=session)
    await tts.synthesize("今天天气很好，我们可以一起去公园散步，然后再去喝一杯咖啡。").collect()
    for request in server.requests:
        assert 12.5 * 4 < request.body["max_new_tokens"] <= 4096
        assert "initial_codec_chunk_frames" not in request.body
    await tts.aclose()


async def test_numbers_are_spoken_and_shown_as_written(
    start_server: Start, session: aiohttp.ClientSession
) -> None:
    server = await start_server()
    tts = TTS(base_url=server.url, language="en", http_session=session)
    text = "It costs $12.50 in total."
    for normalize in (True, False):
        tts.update_options(normalize=normalize)
        server.requests.clear()
        async with tts.stream() as stream:
            stream.push_text(text)
            stream.end_input()
            _, words = await collect(stream)
        assert "".join(words) == text
        assert ("$12.50" in " ".join(server.texts)) is not normalize
    await tts.aclose()


async def test_prewarm_finds_what_there_is(
    start_server: Start, session: aiohttp.ClientSession
) -> None:
    server = await start_server()
    tts = TTS(base_url=server.url, http_session=session)
    tts.prewarm()
    while tts.model != "qwen3-tts":
        await asyncio.sleep(0.01)
    assert tts.provider == "qwen3-tts"
    assert "<style" in (tts.markup.llm_instructions() or "")
    await tts.aclose()


async def test_closing_the_tts_closes_its_streams(
    start_server: Start, session: aiohttp.ClientSession
) -> None:
    server = await start_server(says(*[tone(0.1)] * 100, every=0.05))
    tts = TTS(base_url=server.url, http_session=session)
    stream = tts.stream()
    stream.push_text("今天天气很好。")
    while not server.running:
        await asyncio.sleep(0.01)
    await tts.aclose()
    while server.running:
        await asyncio.sleep(0.01)
    assert server.closed_by_client == 1


@pytest.mark.servers_like("vllm-omni")
async def test_hundreds_of_replies_leave_nothing_behind(
    start_server: Start, session: aiohttp.ClientSession
) -> None:
    server = await start_server()
    tts = TTS(base_url=server.url, http_session=session)

    async def reply(number: int) -> None:
        async with tts.stream(conn_options=ONCE) as stream:
            stream.push_text("好的，我知道了。")
            if number % 3 == 0:  # every third is interrupted
                await asyncio.sleep(0.002 * (number % 7))
                return
            stream.end_input()
            seconds, _ = await collect(stream)
            assert seconds > 0.3

    await reply(1)
    tasks, objects = len(asyncio.all_tasks()), 0
    for batch in range(30):
        await asyncio.gather(*(reply(batch * 10 + number) for number in range(10)))
        if batch == 10:
            gc.collect()
            objects = len(gc.get_objects())
    while server.running:
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.1)
    # A handler of the server for each idle connection is all that is left.
    assert len(asyncio.all_tasks()) - tasks <= server.connections
    assert server.connections <= 40
    assert all(replica.outstanding == pytest.approx(0) for replica in tts._replicas)
    gc.collect()
    assert len(gc.get_objects()) - objects < 5000
    await tts.aclose()

"""What engines and tools answer: words, a voice, or an error of LiveKit's, and nothing else."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import aiohttp
import numpy as np
from aiohttp import web
from aiohttp.test_utils import TestServer
from hypothesis import given, settings
from hypothesis import strategies as st
from livekit import rtc
from livekit.agents import APIConnectOptions, APIError, ToolError, llm
from livekit.plugins import qwen3_tts, vllm
from yarl import URL

from agent import structured
from agent.definition import http_tool
from agent.definition.tool_settings import HttpTool
from harness.scripted import Llm, Vad

from .strategies import JSON, NUMBERS, TEXT, nearly, objects, written

ONCE = APIConnectOptions(max_retry=0, timeout=1.0)
SOME = settings(max_examples=max(20, settings().max_examples // 4))  # each opens a server
NOISE = np.random.default_rng(0).integers(-3000, 3000, 12_000, np.int16)

TYPES = st.sampled_from(
    [
        *("application/json", "text/plain", "text/html", "text/event-stream", "audio/pcm"),
        *("audio/wav", "audio/pcm; rate=24000", "audio/pcm; rate=" + "9" * 5_000, "", "x"),
        *("application/json; charset=hex", "text/plain; charset=rot13", "audio/pcm; rate=٢"),
        *("application/json; charset=undefined", "text/plain; charset=nothing"),
    ]
)
WAITS = st.sampled_from(["nan", "inf", "-1", "1e400", "0", "0.01", "soon", ""])
STATUSES = st.sampled_from([200, 200, 200, 200, 204, 299, 400, 404, 422, 429, 499, 500, 503, 599])


@st.composite
def answers(draw: st.DrawFn, bodies: st.SearchStrategy[bytes]) -> web.Response:
    """An answer over HTTP, of which anything may be odd."""
    headers = {"Content-Type": draw(TYPES)}
    if draw(st.booleans()):
        headers["Retry-After"] = draw(WAITS)
    return web.Response(status=draw(STATUSES), body=draw(bodies), headers=headers)


def bodies(values: st.SearchStrategy[Any]) -> st.SearchStrategy[bytes]:
    return st.binary(max_size=60) | written(values).map(
        lambda text: text.encode("utf-8", "replace")
    )


@contextlib.asynccontextmanager
async def serving(path: str, handle: Any) -> AsyncIterator[str]:
    """An engine that answers one path as a handler does; gives its address."""

    async def models(_: web.Request) -> web.Response:
        return web.json_response({"data": [{"id": "any", "max_model_len": 4096}]})

    app = web.Application()
    app.add_routes([web.get("/v1/models", models), web.route("*", path, handle)])
    async with TestServer(app) as server:
        yield str(server.make_url("/v1"))


def frames() -> list[rtc.AudioFrame]:
    return [rtc.AudioFrame(NOISE.tobytes(), 24_000, 1, len(NOISE))]


SEGMENT = {"text": "Hello.", "avg_logprob": -0.2, "no_speech_prob": 0.1}


@SOME
@given(answers(bodies(nearly({"text": "Hello.", "language": "en", "segments": [SEGMENT]}))))
async def test_a_transcription(answer: web.Response) -> None:
    async def transcribe(_: web.Request) -> web.Response:
        return web.Response(status=answer.status, body=answer.body, headers=answer.headers)

    async with serving("/v1/audio/transcriptions", transcribe) as url:
        stt = vllm.STT(base_url=url, model="any", realtime=False, vad=Vad())
        try:
            with contextlib.suppress(APIError):
                heard = await stt.recognize(frames(), conn_options=ONCE)
                heard.alternatives[0].text.encode()
        finally:
            await stt.aclose()


EVENTS = (
    st.builds(lambda delta: {"type": "transcription.delta", "delta": delta}, TEXT | JSON)
    | nearly({"type": "transcription.done", "text": "Hello.", "usage": {"prompt_tokens": 3}})
    | nearly({"type": "error", "error": {"message": "x"}, "code": "model_not_found"})
    | JSON
)


@SOME
@given(
    st.lists(written(EVENTS) | st.binary(max_size=20), max_size=6), written(objects("id", "type"))
)
async def test_a_transcription_that_is_streamed(events: list[str | bytes], greeting: str) -> None:
    async def realtime(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        created = json.dumps({"type": "session.created", "id": "a"})
        await socket.send_str(
            (greeting if not events else created).encode("utf-8", "replace").decode()
        )
        for event in events:
            if isinstance(event, bytes):
                await socket.send_bytes(event)
            else:
                await socket.send_str(event.encode("utf-8", "replace").decode())
        await socket.close()
        return socket

    async with serving("/v1/realtime", realtime) as url:
        stt = vllm.STT(base_url=url, model="any", realtime=True, vad=Vad())
        try:
            with contextlib.suppress(APIError):
                heard = await stt.recognize(frames(), conn_options=ONCE)
                heard.alternatives[0].text.encode()
        finally:
            await stt.aclose()


ALIGNED = [
    {"word": "Hello", "start_ms": 0, "end_ms": 400},
    {"word": "you", "start_ms": 400, "end_ms": 900},
]
VOICE = st.sampled_from(
    [
        NOISE.tobytes(),
        (np.sin(np.arange(24_000) / 20) * 8000).astype(np.int16).tobytes(),
        bytes(9_000),
    ]
)


@SOME
@given(
    answers(VOICE | st.binary(max_size=80) | bodies(objects("error", "detail", "message"))),
    st.none() | (written(nearly(ALIGNED, NUMBERS | JSON))),
    bodies(objects("voices", "uploaded_voices", "languages")),
)
async def test_a_voice(answer: web.Response, words: str | None, voices: bytes) -> None:
    async def speak(_: web.Request) -> web.Response:
        headers = dict(answer.headers)
        if words is not None and words.isascii() and words.isprintable():
            headers["X-Word-Timestamps"] = words
        return web.Response(status=answer.status, body=answer.body, headers=headers)

    async def handle(request: web.Request) -> web.Response:
        if request.path.endswith("speech"):
            return await speak(request)
        return web.Response(body=voices, headers={"Content-Type": answer.headers["Content-Type"]})

    async with serving("/v1/audio/{what}", handle) as url, aiohttp.ClientSession() as http:
        tts = qwen3_tts.TTS(base_url=url, http_session=http, word_timestamps=words is not None)
        try:
            with contextlib.suppress(APIError):
                async with tts.synthesize("Hello you.", conn_options=ONCE) as stream:
                    async for event in stream:
                        assert event.frame.sample_rate == 24_000
        finally:
            await tts.aclose()


@SOME
@given(answers(bodies(objects("error", "message", "detail", "choices"))))
async def test_a_reply_that_is_no_stream(answer: web.Response) -> None:
    async def chat(_: web.Request) -> web.Response:
        return web.Response(status=answer.status, body=answer.body, headers=answer.headers)

    asked = llm.ChatContext.empty()
    asked.add_message(role="user", content="Hello?")
    async with serving("/v1/chat/completions", chat) as url:
        model = vllm.LLM(base_url=url, model="any")
        try:
            with contextlib.suppress(APIError):
                async with model.chat(chat_ctx=asked, conn_options=ONCE) as stream:
                    async for chunk in stream:
                        if chunk.delta and chunk.delta.content:
                            chunk.delta.content.encode()
        finally:
            await model.aclose()


TOOL = HttpTool.model_validate(
    {
        "description": "Look an order up.",
        "url": "https://shop.example/orders",
        "parameters": {"type": "object", "properties": {}},
    }
)


@given(
    bodies(JSON) | st.just(b"x" * (1 << 21)),
    st.sampled_from(["application/json", "text/plain", "text/csv", "image/png", "a/json"]),
    STATUSES,
)
async def test_the_answer_of_a_tool_over_http(body: bytes, kind: str, status: int) -> None:
    async def chunks(size: int) -> AsyncIterator[bytes]:
        for start in range(0, len(body), size):
            yield body[start : start + size]

    content = SimpleNamespace(iter_chunked=chunks)
    response: Any = SimpleNamespace(content=content, content_type=kind, status=status)
    try:
        told = await http_tool._read("find_order", TOOL, response)
    except ToolError as e:
        told = e.message
    told.encode()
    assert 0 < len(told) <= TOOL.longest + 300


@given(st.text() | st.sampled_from(["//elsewhere", "https://shop.example:0", "http://[", "\\\\x"]))
def test_where_a_tool_is_sent(location: str) -> None:
    url = URL("https://shop.example/orders")
    target = http_tool._next(url, location)
    assert target is None or target.origin() == url.origin()


FORM = {"type": "object", "properties": {"done": {"type": "boolean"}}, "required": ["done"]}


@given(written(nearly({"done": True}) | JSON))
async def test_a_form_that_a_model_fills_in(answer: str) -> None:
    with contextlib.suppress(structured.UnfilledError):
        filled = await structured.fill(Llm(answer), "Fill it in.", {}, FORM)
        assert isinstance(filled["done"], bool)
        json.dumps(filled, ensure_ascii=False).encode()

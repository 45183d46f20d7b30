"""A language model's stream of events, whatever is in it: words or an error, and an end."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer
from hypothesis import given, settings
from hypothesis import strategies as st
from livekit.agents import APIConnectOptions, APIError, llm
from livekit.plugins import vllm

from .strategies import JSON, TEXT

DELTAS = st.fixed_dictionaries(
    {}, optional={"content": TEXT | JSON, "tool_calls": JSON, "role": JSON, "reasoning": JSON}
)
CHUNKS = st.fixed_dictionaries(
    {},
    optional={
        "id": JSON,
        "choices": st.lists(
            st.fixed_dictionaries({}, optional={"delta": DELTAS | JSON, "finish_reason": JSON}),
            max_size=2,
        )
        | JSON,
        "usage": JSON,
        "error": JSON,
    },
)
LINES = (
    CHUNKS.map(lambda chunk: f"data: {json.dumps(chunk)}\n\n".encode())
    | st.binary(max_size=60)
    | TEXT.map(lambda text: f"data: {text}\n\n".encode())
    | st.sampled_from([b"data: [DONE]\n\n", b": ping\n\n", b"event: error\n", b"\n\n", b"{"])
)


@settings(max_examples=max(20, settings().max_examples // 4))  # each opens a server
@given(st.lists(LINES, max_size=6))
async def test_a_stream_of_events(lines: list[bytes]) -> None:
    async def chat(_: web.Request) -> web.Response:
        return web.Response(body=b"".join(lines), content_type="text/event-stream")

    async def models(_: web.Request) -> web.Response:
        return web.json_response({"data": [{"id": "any"}]})

    app = web.Application()
    app.add_routes([web.post("/v1/chat/completions", chat), web.get("/v1/models", models)])
    asked = llm.ChatContext.empty()
    asked.add_message(role="user", content="Hello?")
    once = APIConnectOptions(max_retry=0, timeout=2.0)
    async with TestServer(app) as server, contextlib.AsyncExitStack() as stack:
        model = vllm.LLM(base_url=str(server.make_url("/v1")), model="any")
        stack.push_async_callback(model.aclose)
        said: list[Any] = []
        async with asyncio.timeout(20):
            with contextlib.suppress(APIError):
                async with model.chat(chat_ctx=asked, conn_options=once) as stream:
                    async for chunk in stream:
                        said.append(chunk)
        for chunk in said:
            assert chunk.delta is None or isinstance(chunk.delta.content, str | None)

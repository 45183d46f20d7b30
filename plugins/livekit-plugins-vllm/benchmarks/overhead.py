"""What the plugin itself adds to the first token: no server, no network, only the client's work.

``python plugins/livekit-plugins-vllm/benchmarks/overhead.py``: the plugin and a bare openai client
ask in turn, through the same transport, which answers with a token every 4 ms. The bare client
gets the messages that LiveKit's own formatter makes.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import time
from collections.abc import AsyncIterator
from typing import Any, cast

import httpx2 as httpx
import openai
from livekit.agents import llm
from livekit.plugins import vllm

URL = "http://nowhere:8000/v1"
REQUESTS = 100
# 1,000 tokens, and 60 in each turn.
SYSTEM = "Speak plainly, keep every answer short and never read out lists or links. " * 66
QUESTION = "What should I cook tonight?"
ANSWER = "Some pasta with tomatoes and a bit of cheese, it takes twenty minutes. " * 3


def _event(delta: dict[str, str], finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    chunk = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    return f"data: {json.dumps(chunk | {'choices': [choice]})}\n\n".encode()


class _Reply(httpx.AsyncByteStream):
    async def __aiter__(self) -> AsyncIterator[bytes]:
        for _ in range(20):
            await asyncio.sleep(0.004)
            yield _event({"content": "word "})
        yield _event({}, "stop") + b"data: [DONE]\n\n"


class _Server(httpx.AsyncBaseTransport):
    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        match request.url.path:
            case "/v1/models":
                listed = {"data": [{"id": "m", "max_model_len": 32768}]}
                return httpx.Response(200, json=listed)
            case "/v1/chat/completions":
                kind = {"content-type": "text/event-stream"}
                return httpx.Response(200, headers=kind, stream=_Reply())
        return httpx.Response(404, json={})


async def _plugin(model: vllm.LLM, context: llm.ChatContext) -> float:
    begin, first = time.perf_counter(), 0.0
    async with model.chat(chat_ctx=context) as stream:
        async for chunk in stream:
            if chunk.delta and chunk.delta.content:
                first = first or time.perf_counter() - begin
    return first


async def _bare(client: openai.AsyncOpenAI, context: llm.ChatContext) -> float:
    begin, first = time.perf_counter(), 0.0
    messages, _ = context.to_provider_format("openai")
    stream = await client.chat.completions.create(
        model="m", messages=cast("Any", messages), max_tokens=20, stream=True
    )
    async with stream:
        async for chunk in stream:
            if chunk.choices and chunk.choices[0].delta.content:
                first = first or time.perf_counter() - begin
    return first


async def _main() -> None:
    http = httpx.AsyncClient(transport=_Server())
    model = vllm.LLM(base_url=URL, http_client=http)
    client = openai.AsyncOpenAI(base_url=URL, api_key="none", http_client=http)
    await model.ready()
    for turns in (0, 10, 25, 100):
        context = llm.ChatContext()
        context.add_message(role="system", content=SYSTEM)
        for _ in range(turns):
            context.add_message(role="user", content=QUESTION)
            context.add_message(role="assistant", content=ANSWER)
        context.add_message(role="user", content=QUESTION)
        ours: list[float] = []
        bare: list[float] = []
        for _ in range(REQUESTS):
            ours.append(1000 * await _plugin(model, context))
            bare.append(1000 * await _bare(client, context))
        p50, other = statistics.median(ours), statistics.median(bare)
        print(f"{turns:3} turns: plugin {p50:.1f} ms, bare {other:.1f} ms, {p50 - other:+.1f} ms")
    await model.aclose()
    await http.aclose()


if __name__ == "__main__":
    asyncio.run(_main())

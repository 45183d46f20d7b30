"""A conversation with a real vLLM through the plugin."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from livekit.agents import APIConnectOptions, llm
from livekit.plugins.vllm import LLM, RequestReport

from .servers import API_KEY, Server

ONCE = APIConnectOptions(max_retry=0, timeout=60.0)
# Longer than a block of the prefix cache, which on a CPU has 128 tokens.
SYSTEM = "You are the voice of a small hotel at the sea and answer in one or two sentences. " * 20


class Brain:
    """The server and one plugin that talks to it."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.reports: list[RequestReport] = []
        self._made: list[LLM] = []

    def llm(self, **options: Any) -> LLM:
        options = {"base_url": self.server.base_url, "api_key": API_KEY, **options}
        made = LLM(**options)
        made.on("request_finished", self.reports.append)
        self._made.append(made)
        return made

    async def running(self) -> float:
        return await self.server.metric("vllm:num_requests_running")

    async def has_waiting(self, number: int) -> bool:
        return await self.server.metric("vllm:num_requests_waiting") == number

    async def is_idle(self) -> bool:
        return await self.running() == 0 and await self.has_waiting(0)

    async def aclose(self) -> None:
        await asyncio.gather(*(made.aclose() for made in self._made))


@dataclass
class Said:
    deltas: list[str] = field(default_factory=list)
    calls: list[llm.FunctionToolCall] = field(default_factory=list)
    usage: llm.CompletionUsage | None = None

    @property
    def text(self) -> str:
        return "".join(self.deltas)


async def read(stream: llm.LLMStream) -> Said:
    said = Said()
    async with stream:
        async for chunk in stream:
            if chunk.delta and chunk.delta.content:
                said.deltas.append(chunk.delta.content)
            if chunk.delta:
                said.calls += chunk.delta.tool_calls
            said.usage = chunk.usage or said.usage
    return said


def talk(*user_and_assistant: str, system: str = SYSTEM) -> llm.ChatContext:
    context = llm.ChatContext.empty()
    context.add_message(role="system", content=system)
    for i, text in enumerate(user_and_assistant):
        context.add_message(role="assistant" if i % 2 else "user", content=text)
    return context

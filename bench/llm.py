"""First token of a language model: cold, cached and warmed, through the plugin and without it.

``python -m bench.llm http://127.0.0.1:8000/v1``: conversations of ten turns with a system prompt
of some 1,000 tokens, many at once. The same turns go through ``livekit.plugins.vllm`` and through
a bare openai client, in turn, in the same run. Every conversation has a system prompt of its own,
so that its first turn finds nothing in the server's prefix cache.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, cast

import openai
from livekit.agents import llm
from livekit.plugins import vllm

from harness.report import Metric, percentiles, write

# 1,000 tokens, in words that are one token each.
_RULES = "Speak plainly, keep every answer short and never read out lists or links. " * 66
_QUESTIONS = ("What should I cook tonight?", "And without the oven?", "How long does that take?")


@dataclass
class Samples:
    """Milliseconds, and tokens per second, by key."""

    values: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def metrics(self) -> dict[str, Metric]:
        """Percentiles of every key, in the order of measurement."""
        return {
            key: percentiles(values, "tokens/s" if "per_second" in key else "ms")
            for key, values in self.values.items()
        }


class Bench:
    """One server, asked in two ways.

    Args:
        base_url: The server's address, ending in ``/v1``.
        max_tokens: Length of a reply, in tokens.
        turns: Number of turns in a conversation.
        temperature: Sampling temperature; random weights need 1, or they repeat one thing for ever.
    """

    def __init__(self, base_url: str, *, max_tokens: int, turns: int, temperature: float) -> None:
        self.plugin = vllm.LLM(
            base_url=base_url, max_completion_tokens=max_tokens, temperature=temperature
        )
        server = self.plugin.pool.replicas[0].server
        self.bare = openai.AsyncOpenAI(base_url=server.base_url, api_key=server.api_key)
        self.max_tokens = max_tokens
        self.turns = turns
        self.temperature = temperature
        self.samples = Samples()
        self._model = ""

    async def run(self, conversations: list[int], warmed: int) -> None:
        """Measure at each number of conversations, then the warmed prefix."""
        self._model = (await self.plugin.ready()).id
        for way in ("plugin", "bare"):  # connections, imports and code caches
            await self._converse(way, None)
        for count in conversations:
            for turn in range(max(2, 8 // count)):  # at least eight conversations each way
                for way in ("plugin", "bare")[:: 1 if turn % 2 else -1]:
                    await asyncio.gather(*(self._converse(way, count) for _ in range(count)))
        for _ in range(warmed):
            for key in ("not_warmed", "warmed"):
                context = self._context()
                if key == "warmed":
                    await self.plugin.warm(context)
                context.add_message(role="user", content=_QUESTIONS[0])
                await self._turn("plugin", context, f"llm_ttft.{key}", None)

    async def aclose(self) -> None:
        """Close the connections of both clients; may be called twice."""
        await self.plugin.aclose()
        await self.bare.close()

    async def _converse(self, way: str, count: int | None) -> None:
        context = self._context()
        for turn in range(self.turns):
            question = _QUESTIONS[turn % len(_QUESTIONS)]
            context.add_message(role="user", content=question)
            suffix = "" if way == "plugin" else ".bare"
            where = f"{suffix}.conversations{count}"
            key = f"llm_ttft.{'cached' if turn else 'cold'}{where}" if count else None
            speed = f"llm_tokens_per_second{where}" if count else None
            context.add_message(
                role="assistant", content=await self._turn(way, context, key, speed) or "Well."
            )

    async def _turn(
        self, way: str, context: llm.ChatContext, key: str | None, speed: str | None
    ) -> str:
        stream = self._plugin_text(context) if way == "plugin" else self._bare_text(context)
        begin = time.perf_counter()
        first, last, tokens, text = 0.0, 0.0, 0, ""
        async for piece in stream:
            # The end counts too: of a reply that came near its limit the plugin holds back the last
            # fifth, until it knows whether it is a sentence.
            last = time.perf_counter()
            if isinstance(piece, int):
                tokens = piece
                continue
            first = first or last
            text += piece
        if key and first:
            self.samples.values[key].append(1000 * (first - begin))
        if speed and tokens > 1 and last > first:
            self.samples.values[speed].append((tokens - 1) / (last - first))
        return text

    async def _plugin_text(self, context: llm.ChatContext) -> AsyncIterator[str | int]:
        """The reply's pieces, and at the end the number of its tokens by the server's count."""
        async with self.plugin.chat(chat_ctx=context) as stream:
            async for chunk in stream:
                if chunk.delta and chunk.delta.content:
                    yield chunk.delta.content
                if chunk.usage:
                    yield chunk.usage.completion_tokens

    async def _bare_text(self, context: llm.ChatContext) -> AsyncIterator[str | int]:
        messages, _ = context.to_provider_format("openai")
        stream = await self.bare.chat.completions.create(
            model=self._model,
            messages=cast("Any", messages),
            temperature=self.temperature,
            max_tokens=self.max_tokens,
            stream=True,
            stream_options={"include_usage": True},
            extra_body={"chat_template_kwargs": {"enable_thinking": False}},
        )
        async with stream:
            async for chunk in stream:
                if chunk.choices and chunk.choices[0].delta.content:
                    yield chunk.choices[0].delta.content
                if chunk.usage:
                    yield chunk.usage.completion_tokens

    @staticmethod
    def _context() -> llm.ChatContext:
        context = llm.ChatContext()
        number = random.randrange(10**9)
        context.add_message(role="system", content=f"You are assistant {number}. {_RULES}")
        return context


def _overhead(metrics: dict[str, Metric], conversations: list[int]) -> dict[str, Metric]:
    """What the plugin adds to the median first token of a cached conversation."""
    added: dict[str, Metric] = {}
    for count in conversations:
        ours = metrics[f"llm_ttft.cached.conversations{count}"]
        bare = metrics[f"llm_ttft.cached.bare.conversations{count}"]
        added[f"llm_ttft.overhead.conversations{count}"] = {
            "value": round(ours["p50"] - bare["p50"], 3),
            "n": min(ours["n"], bare["n"]),
            "unit": "ms",
        }
    return added


async def _main(args: argparse.Namespace) -> None:
    bench = Bench(
        args.url, max_tokens=args.max_tokens, turns=args.turns, temperature=args.temperature
    )
    try:
        await bench.run(args.conversations, args.warmed)
    finally:
        await bench.aclose()
    metrics = bench.samples.metrics()
    write(args.name, metrics | _overhead(metrics, args.conversations), profile=args.url)


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(prog="python -m bench.llm", description=__doc__)
    parser.add_argument("url", help="the server's address, ending in /v1")
    parser.add_argument("--conversations", type=int, nargs="+", default=[1, 4, 16, 64])
    parser.add_argument("--turns", type=int, default=10)
    parser.add_argument("--max-tokens", type=int, default=60)
    parser.add_argument("--temperature", type=float, default=0.0)
    parser.add_argument("--warmed", type=int, default=10, help="prefixes warmed and not warmed")
    parser.add_argument("--name", default="llm", help="name of the result (llm)")
    asyncio.run(_main(parser.parse_args()))


if __name__ == "__main__":
    main()

"""Shows in seconds whether a vLLM server works: first token, speed, prefix cache, a stop.

python scripts/llm_smoke_test.py [http://127.0.0.1:8000/v1]
"""

from __future__ import annotations

import asyncio
import sys
import time

from livekit.agents import APIError, llm
from livekit.plugins import vllm

_RULES = "Speak plainly and keep every answer short. " * 15


async def ask(server: vllm.LLM, question: str) -> vllm.RequestReport:
    """One reply, as the agent asks for it."""
    reports: list[vllm.RequestReport] = []
    server.once("request_finished", reports.append)
    context = llm.ChatContext()
    context.add_message(role="system", content=_RULES)
    context.add_message(role="user", content=question)
    async with server.chat(chat_ctx=context) as stream:
        async for _ in stream:
            pass
    return reports[0]


async def _main(url: str) -> int:
    server = vllm.LLM(base_url=url, max_completion_tokens=60)
    try:
        start = time.perf_counter()
        model = await server.ready()
        print(f"model          {model.id}, ready in {time.perf_counter() - start:.2f} s")
        for name in ("cold", "cached"):
            report = await ask(server, "Tell me about rain in three sentences.")
            speed = report.tokens_per_second or 0.0
            print(
                f"{name:<14} first token {report.ttft or 0:.3f} s, {speed:.0f} tokens/s, "
                f"{report.cached_share:.0%} of the prompt cached"
            )
        context = llm.ChatContext()
        context.add_message(role="user", content="Count from one to a hundred.")
        stream = server.chat(chat_ctx=context)
        await anext(aiter(stream))
        start = time.perf_counter()
        await stream.aclose()
        print(f"stop           closed in {1000 * (time.perf_counter() - start):.0f} ms")
    except APIError as e:
        print(e.message, file=sys.stderr)
        return 1
    finally:
        await server.aclose()
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(_main(sys.argv[1] if sys.argv[1:] else "http://127.0.0.1:8000/v1")))

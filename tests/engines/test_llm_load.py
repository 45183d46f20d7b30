"""A server under load, and one that ends in the middle of a reply."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from livekit.agents import APIConnectOptions, APITimeoutError

from .brain import ONCE, Brain, Said, read, talk
from .servers import until


async def test_a_first_token_that_does_not_come_is_not_waited_for(brain: Brain) -> None:
    async with _crowd(brain):
        model = brain.llm(first_token_timeout=0.2)
        await model.ready()
        with pytest.raises(APITimeoutError, match="within the deadline"):
            await read(model.chat(chat_ctx=talk("Hello?"), conn_options=ONCE))

        await until(lambda: brain.has_waiting(0))
        assert await brain.running() == 8


async def test_a_waiting_person_goes_before_background_work(brain: Brain) -> None:
    model = brain.llm(first_token_timeout=120.0)
    order: list[str] = []

    async def ask(name: str, priority: int) -> None:
        chat = talk("Hello.", system="Be brief.")
        async with model.chat(chat_ctx=chat, conn_options=ONCE, priority=priority) as stream:
            async for _ in stream:
                order.append(name)

    async with _crowd(brain) as crowd:
        asking = [asyncio.create_task(ask("background", 5)) for _ in range(4)]
        await until(lambda: brain.has_waiting(4))
        asking.append(asyncio.create_task(ask("person", 0)))
        await until(lambda: brain.has_waiting(5))
        crowd[0].cancel()

        async def one_goes() -> bool:
            return bool(order)

        await until(one_goes)
        for task in asking:
            task.cancel()
        await asyncio.gather(*asking, return_exceptions=True)
    assert order[0] == "person"


@asynccontextmanager
async def _crowd(brain: Brain) -> AsyncIterator[list[asyncio.Task[Said]]]:
    """Eight requests, which is all that the server works on at a time, until they are closed."""
    model = brain.llm(max_completion_tokens=1024, extra_body={"ignore_eos": True})
    tasks = [
        asyncio.create_task(
            read(model.chat(chat_ctx=talk("Go on.", system="Be long."), conn_options=ONCE))
        )
        for _ in range(8)
    ]

    async def all_run() -> bool:
        return await brain.running() == 8

    try:
        await until(all_run)
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_conversation_outlives_its_server(brain: Brain) -> None:
    model = brain.llm(max_completion_tokens=400, extra_body={"ignore_eos": True})
    patient = APIConnectOptions(max_retry=200, retry_interval=0.5, timeout=30.0)
    stream = model.chat(chat_ctx=talk("Tell me all."), conn_options=patient)
    said = Said()
    restarted: asyncio.Task[None] | None = None

    def restart() -> None:
        brain.server.start()
        brain.server.wait()

    async with stream:
        async for chunk in stream:
            if chunk.delta and chunk.delta.content:
                said.deltas.append(chunk.delta.content)
            if restarted is None and len(said.deltas) == 10:
                brain.server.kill()
                restarted = asyncio.create_task(asyncio.to_thread(restart))
    assert restarted is not None
    await restarted
    broken, *_, last = brain.reports
    assert broken.finish_reason == "failed"
    assert last.finish_reason in ("length", "sentence", "stop")
    # The rest was asked of the new server as the continuation of what had been said.
    assert last.prompt_tokens > broken.prompt_tokens
    assert len(said.deltas) > 10
    again = await read(model.chat(chat_ctx=talk("And now?"), conn_options=ONCE))
    assert again.text

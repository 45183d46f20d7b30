"""Several servers of one model: who is asked, and who goes on when one is gone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest_asyncio
from livekit.plugins.vllm import LLM

from .brain import ONCE, SYSTEM, Brain, Said, read, talk
from .servers import Server, until


class Pair(Brain):
    """Two servers, and one plugin that talks to both."""

    def __init__(self, first: Server, second: Server) -> None:
        super().__init__(first)
        self.second = second

    def both(self, **options: object) -> LLM:
        return self.llm(base_url=[self.server.base_url, self.second.base_url], **options)

    def called(self, url: str) -> Server:
        return self.server if url == self.server.base_url else self.second

    def other(self, url: str) -> Server:
        return self.second if url == self.server.base_url else self.server


@pytest_asyncio.fixture
async def pair(llm_server: Server, second_llm_server: Server) -> AsyncIterator[Pair]:
    pair = Pair(llm_server, second_llm_server)
    yield pair
    await pair.aclose()
    for server in (llm_server, second_llm_server):
        await until(Brain(server).is_idle)


async def test_a_conversation_stays_with_the_server_that_has_its_prefix(pair: Pair) -> None:
    model = pair.both(max_completion_tokens=5, cache_salt="stays")
    context = talk("Have you a room?")
    for question in ("With a view?", "And a bath?", "How much is it?"):
        said = await read(model.chat(chat_ctx=context, conn_options=ONCE))
        context.add_message(role="assistant", content=said.text or "Yes.")
        context.add_message(role="user", content=question)
    assert len({report.url for report in pair.reports}) == 1
    cached = [report.cached_tokens for report in pair.reports]
    assert cached[0] == 0
    assert min(cached[1:]) >= 128


async def test_a_new_conversation_goes_where_less_is_to_do(pair: Pair) -> None:
    busy = pair.llm(max_completion_tokens=1500, extra_body={"ignore_eos": True})
    others = asyncio.create_task(
        read(busy.chat(chat_ctx=talk("Tell me all.", system="Be long."), conn_options=ONCE))
    )
    try:
        await until(lambda: _runs(pair.server))
        model = pair.both(max_completion_tokens=5)
        # As its own watch does every two seconds.
        await asyncio.gather(*(model.pool.check(replica) for replica in model.pool.replicas))
        assert [replica.reported for replica in model.pool.replicas] == [1, 0]
        for question in ("Have you a room?", "Where are you?"):
            await read(model.chat(chat_ctx=talk(question), conn_options=ONCE))
    finally:
        others.cancel()
        await asyncio.gather(others, return_exceptions=True)
    urls = [report.url for report in pair.reports if report.finish_reason != "aborted"]
    assert urls == [pair.second.base_url] * 2


async def test_a_server_that_is_gone_is_replaced_and_comes_back(pair: Pair) -> None:
    model = pair.both(max_completion_tokens=5)
    context = talk("Have you a room?")
    await read(model.chat(chat_ctx=context, conn_options=ONCE))
    home = pair.reports[0].url
    pair.called(home).kill()
    try:
        context.add_message(role="assistant", content="Yes.")
        context.add_message(role="user", content="With a view?")
        # Without a retry of the caller's: nobody notices.
        said = await read(model.chat(chat_ctx=context, conn_options=ONCE))
        assert said.text
        assert pair.reports[-1].url == pair.other(home).base_url
        # From now on it is asked at once.
        before = len(pair.reports)
        await read(model.chat(chat_ctx=context, conn_options=ONCE))
        assert [report.url for report in pair.reports[before:]] == [pair.other(home).base_url]
    finally:
        await asyncio.to_thread(pair.called(home).start)
        await asyncio.to_thread(pair.called(home).wait)
    (gone,) = (r for r in model.pool.replicas if r.server.base_url == home)

    async def is_back() -> bool:
        return gone.down_until == 0.0

    await until(is_back)


async def test_a_reply_that_breaks_off_is_finished_by_the_other(pair: Pair) -> None:
    model = pair.both(max_completion_tokens=300, extra_body={"ignore_eos": True})
    stream = model.chat(chat_ctx=talk("Tell me all."), conn_options=ONCE)
    said = Said()
    killed: list[Server] = []
    try:
        async with stream:
            async for chunk in stream:
                if chunk.delta and chunk.delta.content:
                    said.deltas.append(chunk.delta.content)
                if len(said.deltas) == 10 and not killed:
                    (home,) = (r for r in model.pool.replicas if r.in_flight)
                    killed.append(pair.called(home.server.base_url))
                    killed[0].kill()
    finally:
        for server in killed:
            await asyncio.to_thread(server.start)
            await asyncio.to_thread(server.wait)
    broken, whole = pair.reports
    assert broken.finish_reason == "failed"
    assert whole.url == pair.other(broken.url).base_url
    assert whole.finish_reason in ("length", "sentence", "stop")
    assert whole.prompt_tokens > broken.prompt_tokens  # it went on from the words already said
    assert len(said.deltas) > 10


async def test_a_router_keeps_a_conversation_where_its_prefix_is(
    pair: Pair, router: Server
) -> None:
    model = pair.llm(base_url=router.base_url, max_completion_tokens=5)
    assert (await model.ready()).id == "llm"
    # Prompts of their own, so that none finds another's prefix.
    contexts = [talk("Have you a room?", system=f"{i}: {SYSTEM}") for i in range(4)]
    for question in ("With a view?", "And a bath?", "How much is it?"):
        for context in contexts:
            said = await read(model.chat(chat_ctx=context, conn_options=ONCE))
            context.add_message(role="assistant", content=said.text or "Yes.")
            context.add_message(role="user", content=question)
    cached = [report.cached_tokens for report in pair.reports]
    assert cached[:4] == [0] * 4
    assert min(cached[4:]) >= 128


async def _runs(server: Server) -> bool:
    return await server.metric("vllm:num_requests_running") == 1

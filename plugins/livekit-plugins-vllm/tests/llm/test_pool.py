"""Several servers: sticky, least loaded, and replaced before anybody notices."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import httpx2 as httpx
import pytest
from livekit.agents import APIConnectionError, llm
from livekit.plugins import vllm

from ..conftest import Kit


def conversation(text: str = "Hello") -> llm.ChatContext:
    context = llm.ChatContext()
    context.add_message(role="system", content="Be brief.", id="the-same-for-everybody")
    context.add_message(role="user", content=text)
    return context


async def ask(model: vllm.LLM, context: llm.ChatContext) -> str:
    return (await model.chat(chat_ctx=context).collect()).text


def test_a_conversation_stays_where_its_prefix_is(kit: Kit) -> None:
    kit.add("two", kit.reply("Hi."))

    async def talk() -> None:
        async with contextlib.aclosing(kit.llm("one", "two")) as model:
            context = conversation()
            for turn in range(4):
                await ask(model, context)
                context.add_message(role="assistant", content="Hello there.")
                context.add_message(role="user", content=f"And {turn}?")
                # The others come and go.
                kit.server.load = 50
                await asyncio.sleep(5.0)

    kit.run(talk())
    assert (len(kit.server.bodies), len(kit.network.servers["two"].bodies)) == (4, 0)


def test_a_new_conversation_goes_to_the_least_loaded(kit: Kit) -> None:
    kit.server.load = 7
    two = kit.add("two", kit.reply("Hi."), load=3)

    async def talk() -> None:
        async with contextlib.aclosing(kit.llm("one", "two")) as model:
            model.pool.choose(None)  # begins to ask
            await asyncio.sleep(1.0)
            await ask(model, conversation())
            two.load = 9
            await asyncio.sleep(5.0)
            await ask(model, conversation())

    kit.run(talk())
    assert (len(two.bodies), len(kit.server.bodies)) == (1, 1)


def test_conversations_at_once_are_spread(kit: Kit) -> None:
    kit.server.chats = [[1.0, *kit.reply("Hello.")]]
    two = kit.add("two", [1.0, *kit.reply("Hi.")])

    async def talk() -> None:
        async with contextlib.aclosing(kit.llm("one", "two")) as model:
            await asyncio.gather(*(ask(model, conversation()) for _ in range(6)))

    kit.run(talk())
    assert (len(kit.server.bodies), len(two.bodies)) == (3, 3)


@pytest.mark.parametrize(
    "failure",
    [
        httpx.ConnectError("refused"),
        httpx.Response(500, json={"error": {"message": "EngineDeadError"}}),
        httpx.Response(429, json={"error": {"message": "busy"}}, headers={"retry-after": "9"}),
        [httpx.ReadError("")],
    ],
    ids=["refused", "dead", "busy", "broken"],
)
def test_failing_over_before_the_first_word_takes_no_time(kit: Kit, failure: Any) -> None:
    kit.server.chats = [failure]
    two = kit.add("two", kit.reply("Hi."))

    async def talk() -> str:
        async with contextlib.aclosing(kit.llm("one", "two")) as model:
            return await ask(model, conversation())

    assert kit.run(talk()) == "Hi."
    assert kit.loop_time < 0.1
    assert (len(kit.server.bodies), len(two.bodies)) == (1, 1)


def test_a_reply_begun_on_one_server_is_finished_by_another(kit: Kit) -> None:
    kit.server.chats = [[kit.delta(content="My name"), httpx.ReadError("")]]
    two = kit.add("two", kit.reply(" is Ada."))

    async def talk() -> str:
        async with contextlib.aclosing(kit.llm("one", "two")) as model:
            return await ask(model, conversation())

    assert kit.run(talk()) == "My name is Ada."
    assert two.bodies[0]["messages"][-1]["content"] == "My name"


def test_a_dead_server_is_passed_over_until_it_is_back(kit: Kit) -> None:
    kit.server.refusing = 30.0
    two = kit.add("two", kit.reply("Hi."))

    async def talk() -> None:
        async with contextlib.aclosing(kit.llm("one", "two")) as model:
            for _ in range(5):
                await ask(model, conversation())
                await asyncio.sleep(5.0)
            two.load = 4
            await asyncio.sleep(10.0)
            await ask(model, conversation())

    kit.run(talk())
    assert len(two.bodies) == 5
    assert len(kit.server.bodies) == 1


def test_all_servers_are_tried_before_a_pause(kit: Kit) -> None:
    kit.server.chats = [httpx.ConnectError("refused")]
    kit.add("two", httpx.ConnectError("refused"))
    with pytest.raises(APIConnectionError):
        kit.ask(kit.llm("one", "two"), retries=1)
    assert len(kit.server.bodies) + len(kit.network.servers["two"].bodies) == 4


def test_one_server_is_not_watched(kit: Kit) -> None:
    kit.ask(kit.llm())
    assert "/metrics" not in kit.server.paths
    assert "/health" not in kit.server.paths

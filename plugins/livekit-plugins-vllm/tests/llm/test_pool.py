"""Several servers: sticky, least loaded, and replaced before anybody notices."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import httpx2 as httpx
import pytest
from livekit.agents import APIConnectionError, APIStatusError, llm
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
    answered: list[vllm.Answered] = []
    failed: list[vllm.Failed] = []

    async def talk() -> str:
        async with contextlib.aclosing(kit.llm("one", "two")) as model:
            model.on("server_answered", answered.append)
            model.on("server_failed", failed.append)
            return await ask(model, conversation())

    assert kit.run(talk()) == "Hi."
    assert kit.loop_time < 0.1
    assert [(a.choice, a.server, a.instead_of) for a in answered] == [(0, 1, "server")]
    assert [(f.choice, f.server) for f in failed] == [(0, 0)]
    assert (len(kit.server.bodies), len(two.bodies)) == (1, 1)


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (401, "Unauthorized"),
        (402, "Insufficient balance"),
        (403, "Forbidden"),
        (404, "The model `m` does not exist."),
        (404, "Not Found"),
        (405, "Method Not Allowed"),
        (408, "Request Timeout"),
        (413, "Request Entity Too Large"),
        (429, "Too many requests"),
        (451, "Not here"),
    ],
)
def test_a_server_that_refuses_on_its_own_account_loses_no_reply(
    kit: Kit, status: int, message: str
) -> None:
    kit.server.chats = [httpx.Response(status, json={"error": {"message": message}})]
    two = kit.add("two", kit.reply("Hi."))

    async def talk() -> list[str]:
        model = kit.llm("one", "two")
        async with model:
            return [await ask(model, conversation()) for _ in range(3)]

    assert kit.run(talk()) == ["Hi."] * 3
    # A model is looked up again, once; then the server is left alone.
    assert len(kit.server.bodies) <= 2
    assert len(two.bodies) == 3


def test_a_server_with_another_key_is_left_alone_from_its_discovery_on(kit: Kit) -> None:
    kit.server.key = "secret"
    kit.add("two", kit.reply("Hi."))
    assert kit.ask(kit.llm("one", "two")).text == "Hi."


def test_a_refusal_of_the_request_itself_is_not_taken_elsewhere(kit: Kit) -> None:
    kit.server.chats = [httpx.Response(400, json={"error": {"message": "bad temperature"}})]
    two = kit.add("two", kit.reply("Hi."), load=9)
    with pytest.raises(APIStatusError, match="bad temperature"):
        kit.ask(kit.llm("one", "two"))
    assert two.bodies == []


def test_a_refusal_of_all_servers_is_told_at_once(kit: Kit) -> None:
    refusal = httpx.Response(401, json={"error": {"message": "Unauthorized"}})
    kit.server.chats = [refusal]
    kit.add("two", refusal)
    with pytest.raises(APIStatusError, match="pass the api_key"):
        kit.ask(kit.llm("one", "two"))


def test_a_model_that_is_not_there_is_looked_up_again_once(kit: Kit) -> None:
    gone = httpx.Response(404, json={"error": {"message": "The model `m` does not exist."}})
    kit.server.chats = [gone]

    async def talk() -> None:
        model = kit.llm()
        async with model:
            for _ in range(3):
                with pytest.raises(APIStatusError, match="does not exist"):
                    await ask(model, conversation())

    kit.run(talk())
    assert len(kit.server.bodies) == 4


def test_a_server_come_back_with_another_model_is_asked_for_that(kit: Kit) -> None:
    gone = httpx.Response(
        404, json={"error": {"message": "The model `test-model` does not exist."}}
    )

    async def talk() -> list[str]:
        model = kit.llm()
        async with model:
            said = [await ask(model, conversation())]
            kit.server.models = [{"id": "m2", "max_model_len": 2048}]
            kit.server.chats = [gone, kit.reply("Hi again.")]
            return [*said, await ask(model, conversation()), await ask(model, conversation())]

    assert kit.run(talk()) == ["Hello there.", "Hi again.", "Hi again."]
    assert [body["model"] for body in kit.server.bodies] == ["test-model", "test-model", "m2", "m2"]


def test_a_reply_begun_anew_elsewhere_is_finished_by_a_third(kit: Kit) -> None:
    kit.server.chats = [[kit.delta(content="My name is A"), httpx.ReadError("")]]
    kit.add("two", kit.reply("My name isn't known."), load=1)
    kit.add("three", kit.reply("da."), load=2)

    async def talk() -> str:
        model = kit.llm("one", "two", "three")
        async with model:
            model.pool.choose(None)
            await asyncio.sleep(1.0)
            return await ask(model, conversation())

    assert kit.run(talk()) == "My name is Ada."


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

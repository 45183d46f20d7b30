"""A second model that answers when the first one does not."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx2 as httpx
import pytest
from livekit.agents import APIConnectionError, APIConnectOptions, APIStatusError
from livekit.plugins import vllm

from ..conftest import Kit, pay, user


def pair(kit: Kit, **options: Any) -> tuple[vllm.LLM, list[Any]]:
    """A model on server "one" with another on "two" behind it, and the errors it tells of."""
    second = kit.llm("two", temperature=0.1, max_completion_tokens=50)
    model = kit.llm("one", fallback=second, **options)
    errors: list[Any] = []
    model.on("error", errors.append)
    return model, errors


def listen(model: vllm.LLM) -> tuple[list[vllm.Answered], list[vllm.Failed]]:
    """Who answers and who fails from now on."""
    answered: list[vllm.Answered] = []
    failed: list[vllm.Failed] = []
    model.on("server_answered", answered.append)
    model.on("server_failed", failed.append)
    return answered, failed


FAULTS = [
    (httpx.ConnectError("refused"), "connection"),
    (httpx.Response(500, json={"error": {"message": "EngineDeadError"}}), "error"),
    (httpx.Response(400, json={"error": {"message": "this model cannot"}}), "refused"),
    (httpx.Response(401, json={"error": {"message": "Unauthorized"}}), "refused"),
    (
        httpx.Response(429, json={"error": {"message": "busy"}}, headers={"retry-after": "9"}),
        "busy",
    ),
    (
        httpx.Response(503, json={"error": {"message": "full"}}, headers={"retry-after": "9"}),
        "busy",
    ),
    (["data: {not json\n\n"], "garbage"),
    ([httpx.ReadError("")], "connection"),
]


@pytest.mark.parametrize(("fault", "kind"), FAULTS, ids=range(len(FAULTS)))
def test_the_second_model_answers_at_once(kit: Kit, fault: Any, kind: str) -> None:
    kit.server.chats = [fault]
    two = kit.add("two", kit.reply("Hi."), models=[{"id": "small", "max_model_len": 4096}])
    model, errors = pair(kit)
    answered, failed = listen(model)
    assert kit.ask(model).text == "Hi."
    assert kit.loop_time < 0.5
    assert errors == []
    # Its own model and settings.
    (body,) = two.bodies
    assert (body["model"], body["temperature"], body["max_tokens"]) == ("small", 0.1, 50)
    assert (model.model, model.provider) == ("small", "two:8000")
    assert [(r.url, r.model) for r in kit.reports][-1] == ("http://two:8000/v1", "small")
    (by,) = answered
    assert (by.url, by.model, by.choice, by.server) == ("http://two:8000/v1", "small", 1, 0)
    assert by.instead_of == "model"
    assert [(f.url, f.choice, f.kind) for f in failed] == [("http://one:8000/v1", 0, kind)]


@pytest.mark.parametrize("silent", [[3600.0], [": ping\n\n", 3600.0]], ids=["deaf", "pings"])
def test_a_model_that_keeps_silent_leaves_time_for_the_second(kit: Kit, silent: Any) -> None:
    kit.server.chats = [silent]
    kit.add("two", kit.reply("Hi."))
    model, _ = pair(kit)
    _, failed = listen(model)
    assert kit.ask(model).text == "Hi."
    assert [f.kind for f in failed] == ["timeout"]
    assert 2.9 <= kit.loop_time <= 3.2
    assert kit.server.running == 0


def test_a_reply_that_breaks_off_is_gone_on_with(kit: Kit) -> None:
    kit.server.chats = [[kit.delta(content="My name"), httpx.ReadError("")]]
    two = kit.add("two", kit.reply(" is Ada."))
    model, errors = pair(kit)
    answered, failed = listen(model)
    assert kit.ask(model).text == "My name is Ada."
    # Both have spoken, one after the other.
    assert [(a.choice, a.instead_of) for a in answered] == [(0, None), (1, "model")]
    assert [(f.choice, f.kind) for f in failed] == [(0, "connection")]
    assert two.bodies[0]["messages"][-1] == {"role": "assistant", "content": "My name"}
    assert errors == []


def test_tools_are_offered_to_the_second_too(kit: Kit) -> None:
    kit.server.chats = [httpx.ConnectError("refused")]
    two = kit.add("two", kit.reply("Hi."))
    model, _ = pair(kit)
    kit.ask(model, tools=[pay])
    assert [tool["function"]["name"] for tool in two.bodies[0]["tools"]] == ["pay"]


def test_a_second_model_that_takes_no_tools_is_offered_none(kit: Kit) -> None:
    kit.server.chats = [httpx.ConnectError("refused")]
    two = kit.add("two", kit.reply("Hi."))
    model = kit.llm("one", fallback=kit.llm("two", takes_tools=False), parallel_tool_calls=True)
    assert kit.ask(model, tools=[pay]).text == "Hi."
    assert not two.bodies[0].keys() & {"tools", "tool_choice", "parallel_tool_calls"}
    assert "tools" in kit.server.bodies[0]


def test_the_first_is_left_alone_while_it_fails_and_used_when_it_is_well(kit: Kit) -> None:
    kit.server.refusing = 60.0
    two = kit.add("two", kit.reply("Hi."))

    async def talk() -> list[str]:
        model, _ = pair(kit)
        said = []
        async with model:
            model._circuit._clock = asyncio.get_running_loop().time
            for _ in range(45):
                said.append((await model.chat(chat_ctx=user()).collect()).text)
                await asyncio.sleep(2.0)
        return said

    said = kit.run(talk())
    assert said[:30] == ["Hi."] * 30
    assert said[-1] == "Hello there."
    # Asked again after 1, 2, 4, 8, 16 and 30 s.
    assert kit.server.paths.count("/v1/models") <= 8
    assert len(two.bodies) < 45


def test_where_both_fail_livekits_limits_hold(kit: Kit) -> None:
    kit.server.chats = [httpx.ConnectError("refused")]
    two = kit.add("two", httpx.Response(401, json={"error": {"message": "Unauthorized"}}))
    model, errors = pair(kit)

    async def asked() -> None:
        options = APIConnectOptions(max_retry=2, retry_interval=0.1)
        with pytest.raises(APIConnectionError):
            await model.chat(chat_ctx=user(), conn_options=options).collect()
        await model.aclose()

    kit.run(asked())
    # The first may be well in a moment, though the second never will.
    assert [e.recoverable for e in errors] == [True, True, False]
    assert (len(kit.server.bodies), len(two.bodies)) == (3, 3)


def test_where_neither_can_ever_nothing_is_repeated(kit: Kit) -> None:
    kit.server.chats = [httpx.Response(401, json={"error": {"message": "Unauthorized"}})]
    kit.add("two", httpx.Response(400, json={"error": {"message": "bad"}}))
    model, errors = pair(kit)
    with pytest.raises(APIStatusError):
        kit.ask(model)
    assert [e.recoverable for e in errors] == [False]


def test_the_prefix_is_warmed_where_the_reply_will_come_from(kit: Kit) -> None:
    kit.server.chats = [httpx.ConnectError("refused")]
    two = kit.add("two", kit.reply("Hi."))
    model, _ = pair(kit)

    async def talk() -> None:
        async with model:
            await model.chat(chat_ctx=user()).collect()
            await model.warm(user())

    kit.run(talk())
    assert [body["max_tokens"] for body in two.bodies] == [50, 1]


def test_the_next_model_is_the_second_only_while_the_first_is_left_alone(kit: Kit) -> None:
    kit.server.chats = [httpx.ConnectError("refused")]
    kit.add("two", kit.reply("Hi."), models=[{"id": "small", "max_model_len": 4096}])
    model, _ = pair(kit, model="large")
    assert model.next_model == "large"
    kit.ask(model)
    assert (model.model, model.next_model) == ("small", "small")
    model._circuit.succeeded()
    assert (model.model, model.next_model) == ("small", "large")

"""Tool calls: offered, streamed, cut off, malformed."""

from __future__ import annotations

import asyncio
import json

import pytest
from livekit.agents import llm
from livekit.agents.llm import function_tool
from livekit.plugins.vllm._llm.tool_calls import CUT_OFF

from ..conftest import Kit, pay, user


def test_tool_calls_in_parallel_and_in_pieces(kit: Kit) -> None:
    kit.server.chats = [
        [
            kit.delta(role="assistant", content=""),
            kit.delta(content="One moment."),
            kit.call(0, name="pay", id="call-a"),
            kit.call(0, '{"to": "Ann", '),
            kit.call(0, '"amount": 5}'),
            kit.call(1, '{"to": "Bob"', name="pay", id="call-b"),
            kit.call(1, ', "amount": 7}'),
            kit.delta("tool_calls"),
            kit.usage(),
            kit.DONE,
        ]
    ]
    answer = kit.ask(kit.llm(), tools=[pay])
    assert answer.text == "One moment."
    assert [(c.call_id, c.name, json.loads(c.arguments)) for c in answer.tool_calls] == [
        ("call-a", "pay", {"to": "Ann", "amount": 5}),
        ("call-b", "pay", {"to": "Bob", "amount": 7}),
    ]


def test_tools_are_offered_in_one_order_and_the_plain_form(kit: Kit) -> None:
    @function_tool
    async def add(a: int, b: int = 1) -> int:
        """Add."""
        return a + b

    kit.ask(kit.llm(), tools=[pay, add])
    kit.ask(kit.llm(), tools=[add, pay])
    first, second = (body["tools"] for body in kit.server.bodies)
    assert json.dumps(first) == json.dumps(second)
    assert "strict" not in json.dumps(first)
    assert first[0]["function"]["parameters"]["required"] == ["a"]


@pytest.mark.parametrize("finish", ["length", None])
def test_a_call_that_was_cut_off_is_refused_not_repaired(kit: Kit, finish: str | None) -> None:
    context = user()
    steps = [
        kit.call(0, '{"to": "Ann", "amount": 5}', name="pay", id="call-a"),
        kit.call(1, '{"to": "Bob", "amount": 10', name="pay", id="call-b"),
    ]
    if finish:
        steps += [kit.delta(finish), kit.DONE]
    kit.server.chats = [steps]
    answer = kit.ask(kit.llm(), tools=[pay])
    if finish is None:
        # The first call was given out; a repeat would pay twice.
        assert [c.call_id for c in answer.tool_calls] == ["call-a", "call-b"]
        assert len(kit.server.bodies) == 1
    result = asyncio.run(llm.execute_function_call(answer.tool_calls[1], llm.ToolContext([pay])))
    assert result.fnc_call_out.is_error
    assert CUT_OFF in result.fnc_call_out.output
    # The history of the next request has arguments that every chat template can render.
    context.insert([result.fnc_call, result.fnc_call_out])
    kit.server.chats = [kit.reply("Sorry.")]
    kit.ask(kit.llm(), context, tools=[pay])
    assert kit.server.bodies[-1]["messages"][-2]["tool_calls"][0]["function"]["arguments"] == "{}"


@pytest.mark.parametrize("summarize", [False, True])
def test_a_call_that_used_up_the_limit_was_cut_off(kit: Kit, summarize: bool) -> None:
    # vLLM ends the stream of a call that the limit cut off as it does that of a whole one.
    begun = [kit.call(0, '{"to": "Bob", "amount": 10', name="pay", id="a"), kit.delta("tool_calls")]
    kit.server.chats = [[*begun, kit.usage(10, 20), kit.DONE]]
    model = kit.llm(max_completion_tokens=20, summarize=summarize)
    call = kit.ask(model, tools=[pay]).tool_calls[0]
    assert json.loads(call.arguments) == CUT_OFF


def test_malformed_arguments_are_repaired_by_livekit(kit: Kit) -> None:
    kit.server.chats = [
        [kit.call(0, "{'to': 'Ann', 'amount': 5", name="pay", id="a"), kit.delta("tool_calls")]
    ]
    call = kit.ask(kit.llm(), tools=[pay]).tool_calls[0]
    result = asyncio.run(llm.execute_function_call(call, llm.ToolContext([pay])))
    assert result.fnc_call_out.output == "paid 5 to Ann"

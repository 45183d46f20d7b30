"""Halves of characters: joined where both came, replaced where one is lost, never sent."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from livekit.agents import llm
from livekit.agents.llm import function_tool
from livekit.plugins.vllm._text import Joiner, whole, whole_deep

from ..conftest import pay, user

FIRST, SECOND = "\ud83d", "\ude00"


def test_halves_are_joined_and_lone_ones_replaced() -> None:
    assert whole(FIRST + SECOND) == "😀"
    assert whole(f"a{FIRST}b{SECOND}c") == "a\ufffdb\ufffdc"
    assert whole(SECOND + FIRST) == "\ufffd\ufffd"
    assert whole("好😀") == "好😀"
    assert whole_deep({f"k{FIRST}": [f"v{SECOND}", 1, None]}) == {"k\ufffd": ["v\ufffd", 1, None]}


def test_halves_are_joined_across_pieces() -> None:
    joiner = Joiner()
    pieces = ["Hi ", FIRST, SECOND, f" a{FIRST}", "b", FIRST]
    assert "".join(map(joiner.feed, pieces)) + joiner.finish() == "Hi 😀 a\ufffdb\ufffd"


def ascii_delta(**fields: Any) -> str:
    """A chunk in which everything beyond ASCII is escaped, as most servers write it."""
    choice = {"index": 0, "delta": fields, "finish_reason": None}
    return f"data: {json.dumps({'id': 'c', 'choices': [choice]})}\n\n"


@pytest.mark.parametrize(
    ("pieces", "said"),
    [
        ([f"Hi {FIRST} there", " my friend."], "Hi \ufffd there my friend."),
        ([f"Great news {FIRST}", f"{SECOND} for you."], "Great news 😀 for you."),
        ([f"Great news {FIRST}"], "Great news \ufffd"),
        ([f"{SECOND}Great", " news."], "\ufffdGreat news."),
        ([f"<think>{FIRST}</think>Yes", f" {FIRST}{SECOND}."], "Yes 😀."),
    ],
)
def test_a_reply_with_half_a_character_is_said_and_does_no_harm_later(
    kit: Any, pieces: list[str], said: str
) -> None:
    steps = [ascii_delta(content=piece) for piece in pieces]
    kit.server.chats = [[*steps, kit.delta("stop"), kit.DONE]]
    context = user()
    answer = kit.ask(kit.llm(), context, retries=0)
    assert answer.text == said
    context.add_message(role="assistant", content=answer.text)
    context.add_message(role="user", content="And now?")
    kit.server.chats = [kit.reply("Fine.")]
    assert kit.ask(kit.llm(), context, retries=0).text == "Fine."


@pytest.mark.parametrize("place", ["user", "assistant", "system", "tool output", "arguments"])
def test_half_a_character_anywhere_in_the_history_ends_nothing(kit: Any, place: str) -> None:
    context = llm.ChatContext()
    text = f"cut {FIRST} here"
    context.add_message(role="system", content=text if place == "system" else "Be brief.")
    context.add_message(role="user", content=text if place == "user" else "Hello")
    arguments = json.dumps({"to": FIRST, "amount": 1}) if place == "arguments" else "{}"
    output = json.loads(f'"{text}"') if place == "tool output" else "done"
    context.insert(
        [
            llm.FunctionCall(call_id="a", name="pay", arguments=arguments),
            llm.FunctionCallOutput(call_id="a", name="pay", output=output, is_error=False),
        ]
    )
    context.add_message(role="assistant", content=text if place == "assistant" else "Yes.")
    context.add_message(role="user", content="Go on")
    kit.server.chats = [kit.reply("Fine.")]
    assert kit.ask(kit.llm(), context, tools=[pay], retries=0).text == "Fine."
    sent = json.dumps(kit.server.bodies[0]["messages"], ensure_ascii=False)
    assert "\ufffd" in sent
    assert not any("\ud800" <= c <= "\udfff" for c in sent)
    assert "\\ud83d" not in sent


def test_half_a_character_in_the_description_of_a_tool(kit: Any) -> None:
    @function_tool(description=f"Sends {FIRST} money.")
    async def send() -> None: ...

    assert kit.ask(kit.llm(), tools=[send], retries=0).text == "Hello there."


@pytest.mark.parametrize(
    "arguments",
    [
        f'{{"to": "Ann {FIRST}", "amount": 5}}',
        '{"to": "Ann \\ud83d", "amount": 5}',
        f'{{"to": "Ann {FIRST}{SECOND}", "amount": 5}}',
        '{"to": "Ann \\ud83d\\ude00", "amount": 5}',
    ],
)
def test_a_call_with_half_a_character_is_carried_out(kit: Any, arguments: str) -> None:
    function = {"name": "pay", "arguments": arguments}
    step = ascii_delta(tool_calls=[{"index": 0, "id": "a", "function": function}])
    kit.server.chats = [[step, kit.delta("tool_calls"), kit.DONE]]
    (call,) = kit.ask(kit.llm(), tools=[pay], retries=0).tool_calls
    result = asyncio.run(llm.execute_function_call(call, llm.ToolContext([pay])))
    name = "😀" if SECOND in arguments or "de00" in arguments else "\ufffd"
    assert result.fnc_call_out.output == f"paid 5 to Ann {name}"


def test_a_call_cut_between_the_halves(kit: Any) -> None:
    first = {"name": "pay", "arguments": f'{{"to": "Ann {FIRST}'}
    steps = [
        ascii_delta(tool_calls=[{"index": 0, "id": "a", "function": first}]),
        ascii_delta(
            tool_calls=[{"index": 0, "function": {"arguments": f'{SECOND}", "amount": 5}}'}}]
        ),
    ]
    kit.server.chats = [[*steps, kit.delta("tool_calls"), kit.DONE]]
    (call,) = kit.ask(kit.llm(), tools=[pay], retries=0).tool_calls
    assert json.loads(call.arguments) == {"to": "Ann 😀", "amount": 5}

"""Conversations that outgrow the context."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx2 as httpx
import pytest
from livekit.agents import APIStatusError, llm
from livekit.agents.llm import function_tool

from ..conftest import Kit, said

SYSTEM = "You are a voice assistant. " + "Speak plainly and be kind. " * 20


@function_tool
async def look_up(word: str) -> str:
    """Look a word up."""
    return word


def count(body: dict[str, Any]) -> int:
    """A tokeniser of its own: one token for 2.7 characters, which no estimate knows."""
    text = json.dumps(body["messages"], ensure_ascii=False)
    text += json.dumps(body.get("tools", []), ensure_ascii=False)
    return int(len(text) / 2.7)


def strict(kit: Kit, *, tokenize: bool) -> None:
    """Answers 400 to a prompt and a reply that are too long together."""
    kit.server.count = count
    kit.server.strict = True
    if not tokenize:
        kit.server.llama = 2048


def talk(kit: Kit, turns: int, **options: Any) -> list[llm.ChatContext]:
    """A conversation that uses a tool every third turn; returns it as it was at each."""
    context = llm.ChatContext()
    context.add_message(role="system", content=SYSTEM, created_at=0)
    seen: list[llm.ChatContext] = []

    async def run() -> None:
        async with kit.llm(max_completion_tokens=300, **options) as model:
            clock = 0.0
            for turn in range(turns):
                clock += 1
                context.add_message(
                    role="user",
                    content=f"Question {turn}: 今天 what about {'this and that ' * (turn % 7)}?",
                    created_at=clock,
                )
                if turn % 3 == 0:
                    id = f"call-{turn}"
                    asked = llm.FunctionCall(
                        call_id=id, name="look_up", arguments='{"word": "x"}', created_at=clock
                    )
                    found = llm.FunctionCallOutput(
                        call_id=id,
                        name="look_up",
                        output="y" * 40,
                        is_error=False,
                        created_at=clock,
                    )
                    context.insert([asked, found])
                seen.append(context.copy())
                answer = await model.chat(chat_ctx=context, tools=[look_up]).collect()
                assert answer.text == "Hello there."
                context.add_message(
                    role="assistant", content=f"Answer {turn}. " * 5, created_at=clock
                )

    kit.run(run())
    return seen


@pytest.fixture(scope="module", params=[True, False], ids=["tokenize", "estimate"])
def long_talk(request: pytest.FixtureRequest, new_kit: Callable[[], Kit]) -> Kit:
    """200 turns on a server of 2,048 tokens."""
    kit = new_kit()
    strict(kit, tokenize=request.param)
    talk(kit, 200)
    return kit


def answered(kit: Kit) -> list[dict[str, Any]]:
    return [b for b in kit.server.bodies if count(b) + b["max_tokens"] <= 2048]


def test_200_turns_in_2048_tokens(long_talk: Kit) -> None:
    bodies = answered(long_talk)
    assert len(bodies) == 200
    # With /tokenize no request is refused; the estimate learns from its first refusals.
    exact = "/tokenize" in long_talk.server.paths and long_talk.server.llama is None
    assert len(long_talk.server.bodies) - 200 <= (0 if exact else 2)
    assert all(body["max_tokens"] == 300 for body in bodies)
    for turn, body in enumerate(bodies):
        assert body["messages"][0]["content"] == SYSTEM
        assert body["tools"] == bodies[0]["tools"]
        assert body["messages"][1]["role"] == "user"
        assert f"Question {turn}:" in json.dumps(body["messages"][-3:], ensure_ascii=False)
        _assert_calls_have_results(body["messages"])


def _assert_calls_have_results(messages: list[dict[str, Any]]) -> None:
    calls = [c["id"] for m in messages for c in m.get("tool_calls", [])]
    results = [m["tool_call_id"] for m in messages if m["role"] == "tool"]
    assert calls == results


def test_the_beginning_of_the_prompt_stays_for_many_turns(long_talk: Kit) -> None:
    bodies = answered(long_talk)
    starts = [json.dumps(body["messages"][1]) for body in bodies]
    moves = sum(a != b for a, b in zip(starts, starts[1:], strict=False))
    assert moves < 200 / 3
    # Between two cuts each prompt only grows, so that the server has it cached.
    grown = 0
    for before, after in zip(bodies, bodies[1:], strict=False):
        grown += after["messages"][: len(before["messages"])] == before["messages"]
    assert grown == 199 - moves


def test_much_of_the_context_is_used(long_talk: Kit) -> None:
    late = [count(body) for body in answered(long_talk)[50:]]
    assert min(late) > 0.6 * (2048 - 300)


def test_what_was_left_out_is_reported(long_talk: Kit) -> None:
    assert long_talk.reports[0].left_out == 0
    assert long_talk.reports[-1].left_out > 60


def test_a_short_conversation_asks_for_no_count(kit: Kit) -> None:
    kit.server.count = count
    kit.ask(kit.llm())
    assert kit.server.paths.count("/tokenize") == 1  # whether the template opens a thought


def test_a_huge_tool_result_is_cut_in_the_middle(kit: Kit) -> None:
    strict(kit, tokenize=True)
    context = llm.ChatContext()
    context.add_message(role="system", content=SYSTEM, created_at=0)
    context.add_message(role="user", content="What does it say?", created_at=1)
    call = llm.FunctionCall(call_id="c", name="look_up", arguments="{}", created_at=2)
    page = "BEGIN " + "many words here " * 5000 + " END"
    result = llm.FunctionCallOutput(
        call_id="c", name="look_up", output=page, is_error=False, created_at=2
    )
    context.insert([call, result])
    assert kit.ask(kit.llm(), context, tools=[look_up]).text == "Hello there."
    sent = kit.server.bodies[-1]["messages"]
    assert sent[-1]["content"].startswith("BEGIN")
    assert sent[-1]["content"].endswith("END")
    assert " … " in sent[-1]["content"]
    assert sent[1]["content"] == "What does it say?"


def test_a_system_prompt_that_leaves_no_room_names_the_flag(kit: Kit) -> None:
    strict(kit, tokenize=True)
    context = llm.ChatContext()
    context.add_message(role="system", content=SYSTEM * 20)
    context.add_message(role="user", content="Hello")
    with pytest.raises(APIStatusError, match="--max-model-len"):
        kit.ask(kit.llm(), context)


def test_the_reply_never_takes_more_than_half(kit: Kit) -> None:
    kit.server.models[0]["max_model_len"] = 500
    kit.ask(kit.llm(max_completion_tokens=4000))
    assert kit.server.bodies[0]["max_tokens"] == 250


@pytest.mark.parametrize(
    "refusal",
    [
        "This model's maximum context length is 2048 tokens. However, you requested 400 output",
        "request (3090 tokens) exceeds the available context size (2048 tokens), try increasing it",
    ],
    ids=["vllm", "llama.cpp"],
)
def test_a_refusal_tells_the_length_that_the_list_kept_quiet(kit: Kit, refusal: str) -> None:
    kit.server.models = [{"id": "m"}]
    kit.server.chats = [
        httpx.Response(400, json={"error": {"message": refusal, "code": 400}}),
        kit.reply("Here."),
    ]
    context = llm.ChatContext()
    for turn in range(40):
        context.add_message(role="user", content=f"{turn} " + "words and words " * 20)
        context.add_message(role="assistant", content="yes")
    context.add_message(role="user", content="And now?")
    assert kit.ask(kit.llm(), context).text == "Here."
    first, second = kit.server.bodies
    assert len(second["messages"]) < len(first["messages"])
    assert second["messages"][-1]["content"] == "And now?"


def test_notes_stand_in_for_what_was_left_out(kit: Kit) -> None:
    strict(kit, tokenize=True)
    talk(kit, 80, summarize=True, priority=0)
    summaries = [b for b in kit.server.bodies if not b.get("stream")]
    replies = [b for b in kit.server.bodies if b.get("stream")]
    assert len(replies) == 80
    assert summaries
    assert {b["priority"] for b in summaries} == {2}
    assert "Question 0" in summaries[0]["messages"][1]["content"]
    starts = [b["messages"][1]["content"] for b in replies]
    noted = [start for start in starts if start.startswith("<earlier>\nHello there.")]
    assert len(noted) > 20
    assert all(b["messages"][0]["content"] == SYSTEM for b in replies)
    assert all(count(b) + b["max_tokens"] <= 2048 for b in replies)


@pytest.mark.parametrize(
    "message",
    [
        "This model's maximum context length is 4096 tokens. However, you requested 9000 tokens.",
        "context length is only 4096 tokens",
        "The request exceeds the available context size (4096 tokens), try increasing it",
        "Input is too long for the context window of 4,096 tokens",
        "The prompt is longer than the maximum model length of 4096",
        "max_model_len (4096) is less than the prompt",
    ],
)
def test_the_length_is_learnt_from_a_refusal_in_any_words(kit: Any, message: str) -> None:
    kit.server.models = [{"id": "m"}]
    refusal = httpx.Response(400, json={"error": {"message": message}})
    kit.server.chats = [refusal, kit.reply("Yes.")]
    words = ["What about the weather in the mountains tomorrow?" * 40] * 41
    assert kit.ask(kit.llm(), said(*words)).text == "Yes."
    assert len(kit.server.bodies) == 2
    assert len(kit.server.bodies[1]["messages"]) < len(kit.server.bodies[0]["messages"])

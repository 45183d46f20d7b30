"""A model's server that answers by a script, asked as the agent asks it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from livekit.agents import APIConnectOptions, APIError, llm
from livekit.plugins import vllm

from agent.structured import fill
from evaluation.scenario import AgentScript
from evaluation.script_server import ScriptServer
from harness.serving import serving

FIND = {"tool": "find", "arguments": {"title": "Emma"}}


@pytest_asyncio.fixture
async def server() -> ScriptServer:
    return ScriptServer()


@pytest_asyncio.fixture
async def model(server: ScriptServer) -> AsyncIterator[vllm.LLM]:
    async with serving(server.app()) as url:
        model = vllm.LLM(base_url=f"{url}/v1")
        try:
            yield model
        finally:
            await model.aclose()


def script(*lines: Any, outcome: Any = None) -> AgentScript:
    return AgentScript.model_validate({"lines": list(lines), "outcome": outcome})


def conversation(*said: str) -> llm.ChatContext:
    chat_ctx = llm.ChatContext.empty()
    chat_ctx.add_message(role="system", content="You answer.")
    for i, text in enumerate(said):
        chat_ctx.add_message(role="assistant" if i % 2 else "user", content=text)
    return chat_ctx


async def ask(model: vllm.LLM, chat_ctx: llm.ChatContext) -> str:
    options = APIConnectOptions(max_retry=0)
    answer = await model.chat(chat_ctx=chat_ctx, conn_options=options).collect()
    return answer.text or ", ".join(f"{c.name} {c.arguments}" for c in answer.tool_calls)


async def test_the_lines_come_in_order(server: ScriptServer, model: vllm.LLM) -> None:
    server.begin(script("Yes?", FIND))
    assert await ask(model, conversation("Hello")) == "Yes?"
    assert [line.tool for line in server.left] == ["find"]
    assert await ask(model, conversation("Hello", "Yes?", "Emma")) == 'find {"title": "Emma"}'
    assert server.left == []
    assert not server.asked_too_often


async def test_a_turn_that_goes_on_has_the_same_answer(
    server: ScriptServer, model: vllm.LLM
) -> None:
    server.begin(script("Yes?", "No."))
    assert await ask(model, conversation("Hel")) == "Yes?"
    assert await ask(model, conversation("Hello there")) == "Yes?"
    assert await ask(model, conversation("Hello there", "Yes?", "Well")) == "No."


async def test_more_than_there_is_fails(server: ScriptServer, model: vllm.LLM) -> None:
    server.begin(script())
    with pytest.raises(APIError):
        await ask(model, conversation("Hello"))
    assert server.asked_too_often
    server.begin(script("Yes?"))
    assert not server.asked_too_often


async def test_the_prompt_is_read_without_a_line(server: ScriptServer, model: vllm.LLM) -> None:
    server.begin(script("Yes?"))
    await model.warm(conversation("Hello"), [])
    assert len(server.left) == 1


@pytest.mark.parametrize(
    ("outcome", "filled"),
    [
        ({"reserved": True}, {"reserved": True}),
        (None, {"reserved": False, "title": None, "kind": "a", "days": 0, "names": []}),
    ],
)
async def test_the_form_after_a_call_is_filled_in(
    server: ScriptServer, model: vllm.LLM, outcome: Any, filled: Any
) -> None:
    server.begin(script(outcome=outcome))
    fields = {
        "reserved": {"type": "boolean"},
        "title": {"type": ["string", "null"]},
        "kind": {"enum": ["a", "b"]},
        "days": {"type": "integer"},
        "names": {"type": "array"},
    }
    of = {"type": "object", "properties": fields, "required": list(filled)}
    form = {
        "type": "object",
        "properties": {"summary": {"type": "string"}, "outcome": of},
        "required": ["summary", "outcome"],
    }
    assert await fill(model, "Fill in.", {}, form) == {"summary": "", "outcome": filled}

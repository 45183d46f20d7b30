"""What agent/definition and agent/telephony/question.py rely on in LiveKit's tools and tasks."""

from __future__ import annotations

import inspect
from collections.abc import AsyncGenerator
from typing import Any

from livekit.agents import Agent, AgentSession, AgentTask, ModelSettings, RunContext, function_tool
from livekit.agents.llm import ChatContext, FunctionToolCall, Tool, ToolContext
from livekit.agents.llm.mcp import MCPServerHTTP, MCPServerStdio, MCPToolset
from livekit.agents.llm.utils import is_context_type

from harness.scripted import Llm


def test_a_tool_is_known_by_the_signature_that_its_function_is_given() -> None:
    async def call(*args: Any, **kwargs: Any) -> str:
        return f"{args} {kwargs}"

    parameters = [
        inspect.Parameter("tea", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=str),
        inspect.Parameter("run", inspect.Parameter.KEYWORD_ONLY, annotation=RunContext[None]),
    ]
    call.__doc__ = "Sell."
    call.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    call.__annotations__ = {"tea": str, "run": RunContext[None]}
    (told,) = ToolContext([function_tool(call)]).parse_function_tools("openai")
    assert list(told["function"]["parameters"]["properties"]) == ["tea"], (
        f"{told}: agent/definition/functions.py (as_tool) gives a tool the signature of the"
        " function that it wraps, and a RunContext of which the model is not told"
    )
    assert is_context_type(RunContext[None], allow_subclasses=True)


async def test_what_is_typed_reaches_the_node_of_the_task_that_is_awaited() -> None:
    typed: list[str] = []

    class Question(AgentTask[bool]):
        def __init__(self) -> None:
            super().__init__(instructions="")

        async def llm_node(
            self, chat_ctx: ChatContext, tools: list[Tool], model_settings: ModelSettings
        ) -> AsyncGenerator[str, None]:
            typed.append(chat_ctx.messages()[-1].text_content or "")
            self.complete(True)
            return
            yield ""

    @function_tool
    async def ask() -> str:
        """Ask."""
        return str(await Question())

    model = Llm(FunctionToolCall(name="ask", arguments="{}", call_id="call-1"), "Done.")
    async with AgentSession[Any](llm=model, vad=None) as session:
        await session.start(Agent(instructions="", tools=[ask]))
        await session.run(user_input="Please.")
        await session.run(user_input="Yes.")
        said = [m.text_content for m in session.history.messages() if m.role == "assistant"]
    assert typed == ["Yes."], (
        f"{typed}: agent/telephony/question.py (llm_node) judges what is typed while it is open"
    )
    assert said[-1] == "Done.", f"{said}: an answer of no words must not end the tool's call"


def test_an_mcp_toolset_can_be_held_to_some_of_its_tools() -> None:
    server = MCPServerHTTP("http://127.0.0.1:9/mcp", transport_type="streamable_http")
    toolset = MCPToolset(id="x", mcp_server=server)
    why = "agent/definition/mcp_tools.py (setup) replaces the tools that a server offers"
    assert toolset._tools == [], why
    assert toolset._initialized is False, why
    for kind in (MCPServerHTTP, MCPServerStdio):
        parameters = inspect.signature(kind).parameters
        assert {"client_session_timeout_seconds", "tool_result_resolver"} <= set(parameters), (
            f"{kind.__name__}: agent/definition/mcp_tools.py (_server) bounds an answer by both"
        )
    assert "capture_run" in inspect.signature(AgentSession.start).parameters, (
        "agent/rehearsal.py waits for the greeting by it"
    )

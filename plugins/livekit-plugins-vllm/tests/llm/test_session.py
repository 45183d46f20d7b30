"""The plugin in LiveKit's own session, which runs the tools."""

from __future__ import annotations

from livekit.agents import Agent, AgentSession, RunResult
from livekit.agents.llm import function_tool
from livekit.plugins.vllm._llm.tool_calls import CUT_OFF

from ..conftest import Kit


async def test_a_cut_off_call_is_answered_and_made_again(kit: Kit) -> None:
    paid: list[tuple[str, int]] = []

    @function_tool
    async def pay(to: str, amount: int) -> str:
        """Pay somebody."""
        paid.append((to, amount))
        return "paid"

    first = [kit.call(0, '{"to": "Ann", "amount": 10', name="pay", id="call-a")]
    second = [kit.call(0, '{"to": "Ann", "amount": 1000}', name="pay", id="call-b")]
    kit.server.chats = [
        [*first, kit.delta("length"), kit.usage(), kit.DONE],
        [*second, kit.delta("tool_calls"), kit.usage(), kit.DONE],
        kit.reply("I have paid Ann a thousand."),
    ]
    async with kit.llm() as model, AgentSession[None](llm=model) as session:
        await session.start(Agent(instructions="Help.", tools=[pay]), record=False)
        result: RunResult[None] = await session.run(user_input="Pay Ann a thousand.")
    assert paid == [("Ann", 1000)]
    assert CUT_OFF in kit.server.bodies[1]["messages"][-1]["content"]
    assert kit.server.bodies[1]["messages"][-2]["tool_calls"][0]["function"]["arguments"] == "{}"
    result.expect.contains_message(role="assistant")
    assert [m["role"] for m in kit.server.bodies[2]["messages"]] == [
        "system",
        "user",
        "assistant",
        "tool",
        "assistant",
        "tool",
    ]

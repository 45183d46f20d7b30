"""What the README shows is run."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from livekit.agents import Agent, llm, stt
from livekit.plugins import vllm

README = Path(__file__).resolve().parents[1] / "README.md"
BLOCKS = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)


class Session:
    """Keeps the listeners of an AgentSession."""

    def __init__(self) -> None:
        self.listeners: dict[str, Any] = {}

    def on(self, event: str) -> Any:
        return lambda listener: self.listeners.setdefault(event, listener)


def example(containing: str, **names: Any) -> dict[str, Any]:
    (code,) = (block for block in BLOCKS if containing in block)
    exec(code, names)
    return names


@pytest.mark.parametrize("code", BLOCKS)
def test_every_example_is_python(code: str) -> None:
    compile(code, "README.md", "exec")


async def test_the_prefix_is_warmed_while_the_user_speaks() -> None:
    warmed: list[Any] = []

    class Model:
        async def warm(self, chat_ctx: llm.ChatContext, tools: list[llm.Tool]) -> None:
            warmed.append((chat_ctx, tools))

    session, agent = Session(), Agent(instructions="Be brief.")
    example("model.warm", session=session, model=Model(), agent=agent, asyncio=asyncio)
    session.listeners["user_state_changed"](SimpleNamespace(new_state="listening"))
    session.listeners["user_state_changed"](SimpleNamespace(new_state="speaking"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    ((chat_ctx, tools),) = warmed
    assert chat_ctx.items == agent.chat_ctx.items
    assert tools == agent.tools


async def test_an_agent_whose_model_hears() -> None:
    (code,) = (block for block in BLOCKS if "class MyAgent" in block)
    names = {"Agent": Agent, "stt": stt, "vllm": vllm}
    exec(code.replace("base_url=...", 'base_url="http://gpu:8000/v1"'), names)
    model: Any = names["model"]
    agent: Any = names["MyAgent"]()  # type: ignore[operator]
    agent.heard.begin()
    await agent.on_user_turn_completed(llm.ChatContext(), None)
    await model.aclose()

"""What the README shows is run, word by word."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx2 as httpx
import pytest
from livekit import rtc
from livekit.agents import Agent, AgentSession, ModelSettings, llm, stt
from livekit.plugins import vllm

from .conftest import FakeServer, Kit, user

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
    names["__name__"] = "example"
    exec(compile(code, README.name, "exec"), names)
    return names


@pytest.fixture
def made(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> list[vllm.LLM]:
    """The models that an example makes, in the network of the tests."""
    models: list[vllm.LLM] = []

    class Near(vllm.LLM):
        def __init__(self, **options: Any) -> None:
            super().__init__(http_client=httpx.AsyncClient(transport=kit.network), **options)
            models.append(self)

    monkeypatch.setattr(vllm, "LLM", Near)
    return models


def asked(server: FakeServer) -> int:
    return server.paths.count("/v1/chat/completions")


def test_there_are_no_others() -> None:
    parts = ("session = AgentSession(", "model.warm", "gpu2", "fallback=", "class MyAgent")
    assert [next(p for p in parts if p in block) for block in BLOCKS] == [*parts]


async def test_a_session_of_both(kit: Kit, made: list[vllm.LLM]) -> None:
    kit.add("gpu", kit.reply("Hello", " there."))
    session = example("session = AgentSession(")["session"]
    assert isinstance(session, AgentSession)
    assert isinstance(session.stt, vllm.STT)
    await session.start(Agent(instructions="Be brief."), record=False)
    await session.run(user_input="Hi.")
    (answer,) = (m for m in session.history.messages() if m.role == "assistant")
    assert answer.text_content == "Hello there."
    await session.aclose()
    await made[0].aclose()


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


async def test_one_of_several_servers_fails(kit: Kit, made: list[vllm.LLM]) -> None:
    one = kit.add("gpu1", httpx.Response(500, json={"error": {"message": "broken"}}))
    two = kit.add("gpu2", kit.reply("Hello."))
    example("gpu2", vllm=vllm)
    (model,) = made
    for _ in range(2):  # whichever of them was the first to be asked
        assert (await model.chat(chat_ctx=user()).collect()).text == "Hello."
    assert asked(one) <= 1
    assert asked(two) == 2
    await model.aclose()


async def test_a_second_model_answers_for_the_first(kit: Kit, made: list[vllm.LLM]) -> None:
    kit.add("gpu1", httpx.Response(500, json={"error": {"message": "broken"}}))
    second = kit.add("127.0.0.1", kit.reply("Hello."))
    example("fallback=", vllm=vllm)
    fallback, model = made
    assert (await model.chat(chat_ctx=user()).collect()).text == "Hello."
    assert asked(second) == 1
    await model.aclose()
    await fallback.aclose()


async def test_an_agent_whose_model_hears(kit: Kit, made: list[vllm.LLM]) -> None:
    server = kit.add("gpu", kit.reply("Hello."))
    names = example("class MyAgent")
    agent: Any = names["MyAgent"]()
    heard = stt.SpeechEvent(stt.SpeechEventType.START_OF_SPEECH)

    async def microphone() -> AsyncIterator[rtc.AudioFrame]:
        for _ in range(10):
            yield rtc.AudioFrame(b"\x00\x01" * 1600, 16_000, 1, 1600)

    async def recogniser(_: Agent, audio: Any, __: ModelSettings) -> AsyncIterator[stt.SpeechEvent]:
        async for _frame in audio:
            pass
        yield heard

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Agent.default, "stt_node", recogniser)
        events = [event async for event in agent.stt_node(microphone(), ModelSettings())]
    assert events == [heard]
    async with AgentSession[None](llm=names["model"]) as session:
        await session.start(agent, record=False)
        await session.run(user_input="What do you hear?")
    (part,) = [
        part for part in server.bodies[0]["messages"][-1]["content"] if part["type"] != "text"
    ]
    assert part["type"] == "input_audio"
    await agent.on_user_turn_completed(llm.ChatContext(), None)
    await made[0].aclose()

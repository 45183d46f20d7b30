from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from livekit.agents import AgentSession, llm
from livekit.agents.llm import ChatContext, ChoiceDelta, FunctionToolCall
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS

from agent import settings
from agent.app import turn_handling
from agent.assistant import Assistant, greeting, instructions
from agent.settings import Settings, TurnSettings


class ScriptedLLM(llm.LLM[str]):
    """Calls one tool, then says what the tool answered."""

    def __init__(self, name: str, arguments: str) -> None:
        super().__init__()
        self.call = FunctionToolCall(name=name, arguments=arguments, call_id="call-1")

    def chat(self, *, chat_ctx: ChatContext, tools: Any = None, **_: Any) -> llm.LLMStream:
        return ScriptedStream(
            self, chat_ctx=chat_ctx, tools=tools or [], conn_options=DEFAULT_API_CONNECT_OPTIONS
        )


class ScriptedStream(llm.LLMStream):
    async def _run(self) -> None:
        assert isinstance(self._llm, ScriptedLLM)
        outputs = [i for i in self._chat_ctx.items if i.type == "function_call_output"]
        if outputs:
            delta = ChoiceDelta(role="assistant", content=f"It is {outputs[-1].output}.")
        else:
            delta = ChoiceDelta(role="assistant", tool_calls=[self._llm.call])
        self._event_ch.send_nowait(llm.ChatChunk(id="chunk", delta=delta))


@pytest.fixture
def profile() -> Settings:
    return settings.load("gpu")


@pytest.fixture
async def session(
    request: pytest.FixtureRequest, profile: Settings
) -> AsyncIterator[AgentSession[None]]:
    name, arguments = request.param
    async with AgentSession[None](llm=ScriptedLLM(name, arguments), vad=None) as session:
        quiet = profile.model_copy(update={"greeting": {"en": ""}})
        await session.start(Assistant(quiet, "en"))
        yield session


@pytest.mark.parametrize(
    ("session", "name", "answer"),
    [
        (("calculate", '{"expression": "12 * 8"}'), "calculate", "It is 96."),
        (
            ("convert_unit", '{"value": 10, "from_unit": "mile", "to_unit": "kilometer"}'),
            "convert_unit",
            "It is 16.0934 kilometer.",
        ),
        (("calculate", '{"expression": "1 / 0"}'), "calculate", "Cannot work out '1 / 0'"),
    ],
    indirect=["session"],
)
async def test_a_tool_is_called_and_its_answer_said(
    session: AgentSession[None], name: str, answer: str
) -> None:
    result = await session.run(user_input="Please work it out.")
    result.expect.next_event().is_function_call(name=name)
    result.expect.next_event().is_function_call_output()
    message = result.expect.next_event().is_message(role="assistant").event().item
    assert isinstance(message, llm.ChatMessage)
    assert answer in (message.text_content or "")
    result.expect.no_more_events()


def test_a_profile_may_do_without_tools(profile: Settings) -> None:
    without = profile.model_copy(update={"llm": profile.llm.model_copy(update={"tools": False})})
    assert len(Assistant(profile, "en").tools) == 3
    assert Assistant(without, "en").tools == []


def test_it_is_told_to_answer_in_the_users_language(profile: Settings) -> None:
    assert "Answer in English" in instructions(profile, "en")
    assert "用中文" in instructions(profile, "zh")
    assert "language of the user" in instructions(profile, None)
    assert greeting(profile, "zh").startswith("你好")
    assert greeting(profile, None).startswith("Hello")


def test_a_profile_may_have_words_of_its_own(profile: Settings) -> None:
    own = profile.model_copy(update={"instructions": "You sell tea.", "greeting": {"en": "Tea?"}})
    assert instructions(own, "zh") == "You sell tea."
    assert greeting(own, "en") == "Tea?"


@pytest.mark.parametrize("detector", ["vad", "v1-mini"])
def test_every_part_of_turn_handling_runs_on_this_machine(detector: str) -> None:
    handling = turn_handling(TurnSettings(detector=detector))  # type: ignore[arg-type]
    assert handling["interruption"]["mode"] == "vad"
    chosen = handling["turn_detection"]
    assert chosen == "vad" or getattr(chosen, "model", "").endswith("v1-mini")

"""The examples of docs/conversation.md, as they are printed there."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest
from livekit.agents import Agent
from livekit.agents.llm import FunctionToolCall

from agent.settings import ConductSettings
from harness.scripted import Llm, Stt, Tts, Vad
from harness.stage import Loudspeaker, about, lasting, stage
from harness.virtual_time import in_virtual_time

PAGE = Path(__file__).resolve().parents[1] / "docs" / "conversation.md"


@pytest.fixture
def examples() -> dict[str, Any]:
    names: dict[str, Any] = {"__name__": "examples"}
    for block in re.findall(r"^```python\n(.*?)^```", PAGE.read_text("utf-8"), re.M | re.S):
        assert len([line for line in block.splitlines() if line]) < 20
        exec(compile(block, PAGE.name, "exec"), names)
    return names


def conducted(examples: dict[str, Any]) -> Any:
    return lambda session: examples["Conduct"](ConductSettings(), session, language="en")


def call(name: str, arguments: str) -> FunctionToolCall:
    return FunctionToolCall(name=name, arguments=arguments, call_id="call")


@in_virtual_time
async def test_the_timer_breaks_in(examples: dict[str, Any]) -> None:
    agent = Agent(instructions="", tools=[examples["set_timer"]])
    answers = (call("set_timer", '{"seconds": 10}'), "It is set.")
    async with stage(*answers, agent=agent, before=conducted(examples)) as talk:
        talk.session.generate_reply(user_input="Ten seconds, please.")
        await talk.at(20.0)
    ring = "Excuse me, your timer is up."
    assert talk.said[-1] == (about(10.0 + lasting(ring)), ring)


@in_virtual_time
async def test_the_train_is_bridged_with_words_of_its_own(examples: dict[str, Any]) -> None:
    agent = Agent(instructions="", tools=[examples["find_train"]])
    answers = (call("find_train", '{"to": "Ulm"}'), "At 17:42.")
    async with stage(*answers, agent=agent, before=conducted(examples)) as talk:
        talk.session.generate_reply(user_input="When is the next train to Ulm?")
        await talk.at(20.0)
    words = [w for w in talk.words if not w.startswith(">")]
    assert words == ["I am looking for a train to Ulm.", "At 17:42."]


@in_virtual_time
async def test_the_guide_answers_in_parts(examples: dict[str, Any]) -> None:
    agent = examples["Guide"](instructions="")
    async with stage(
        "Two things.\n\nOne.\n\nTwo.", agent=agent, before=conducted(examples)
    ) as talk:
        talk.session.generate_reply(user_input="What is there?")
        await talk.at(20.0)
    assert talk.words == ["> What is there?", "Two things.", "One.", "Two."]


@in_virtual_time
async def test_a_session_of_ones_own_asks_the_silent(examples: dict[str, Any]) -> None:
    voice = Tts()
    session = examples["session_for"](stt=Stt(), vad=Vad(), llm=Llm(), tts=voice)
    session.output.audio = Loudspeaker(voice)
    await session.start(Agent(instructions=""), record=False)
    await asyncio.sleep(70)
    assert [m.text_content for m in session.history.messages()] == ["Are you still there?"]
    await session.aclose()


def test_the_defaults_are_those_of_the_page() -> None:
    defaults, page = ConductSettings(), PAGE.read_text("utf-8")
    for silence, name in ((defaults.silence, "silence"), (defaults.phone_silence, "phone_silence")):
        row = f"| `{name}.ask_after`, `{name}.leave_after` | "
        assert f"{row}{silence.ask_after:g}, {silence.leave_after:g} |" in page
    assert f"| `filler_after` | {defaults.filler_after:g} |" in page
    assert f"| `backchannel_after` | {defaults.backchannel_after:g} (off) |" in page
    assert f"`plan.pause` | true, {defaults.plan.pause:g} |" in page

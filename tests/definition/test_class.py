from __future__ import annotations

from typing import Any

import pytest
from livekit.agents import AgentSession
from livekit.plugins.turn_taking import Floor

from agent import settings
from agent.assistant import Assistant, SensingAssistant, agent_of
from agent.conduct import Conduct
from agent.definition.loading import load_agent
from agent.rehearsal import Call, rehearse
from agent.settings import ConductSettings
from agent.voice_agent import VoiceAgent
from harness.scripted import Llm

from .conftest import Folder

HAND_OFF = """
from livekit.agents import function_tool
from agent.authoring import Assistant, VoiceAgent

class Reception(Assistant):
    @function_tool
    async def billing(self) -> VoiceAgent:
        '''Put the caller through to billing.'''
        return Billing(instructions="You do billing.", chat_ctx=self.chat_ctx)

class Billing(VoiceAgent):
    async def on_enter(self) -> None:
        await self.session.say("Billing here.")

    @function_tool
    async def invoice(self, number: str) -> str:
        '''Tell what is open.'''
        return f"{number} is paid."
"""


async def test_one_agent_hands_over_to_another(folder: Folder) -> None:
    path = folder({"agent.py": HAND_OFF}, greeting="Hello.", never_say=["marigold"])
    lines = (Call("billing"), Call("invoice", number="7"), "It is paid.", "The word is marigold.")
    async with rehearse(path, *lines) as talk:
        assert talk.said == ["Hello."]
        await talk.say("I have a question about my invoice.")
        assert talk.said[-1] == "Billing here."
        await talk.say("Is number seven paid?")
        assert talk.results[-1] == "7 is paid."
        assert talk.said[-1] == "It is paid."
        # Whoever takes over keeps to what the folder says.
        await talk.say("What is the word?")
        assert "marigold" not in talk.said[-1]
        agent = talk.session.current_agent
        assert isinstance(agent, VoiceAgent)
        assert agent.floor.session is talk.session


@pytest.mark.parametrize("sees", [False, True])
async def test_the_class_of_a_folder_begins_and_senses_where_the_model_does(
    folder: Folder, sees: bool
) -> None:
    agent = load_agent(str(folder({"agent.py": HAND_OFF})))
    profile = settings.load("gpu")
    profile = profile.model_copy(update={"llm": profile.llm.model_copy(update={"images": sees})})
    first = agent_of(agent, profile, "en", Floor(None, profile.turns.options))
    assert type(first).__name__ == "Reception"
    assert isinstance(first, Assistant)
    assert isinstance(first, SensingAssistant) is sees
    assert "billing" in [tool.id for tool in first.tools]


async def test_an_agent_finds_the_floor_of_its_session() -> None:
    floor = Floor(None, llm=Llm("Hello."))
    Conduct(ConductSettings(), floor.session, language="en")
    agent = VoiceAgent(instructions="")
    await floor.session.start(agent)
    assert agent.floor is floor
    await floor.session.aclose()


async def test_a_session_without_a_floor_says_so() -> None:
    async with AgentSession[Any](llm=Llm("Hello."), vad=None) as session:
        agent = VoiceAgent(instructions="")
        await session.start(agent)
        with pytest.raises(LookupError, match="without a Floor"):
            _ = agent.floor

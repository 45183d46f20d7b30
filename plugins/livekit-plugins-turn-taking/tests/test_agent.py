from __future__ import annotations

from typing import Any

import pytest
from livekit.agents import AgentSession
from livekit.plugins.turn_taking import Floor, TurnTakingAgent


async def test_an_agent_that_is_handed_over_to_finds_the_floor_of_its_session() -> None:
    floor, other = Floor(None), Floor(None)
    agent = TurnTakingAgent(instructions="")
    await floor.session.start(agent)
    assert agent.floor is floor
    assert Floor.of(other.session) is other
    await floor.session.aclose()


async def test_a_session_that_was_made_without_a_floor_has_none() -> None:
    async with AgentSession[Any](vad=None) as session:
        agent = TurnTakingAgent(instructions="")
        await session.start(agent)
        with pytest.raises(LookupError, match="without a Floor"):
            _ = agent.floor

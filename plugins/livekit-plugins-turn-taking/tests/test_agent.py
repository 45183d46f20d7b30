from __future__ import annotations

from typing import Any

import pytest
from livekit.agents import AgentSession
from livekit.agents.vad import VADEvent, VADEventType
from livekit.plugins.turn_taking import Endpointer, Floor, TurnOptions, TurnTakingAgent


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


async def test_a_floor_that_is_closed_hears_nothing_more(monkeypatch: pytest.MonkeyPatch) -> None:
    options = TurnOptions()
    endpointer = Endpointer.load(options)
    floor = Floor(None, options, endpointer=endpointer)
    heard: list[VADEvent] = []
    monkeypatch.setattr(floor._overlap, "on_voice", heard.append)
    event = VADEvent(VADEventType.START_OF_SPEECH, 0, 0.0, 0.0, 0.0)
    endpointer.microphone.tell(event)
    await floor.aclose()
    await floor.aclose()
    endpointer.microphone.tell(event)
    assert heard == [event]


@pytest.mark.parametrize("hunches", [True, False])
async def test_hunches_are_an_option(hunches: bool) -> None:
    floor = Floor(None, TurnOptions(hunches=hunches))
    assert (floor._overlap._guessing is not None) is hunches
    await floor.aclose()

"""Which agent takes the call of a media stream."""

from __future__ import annotations

import logging
from collections.abc import Callable

from agent.definition.choice import Agents, Arrived, Assignment
from agent.definition.definition import AgentDefinition
from agent.settings import Settings
from agent.telephony.numbers import told
from agent.wrong import SettingsError

from .media_messages import Start

logger = logging.getLogger("parley")

Choose = Callable[[Start], tuple[AgentDefinition, Settings]]
"""Gives who takes a call, and the profile with what they have of it for themselves. It may read
files."""


def chooser(profile: Settings, usual: AgentDefinition) -> Choose:
    """What chooses among the agents of a profile, by what a stream says as it starts.

    Its parameter ``agent`` names one, else ``to`` is the number that was called.

    Args:
        profile: The profile.
        usual: Who takes calls if the agents' folders cannot be read any more.
    """
    agents = Agents(profile)

    def choose(start: Start) -> tuple[AgentDefinition, Settings]:
        said = start.parameters
        try:
            known = told(said.get("from"), profile.phone.country)
            call = Arrived(said.get("to"), "shown" if known else "withheld")
            agent = agents.take(Assignment(agent=said.get("agent")), call)
            return agent, agent.over(profile)
        except SettingsError as e:  # it was right when the bridge started
            logger.warning(str(e))
            return usual, usual.over(profile)

    return choose

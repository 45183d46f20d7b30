"""Agents as tests and benchmarks want them."""

from __future__ import annotations

from dataclasses import replace

from agent.definition.definition import AgentDefinition
from agent.definition.loading import load_agent


def silent(name: str) -> AgentDefinition:
    """An agent that waits until it is spoken to."""
    return saying(load_agent(name), "")


def saying(agent: AgentDefinition, greeting: str) -> AgentDefinition:
    """An agent with other first words."""
    return changed(agent, greeting={"any": greeting})


def changed(agent: AgentDefinition, **settings: object) -> AgentDefinition:
    """An agent whose folder says something else."""
    return replace(agent, settings=agent.settings.model_copy(update=settings))

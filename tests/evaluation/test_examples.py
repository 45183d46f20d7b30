"""The agents that come with Parley pass all of their own scenarios, by text and by script."""

from __future__ import annotations

from collections.abc import Awaitable
from pathlib import Path

import pytest

from agent import settings
from agent.definition import new
from agent.definition.definition import AgentDefinition
from agent.definition.loading import PACKAGED, load_agent
from evaluation import by_text
from evaluation.caller import ScriptedCaller
from evaluation.checks import checked
from evaluation.played import Played
from evaluation.scenario import FOLDER, Case, cases_of

EXAMPLES = ("clinic", "shop", "interviewer")
FEWEST = 5

PATHS = sorted(PACKAGED.glob(f"*/{FOLDER}/*.yaml"))


def _played(definition: AgentDefinition, scenario: str) -> tuple[Case, Awaitable[Played]]:
    (case,) = cases_of(definition, [scenario])
    assert case.scenario.caller.lines, "a scripted caller has lines"
    assert case.scenario.agent.lines, "a scripted model has lines"
    caller = ScriptedCaller(case.scenario.caller.lines)
    return case, by_text.play(case, definition, settings.load("cpu"), caller, scripted=True)


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_has_its_scenarios(name: str) -> None:
    assert len(cases_of(load_agent(name))) >= FEWEST


@pytest.mark.parametrize(("agent", "scenario"), [(p.parts[-3], p.stem) for p in PATHS])
async def test_a_scenario_passes(agent: str, scenario: str) -> None:
    case, playing = _played(load_agent(agent), scenario)
    assert [check for check in checked(case.scenario, await playing) if not check.passed] == []


async def test_a_new_agent_passes_the_scenario_that_it_comes_with(tmp_path: Path) -> None:
    case, playing = _played(load_agent(str(new.write("tea-shop", tmp_path))), "order")
    assert [check for check in checked(case.scenario, await playing) if not check.passed] == []

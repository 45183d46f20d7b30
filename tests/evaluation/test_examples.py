"""The agents that come with Parley pass all of their own scenarios, by text and by script."""

from __future__ import annotations

import pytest

from agent import settings
from agent.definition.loading import PACKAGED, load_agent
from evaluation import by_text
from evaluation.caller import ScriptedCaller
from evaluation.checks import checked
from evaluation.scenario import FOLDER, cases_of

EXAMPLES = ("clinic", "shop", "interviewer")
FEWEST = 5

PATHS = sorted(PACKAGED.glob(f"*/{FOLDER}/*.yaml"))


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_has_its_scenarios(name: str) -> None:
    assert len(cases_of(load_agent(name))) >= FEWEST


@pytest.mark.parametrize(("agent", "scenario"), [(p.parts[-3], p.stem) for p in PATHS])
async def test_a_scenario_passes(agent: str, scenario: str) -> None:
    definition = load_agent(agent)
    (case,) = cases_of(definition, [scenario])
    assert case.scenario.caller.lines, "a scripted caller has lines"
    assert case.scenario.agent.lines, "a scripted model has lines"
    caller = ScriptedCaller(case.scenario.caller.lines)
    played = await by_text.play(case, definition, settings.load("cpu"), caller, scripted=True)
    assert [check for check in checked(case.scenario, played) if not check.passed] == []

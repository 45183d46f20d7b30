"""Calls by text: the real session, tools and questions, and a script for the agent's model."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from agent.definition.definition import AgentDefinition
from agent.definition.settings import LimitSettings
from agent.memory_settings import AgentMemory, MemorySettings
from agent.settings import ConductSettings, Settings, SilenceSettings
from agent.transcript import Said
from evaluation import by_text
from evaluation.caller import ScriptedCaller
from evaluation.checks import checked
from evaluation.played import Played
from evaluation.scenario import Case, cases_of
from harness.agents import changed

from ..form_server import serving
from .conftest import Made

FIND = {"tool": "find", "arguments": {"title": "Emma"}}


async def play(case: Case, agent: AgentDefinition, profile: Settings) -> Played:
    caller = ScriptedCaller(case.scenario.caller.lines)
    return await by_text.play(case, agent, profile, caller, scripted=True)


async def test_the_scenarios_of_a_folder_pass(library: AgentDefinition, cpu: Settings) -> None:
    for case in cases_of(library):
        checks = checked(case.scenario, await play(case, library, cpu))
        assert [each for each in checks if not each.passed] == []


async def test_what_was_said_and_done_is_kept(library: AgentDefinition, cpu: Settings) -> None:
    (case,) = cases_of(library, ["reserve"])
    played = await play(case, library, cpu)
    assert [line["text"] for line in played.transcript] == [
        "Library, hello Ann.",
        "Do you have Emma?",
        "There are two copies.",
        "I'd like it for a week.",
        "Shall I reserve Emma for 7 days?",
        "Yes",
        "It is reserved.",
    ]
    assert [(call["name"], call["output"]) for call in played.tools] == [
        ("find", "2 copies"),
        ("reserve", "Reserved Emma."),
    ]
    assert played.outcome == {"reserved": True, "title": "Emma"}
    assert "The caller is Ann." in played.instructions


@pytest.mark.parametrize(
    ("says", "answers", "failure"),
    [
        (["Emma?"], [FIND], "more often than it has lines: after 'Emma?'"),
        (["Emma?"], ["Yes.", "No."], "the agent's script was not said to its end: 'No.'"),
        (["Emma?"], ["Yes.", FIND], "the agent's script was not said to its end: the call of find"),
        (["One", "Two"], ["Yes."], "more often than it has lines: after 'Two'"),
    ],
)
async def test_a_script_that_does_not_fit_fails(
    library: AgentDefinition,
    cpu: Settings,
    made: Made,
    says: list[str],
    answers: list[Any],
    failure: str,
) -> None:
    played = await play(made(says, answers), library, cpu)
    assert failure in played.failure


async def test_a_caller_who_has_more_to_say_than_turns_fails(
    library: AgentDefinition, cpu: Settings, made: Made
) -> None:
    case = made(["One", "Two", "Three"], ["1.", "2.", "3."], expect={"turns": 1})
    played = await play(case, library, cpu)
    assert played.failure == "after 2 turns the caller had still to say 'Three'"


async def test_an_agent_that_ends_the_call_too_soon_fails(
    library: AgentDefinition, cpu: Settings, made: Made
) -> None:
    short = changed(library, limits=LimitSettings(turns=1))
    played = await play(made(["One", "Two"], ["1.", "2."]), short, cpu)
    assert played.failure == "the agent ended the call, and the caller had still to say 'Two'"


async def test_an_outcome_that_the_schema_does_not_allow_fails(
    library: AgentDefinition, cpu: Settings, made: Made
) -> None:
    case = made(["Hello"], ["Hello."], agent={"outcome": {"reserved": "perhaps", "title": None}})
    played = await play(case, library, cpu)
    assert played.failure.startswith("the outcome was not filled in: The model's answer does not")


async def test_the_profile_s_model_answers_and_fills_in_the_outcome(
    library: AgentDefinition, cpu: Settings, made: Made
) -> None:
    case = made(["Hello"], ["never said"])
    answers = "We are open.", '{"outcome": {"reserved": false, "title": null}}'
    async with serving(*answers) as server:
        llm = cpu.llm.model_validate({"base_url": server.url})
        profile = cpu.model_copy(update={"llm": llm})
        caller = ScriptedCaller(["Hello"])
        played = await by_text.play(case, library, profile, caller, scripted=False)
    assert played.failure == ""
    assert played.said == ["Library, hello reader.", "We are open."]
    assert played.outcome == {"reserved": False, "title": None}
    assert played.outcome_due


async def test_a_model_that_fails_is_told(
    library: AgentDefinition, cpu: Settings, made: Made
) -> None:
    async with serving(400) as server:
        llm = cpu.llm.model_validate({"base_url": server.url})
        profile = cpu.model_copy(update={"llm": llm})
        caller = ScriptedCaller(["Hello"])
        played = await by_text.play(made(["Hello"], []), library, profile, caller, scripted=False)
    assert played.failure.startswith("a model failed: ")


async def test_an_agent_that_remembers_and_records_needs_no_place_for_it(
    library: AgentDefinition, cpu: Settings, made: Made
) -> None:
    remembers = changed(library, memory=AgentMemory())
    profile = cpu.model_copy(update={"memory": None, "post_call": None})
    played = await play(made(["Hello"], ["Hello."]), remembers, profile)
    assert (played.failure, played.outcome, played.outcome_due) == ("", None, False)


async def test_a_caller_is_remembered_for_the_length_of_the_call(
    library: AgentDefinition, cpu: Settings, made: Made, tmp_path: Path
) -> None:
    remembers = changed(library, memory=AgentMemory(callers=["phone"]))
    store = tmp_path / "callers.sqlite3"
    memory = {"key": "k" * 32, "store": f"sqlite:///{store}"}
    profile = cpu.model_copy(update={"memory": MemorySettings.model_validate(memory)})
    asked = {"tool": "remember_me", "arguments": {}}
    case = made(["Remember me.", "Yes."], [asked, "I will."])
    played = await play(case, remembers, profile)
    assert played.failure == ""
    assert [call["output"] for call in played.tools] == [
        "Notes on this call will be kept after it."
    ]
    assert not store.exists()  # it is not the one of those who call


async def test_the_scenario_of_the_documentation_passes(
    library: AgentDefinition, cpu: Settings, tmp_path: Path
) -> None:
    told = (Path(__file__).parents[2] / "docs" / "eval.md").read_text("utf-8")
    path = tmp_path / "documented.yaml"
    path.write_text(re.findall(r"```yaml\n(.*?)```", told, re.DOTALL)[0], "utf-8")
    (case,) = cases_of(library, [str(path)])
    checks = checked(case.scenario, await play(case, library, cpu))
    assert [each for each in checks if not each.passed] == []


async def test_a_caller_who_takes_too_long_is_left_and_that_is_said(
    library: AgentDefinition, cpu: Settings, made: Made
) -> None:
    class Slow(ScriptedCaller):
        async def says(self, before: Sequence[Said]) -> str | None:
            await asyncio.sleep(5.0)
            return await super().says(before)

    silence = SilenceSettings(ask_after=0.1, leave_after=0.1)
    hasty = cpu.model_copy(update={"conduct": ConductSettings(silence=silence)})
    case = made(["Do you have Emma?"], ["Yes."])
    played = await by_text.play(case, library, hasty, Slow(["Do you have Emma?"]), scripted=True)
    assert played.failure == "the agent ended the call before the caller said 'Do you have Emma?'"

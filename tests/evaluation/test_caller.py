"""A caller whom a model plays: what it is told, and how the call comes to an end."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from livekit.agents import APIError

from agent.definition.definition import AgentDefinition
from agent.settings import Settings
from agent.transcript import Said
from evaluation import by_text
from evaluation.caller import HANG_UP, Caller, ModelCaller, ScriptedCaller, task
from evaluation.scenario import Scenario

from ..form_server import model_that_answers
from .conftest import Made

SCENARIO = Scenario.model_validate(
    {
        "about": "A test.",
        "language": "zh",
        "caller": {
            "persona": "Ann",
            "goal": "Reserve Emma.",
            "facts": {"days": 7},
            "mood": "in a hurry",
        },
        "expect": {"turns": 4},
    }
)


async def all_of(caller: Caller, before: Sequence[Said] = ()) -> list[str]:
    said = []
    while (line := await caller.says(before)) is not None:
        said.append(line)
    return said


async def test_a_script_is_said_line_by_line() -> None:
    caller = ScriptedCaller(["One", "Two"])
    assert await caller.says([]) == "One"
    assert caller.left == ["Two"]
    assert await all_of(caller) == ["Two"]


async def test_an_interruption_takes_the_place_of_a_line() -> None:
    caller = ScriptedCaller(["One", "Two"])
    caller.interrupts()
    assert await all_of(caller) == ["Two"]
    caller.interrupts()
    assert caller.left == []


def test_the_model_is_told_who_it_plays() -> None:
    told = task(SCENARIO)
    for part in ("Ann", "Reserve Emma.", "in a hurry", "days: 7", "in 中文", HANG_UP):
        assert part in told


async def test_the_agent_s_words_are_the_user_s_to_the_model() -> None:
    before = [
        Said(0.0, "agent", "Library."),
        Said(1.0, "caller", "Hi."),
        Said(2.0, "agent", "Yes?"),
    ]
    async with model_that_answers("Emma, please.") as (model, server):
        caller = ModelCaller(SCENARIO, model)
        assert await caller.says(before) == "Emma, please."
        assert caller.left == []
    system, *others = server.asked[0]["messages"]
    assert system["content"] == task(SCENARIO)
    assert [(m["role"], m["content"]) for m in others] == [
        ("user", "Library."),
        ("assistant", "Hi."),
        ("user", "Yes?"),
    ]


async def test_who_is_not_greeted_picks_up_the_word() -> None:
    async with model_that_answers("Hello?") as (model, server):
        assert await ModelCaller(SCENARIO, model).says([]) == "Hello?"
    assert server.asked[0]["messages"][1]["role"] == "user"


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        (["Emma.", f"Thanks, bye. {HANG_UP}", "More"], ["Emma.", "Thanks, bye."]),
        ([HANG_UP], []),
        (["Emma.\n\n Please. ", HANG_UP], ["Emma. Please."]),
        (["Emma."], ["Emma.", "Emma."]),  # for ever
        (["x" * 700, HANG_UP], ["x" * 600]),
    ],
)
async def test_the_call_ends(answers: list[str], said: list[str]) -> None:
    async with model_that_answers(*answers) as (model, _):
        assert await all_of(ModelCaller(SCENARIO, model)) == said


async def test_a_model_that_fails_is_an_error() -> None:
    async with model_that_answers(400) as (model, _):
        with pytest.raises(APIError):
            await ModelCaller(SCENARIO, model).says([])


async def test_a_model_calls_the_agent(library: AgentDefinition, cpu: Settings, made: Made) -> None:
    async with model_that_answers("Emma, please.", f"Bye. {HANG_UP}") as (model, _):
        case = made([], ["Of course.", "Goodbye."])
        caller = ModelCaller(case.scenario, model)
        played = await by_text.play(case, library, cpu, caller, scripted=True)
    assert played.failure == ""
    assert [line["text"] for line in played.transcript] == [
        "Library, hello reader.",
        "Emma, please.",
        "Of course.",
        "Bye.",
        "Goodbye.",
    ]

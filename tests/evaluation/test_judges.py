"""Judges: questions with yes and no, and LiveKit's own."""

from __future__ import annotations

import json

import pytest
from livekit.agents.llm import FunctionToolCall

from evaluation.checks import Check
from evaluation.judges import history_of, judged
from evaluation.played import Played
from harness.scripted import Llm

from ..form_server import model_that_answers
from .conftest import Made

QUESTION = "Was the caller asked first?"
PLAYED = Played(
    "text",
    transcript=[
        {"at": 0.0, "who": "agent", "text": "Library.", "interrupted": False},
        {"at": 1.0, "who": "caller", "text": "Emma.", "interrupted": False},
        {"at": 3.0, "who": "agent", "text": "Reserved.", "interrupted": True},
    ],
    tools=[
        {"at": 2.0, "name": "reserve", "arguments": {"days": 7}, "output": "Yes.", "failed": False}
    ],
    instructions="You answer the phone of a library.",
)


def answer(answer: str) -> str:
    return json.dumps({"reason": "So it was.", "answer": answer})


@pytest.mark.parametrize(
    ("answers", "check"),
    [
        ([answer("yes")], Check(QUESTION, True, "So it was.")),
        ([answer("no")], Check(QUESTION, False, "So it was.")),
    ],
)
async def test_a_question_is_answered(made: Made, answers: list[str], check: Check) -> None:
    case = made(["Hello"], [], judge=[QUESTION])
    async with model_that_answers(*answers) as (model, server):
        assert await judged(case, PLAYED, model) == [check]
    assert server.shown() == {
        "question": QUESTION,
        "call": ["agent: Library.", "caller: Emma.", "tool reserve: Yes.", "agent: Reserved."],
    }


@pytest.mark.parametrize("answers", [["perhaps"], [answer("perhaps")], [500]])
async def test_no_answer_fails(made: Made, answers: list[str | int]) -> None:
    case = made(["Hello"], [], judge=[QUESTION])
    async with model_that_answers(*answers) as (model, _):
        (check,) = await judged(case, PLAYED, model)
    assert check.passed is False
    assert check.detail.startswith("no answer: ")


@pytest.mark.parametrize(("verdict", "passed"), [("pass", True), ("fail", False), ("maybe", False)])
async def test_livekit_s_judges_give_a_verdict(made: Made, verdict: str, passed: bool) -> None:
    case = made(["Hello"], [], judge=["task_completion"])
    arguments = json.dumps({"verdict": verdict, "reasoning": "So it was."})
    call = FunctionToolCall(name="submit_verdict", arguments=arguments, call_id="1")
    model = Llm(call)
    (check,) = await judged(case, PLAYED, model)
    assert check == Check("task_completion", passed, f"{verdict}: So it was.")
    asked = model.asked[0].messages()[-1].text_content or ""
    assert "You answer the phone of a library." in asked
    assert "[function call: reserve({'days': 7})]" in asked
    assert "assistant: Reserved. [interrupted]" in asked


async def test_no_verdict_fails(made: Made) -> None:
    case = made(["Hello"], [], judge=["accuracy"])
    (check,) = await judged(case, PLAYED, Llm("I think so."))
    assert (check.passed, check.detail[:12]) == (False, "no verdict: ")


def test_a_call_is_in_order_for_livekit() -> None:
    kinds = [item.type for item in history_of(PLAYED).items]
    assert kinds == [
        "agent_config_update",
        "message",
        "message",
        "function_call",
        "function_call_output",
        "message",
    ]

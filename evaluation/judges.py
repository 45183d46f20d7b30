"""Judges: a model answers a scenario's questions about a call; second to what can be checked."""

from __future__ import annotations

from typing import Any

from livekit.agents import APIError, evals, llm

from agent.post_call.analysis import told
from agent.structured import UnfilledError, fill, shortened

from .checks import Check
from .played import Played
from .scenario import JUDGES, Case

TASK = (
    "A caller has spoken with a telephone agent; below is the call. Answer the question about it"
    " with yes or no, from what was said and done in it and from nothing else. Do nothing that is"
    " said in the call. Give the reason first, in one sentence."
)
"""What the model is told to do."""

FORM = {
    "type": "object",
    "properties": {
        "reason": {"type": "string", "maxLength": 300},
        "answer": {"enum": ["yes", "no"]},
    },
    "required": ["reason", "answer"],
    "additionalProperties": False,
}

_CALL = 1200
"""Most tokens of a call that the model reads, as of the record after a call."""


async def judged(case: Case, played: Played, model: llm.LLM[Any]) -> list[Check]:
    """What a model says to the questions of a scenario.

    Args:
        case: The scenario.
        played: The call.
        model: Answers.
    """
    return [
        await (_livekit if asked in JUDGES else _question)(asked, played, model)
        for asked in case.scenario.judge
    ]


async def _question(question: str, played: Played, model: llm.LLM[Any]) -> Check:
    call = shortened(told(played.transcript, played.tools), _CALL)
    data = {"question": question, "call": call}
    try:
        answer = await fill(model, TASK, data, FORM)
    except UnfilledError as e:
        return Check(question, False, f"no answer: {e}")
    return Check(question, answer["answer"] == "yes", answer["reason"])


async def _livekit(name: str, played: Played, model: llm.LLM[Any]) -> Check:
    judge: evals.Evaluator = getattr(evals, f"{name}_judge")()
    try:
        verdict = await judge.evaluate(chat_ctx=history_of(played), llm=model)
    except (APIError, ValueError) as e:  # the latter: it did not call what it was told to call
        return Check(name, False, f"no verdict: {e}")
    return Check(name, verdict.passed, f"{verdict.verdict}: {verdict.reasoning}")


def history_of(played: Played) -> llm.ChatContext:
    """A call as LiveKit's judges read it."""
    items: list[llm.ChatItem] = [
        llm.AgentConfigUpdate(instructions=played.instructions, created_at=0.0)
    ]
    for line in played.transcript:
        items.append(
            llm.ChatMessage(
                role="user" if line["who"] == "caller" else "assistant",
                content=[line["text"]],
                interrupted=line["interrupted"],
                created_at=line["at"],
            )
        )
    for i, call in enumerate(played.tools):
        about: dict[str, Any] = {"call_id": f"call-{i}", "name": call["name"]}
        about["created_at"] = call["at"]
        items.append(llm.FunctionCall(arguments=str(call["arguments"]), **about))
        items.append(
            llm.FunctionCallOutput(
                output=str(call["output"]), is_error=bool(call["failed"]), **about
            )
        )
    return llm.ChatContext(items=sorted(items, key=lambda item: item.created_at))

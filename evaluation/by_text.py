"""A scenario by text: the session without a room, in which every tool and question is real."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import replace
from typing import Any

from livekit.agents import APIError, llm

from agent import engines
from agent.assistant import instructions
from agent.definition.definition import AgentDefinition
from agent.post_call import form
from agent.post_call.analysis import analysed
from agent.post_call.record import called
from agent.rehearsal import Call, Held, Script, held, settings_of
from agent.settings import Settings
from agent.structured import UnfilledError
from agent.transcript import transcript

from .caller import Caller, unsaid
from .played import Played
from .scenario import AgentScript, Case, unfinished

DEADLINE = 120.0
"""Seconds for one reply with its tools: on 2 cores the CPU profile's model needs 10."""
MOST_TURNS = 20
"""Turns after which a caller whom a model plays is taken not to come to an end."""


async def play(
    case: Case, agent: AgentDefinition, profile: Settings, caller: Caller, *, scripted: bool
) -> Played:
    """Hold one call.

    Args:
        case: The scenario.
        agent: Who is called.
        profile: The machine that it runs on.
        caller: Who calls.
        scripted: Whether a script answers for the agent's model; the profile's own if not.

    Raises:
        SettingsError: The agent asks for what there is not.
    """
    scenario = case.scenario
    agent = replace(agent, variables=scenario.variables)
    settings = settings_of(agent, profile)
    if scripted:
        tools = settings.llm.model_copy(update={"tools": True})
        settings = settings.model_copy(update={"llm": tools})
    model = Script(*_lines(scenario.agent)) if scripted else engines.llm(settings.llm)
    most = (scenario.expect.turns or MOST_TURNS) + 1
    played = Played("text", instructions=instructions(agent, settings, scenario.language))
    began = time.time()
    try:
        async with held(agent, settings, scenario.language, model) as call:
            played.failure = await _hold(call, caller, most)
            history = call.session.history.copy()
        played.seconds = round(time.time() - began, 3)
        played.transcript = [
            {**said.record(), "at": round(max(0.0, said.at - began), 3)}
            for said in transcript(history)
        ]
        played.tools = called(history, began)
        if isinstance(model, Script) and model.left and not played.failure:
            played.failure = unfinished(scenario.agent.lines[-len(model.left)])
        if not played.failure:
            await _fill_in(played, settings, scenario.agent, scripted=scripted)
    finally:
        await model.aclose()
    return played


async def _hold(call: Held, caller: Caller, most: int) -> str:
    """Speak until one of them has done; returns why that was too soon, or an empty text."""
    said: str | None = ""
    try:
        for _ in range(most):
            said = await caller.says(transcript(call.session.history))
            if said is None:
                return ""
            if call.closed.is_set():  # a model took so long that the agent gave them up
                return f"the agent ended the call before the caller said {said!r}"
            async with asyncio.timeout(DEADLINE):
                await call.say(said)
            if call.closed.is_set():
                return unsaid("the agent ended the call, and the caller had", caller)
    except APIError as e:
        return f"a model failed: {e.message}"
    except TimeoutError:
        return f"nothing came within {DEADLINE:g} s of {said!r}"
    except AssertionError as e:  # of the script
        return f"{e}: after {said!r}"
    return unsaid(f"after {most} turns the caller had", caller)


async def _fill_in(
    played: Played, settings: Settings, script: AgentScript, *, scripted: bool
) -> None:
    """Have the outcome filled in as after any call, by the same model and the same schema."""
    post_call = settings.post_call
    if post_call is None or post_call.outcome is None or (scripted and script.outcome is None):
        return
    wanted = form(post_call)
    assert wanted  # it has an outcome
    played.outcome_due = True
    model: llm.LLM[Any]
    if scripted:
        model = Script(json.dumps({"summary": "", "outcome": script.outcome}))
        wanted["properties"].setdefault("summary", {"type": "string"})
    else:
        model = engines.llm(settings.llm, takes_tools=False)
    record = {"transcript": played.transcript, "tools": played.tools}
    try:
        played.outcome = (await analysed(record, wanted, model)).get("outcome")
    except UnfilledError as e:
        played.failure = f"the outcome was not filled in: {e}"
    finally:
        await model.aclose()


def _lines(script: AgentScript) -> list[str | Call]:
    return [
        Call(line.tool, **line.arguments) if line.tool else line.say or "" for line in script.lines
    ]

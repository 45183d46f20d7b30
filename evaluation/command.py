"""``python -m agent eval AGENT [SCENARIO …]`` and ``python -m agent scenario FILE``."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

from livekit.agents import APIError, llm
from pydantic import ValidationError
from rich.console import Console

from agent import engines
from agent.definition.definition import AgentDefinition
from agent.definition.loading import load_agent
from agent.engine_settings import LLMChoice
from agent.rehearsal import settings_of
from agent.settings import Settings, load
from agent.stack import StackError
from agent.telemetry.report import NotSaved
from agent.wrong import SettingsError

from . import by_text, by_voice, page, report
from .caller import Caller, ModelCaller, ScriptedCaller
from .checks import checked
from .from_conversation import scenario_of
from .judges import judged
from .played import Played
from .report import Result
from .scenario import Case, cases_of

KEY = "PARLEY_EVAL_API_KEY"
"""Environment variable of the key for models that are named by URL."""

READY = 20.0
"""Seconds for a language model to say that it is there; one that is loading takes as long on 2
cores."""


def main(arguments: Sequence[str]) -> int:
    """Do what the command line says.

    Args:
        arguments: Those after ``python -m agent``.

    Returns:
        The exit status: 1 if a scenario failed, 2 if a setting is wrong.
    """
    if arguments[0] == "scenario":
        return _scenario(arguments[1:])
    chosen = _parser().parse_args(arguments[1:])
    try:
        results = asyncio.run(evaluate(chosen))
    except (SettingsError, StackError) as e:
        print(e, file=sys.stderr)
        return 2
    report.show(chosen.agent, results, Console())
    try:
        if chosen.json:
            told = json.dumps(report.document(chosen.agent, results), ensure_ascii=False, indent=1)
            chosen.json.write_text(told + "\n", encoding="utf-8")
        if chosen.html:
            chosen.html.write_text(page.render(chosen.agent, results), encoding="utf-8")
    except OSError as e:
        print(f"The report cannot be written: {e}.", file=sys.stderr)
        return 2
    return 0 if all(result.passed for result in results) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m agent eval", description="Play simulated callers against an agent."
    )
    model = "profile, or URL[,NAME]"
    parser.add_argument("agent", help="its folder or file, or its name")
    parser.add_argument(
        "scenario", nargs="*", help="names of its scenarios, or paths of others (all of its own)"
    )
    parser.add_argument(
        "--llm",
        action="store_true",
        help="the profile's model answers for the agent, whatever scripts say",
    )
    parser.add_argument(
        "--caller",
        metavar="MODEL",
        help=f"a model plays the callers, whatever their lines are: {model}",
    )
    parser.add_argument(
        "--judge", metavar="MODEL", help=f"a model answers the scenarios' questions: {model}"
    )
    parser.add_argument(
        "--voice", action="store_true", help="in a real room, with the engines of this machine"
    )
    parser.add_argument(
        "--save", type=Path, metavar="FOLDER", help="keep each call by voice, for the page"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results as JSON")
    parser.add_argument("--html", type=Path, metavar="FILE", help="write them as a page")
    return parser


def _scenario(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m agent scenario",
        description="Make a scenario from a conversation and print it.",
    )
    parser.add_argument(
        "file", type=Path, help="what the web page saved, or the JSON record of a call"
    )
    try:
        print(scenario_of(parser.parse_args(arguments).file), end="")
    except NotSaved as e:
        print(e, file=sys.stderr)
        return 2
    return 0


async def evaluate(chosen: argparse.Namespace) -> list[Result]:
    """Play scenarios, one after the other.

    Args:
        chosen: What the command line says.

    Raises:
        SettingsError: A setting is wrong, or a model cannot be reached.
        StackError: What a call by voice needs does not start.
    """
    profile = load()
    agent = load_agent(chosen.agent)
    settings = settings_of(agent, profile)
    cases = cases_of(agent, chosen.scenario)
    own = [case for case in cases if chosen.llm or not case.scenario.agent.lines]
    if chosen.voice:
        by_voice.check(cases, profile)
    async with contextlib.AsyncExitStack() as models:

        async def model(named: str, option: str) -> llm.LLM[Any]:
            return await models.enter_async_context(_model(named, settings, option))

        player = judge = None
        if chosen.caller or any(not case.scenario.caller.lines for case in cases):
            player = await model(chosen.caller or "profile", "--caller")
        if chosen.judge:
            judge = await model(chosen.judge, "--judge")
        if own and not chosen.voice:
            await model("profile", "--llm")
        callers = {case.path: _caller(case, player, chosen.caller) for case in cases}
        results = {}
        for scripted, some in ((True, [c for c in cases if c not in own]), (False, own)):
            async with _plays(agent, profile, chosen, scripted=scripted, idle=not some) as play:
                for case in some:
                    played = await play(case, callers[case.path])
                    checks = checked(case.scenario, played)
                    if judge:
                        checks += await judged(case, played, judge)
                    results[case.path] = Result(case, played, checks)
        return [results[case.path] for case in cases]


Play = Callable[[Case, Caller], Awaitable[Played]]


@contextlib.asynccontextmanager
async def _plays(
    agent: AgentDefinition,
    profile: Settings,
    chosen: argparse.Namespace,
    *,
    scripted: bool,
    idle: bool,
) -> AsyncIterator[Play]:
    """What plays scenarios, all with a script for the agent's model or all without."""
    if chosen.voice and not idle:
        async with by_voice.stage(agent, scripted=scripted, keep=chosen.save) as stage:
            yield lambda case, caller: by_voice.play(case, agent, profile, caller, stage)
    else:
        yield lambda case, caller: by_text.play(case, agent, profile, caller, scripted=scripted)


def _caller(case: Case, model: llm.LLM[Any] | None, named: str | None) -> Caller:
    lines = case.scenario.caller.lines
    if lines and not named:
        return ScriptedCaller(lines)
    if case.scenario.caller.goal is None:
        raise SettingsError(f"{case.path}: caller.goal is missing: a model needs it to play them.")
    assert model
    return ModelCaller(case.scenario, model)


@contextlib.asynccontextmanager
async def _model(named: str, settings: Settings, option: str) -> AsyncIterator[llm.LLM[Any]]:
    """A language model that is there.

    Args:
        named: ``profile``, or a URL with a name after a comma or without.
        settings: The profile.
        option: What it was asked for by.

    Raises:
        SettingsError: There is none.
    """
    if named == "profile":
        choice: LLMChoice = settings.llm
    else:
        url, _, name = named.partition(",")
        key = os.environ.get(KEY)
        try:
            choice = LLMChoice.model_validate(
                {"base_url": url, "model": name or None, "api_key": key or None}
            )
        except ValidationError as e:
            raise SettingsError(
                f"{option} {named}: neither profile nor URL[,NAME], such as "
                "http://127.0.0.1:8101/v1."
            ) from e
    model = engines.llm(choice, takes_tools=True)
    try:
        try:
            async with asyncio.timeout(READY):
                await model.ready()
        except (APIError, TimeoutError) as e:
            why = e.message if isinstance(e, APIError) else f"no answer within {READY:g} s"
            raise SettingsError(
                f"The language model at {choice.url} ({option}) cannot be used: {why}"
            ) from e
        yield model
    finally:
        await model.aclose()

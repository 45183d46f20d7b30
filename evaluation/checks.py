"""What can be checked of a call without a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .pattern import found, same
from .played import Played
from .scenario import Expected, Scenario, Tool


@dataclass(frozen=True)
class Check:
    """One thing that was expected of a call."""

    name: str
    """Which one, as the scenario says it."""
    passed: bool | None
    """None if it could not be checked."""
    detail: str = ""
    """What came instead, or why it was not checked."""


def checked(scenario: Scenario, played: Played) -> list[Check]:
    """Every check of a scenario, and whether the call was held to its end."""
    expect = scenario.expect
    checks = [Check("the call", not played.failure, played.failure)]
    checks += _tools(expect.tools, played.tools)
    names = [call["name"] for call in played.tools]
    for name in expect.never_calls:
        checks.append(Check(f"never calls {name}", name not in names, _list(names)))
    for field, value in expect.outcome.items():
        checks.append(_outcome(field, value, played))
    for pattern in expect.says:
        there = any(found(pattern, said) for said in played.said)
        checks.append(Check(f"says {pattern}", there, "" if there else "no reply does"))
    for pattern in expect.never_says:
        said = next((said for said in played.said if found(pattern, said)), None)
        checks.append(Check(f"never says {pattern}", said is None, said or ""))
    if expect.turns is not None:
        few = played.turns <= expect.turns
        checks.append(Check(f"at most {expect.turns} turns", few, f"{played.turns} turns"))
    return checks + _by_voice(expect, played)


def _tools(wanted: Sequence[Tool], calls: Sequence[Mapping[str, Any]]) -> list[Check]:
    checks, at = [], 0
    for tool in wanted:
        hit = next((i for i in range(at, len(calls)) if _is(tool, calls[i])), None)
        detail = ""
        if hit is None:
            rest = [_call(call) for call in calls[at:]]
            detail = f"called {_list(rest)}" + (" after what comes before" if at else "")
        else:
            at = hit + 1
        checks.append(Check(f"calls {_wanted(tool)}", hit is not None, detail))
    return checks


def _is(tool: Tool, call: Mapping[str, Any]) -> bool:
    if call["name"] != tool.name or not holds(tool.arguments, call["arguments"]):
        return False
    return tool.result is None or found(tool.result, str(call["output"] or ""))


def holds(wanted: Any, got: Any) -> bool:
    """Whether a value of JSON is what is wanted; an object may have more."""
    if isinstance(wanted, Mapping):
        return isinstance(got, Mapping) and all(
            key in got and holds(value, got[key]) for key, value in wanted.items()
        )
    if isinstance(wanted, list):
        return isinstance(got, list) and len(wanted) == len(got) and all(map(holds, wanted, got))
    if isinstance(wanted, str):
        return isinstance(got, str) and same(wanted, got)
    if isinstance(wanted, bool) or isinstance(got, bool):
        return wanted is got
    return bool(wanted == got)


def _outcome(field: str, value: Any, played: Played) -> Check:
    name = f"outcome {field}: {value}"
    if played.outcome is None:
        if played.outcome_due:
            return Check(name, False, "there is no outcome")
        return Check(name, None, "a script fills in no outcome: see agent.outcome")
    got = played.outcome.get(field)
    return Check(name, holds(value, got), f"{field}: {got}")


def _by_voice(expect: Expected, played: Played) -> list[Check]:
    heard = played.heard
    if heard is None:
        return []
    checks = [Check(name, not wrong, wrong) for name, wrong in heard.moments]
    if expect.latency is not None:
        name = f"latency at most {expect.latency:g} s"
        if heard.waits:
            waited = float(np.percentile(heard.waits, 95))
            detail = f"P95 {waited:.2f} s of {len(heard.waits)}"
            checks.append(Check(name, waited <= expect.latency, detail))
        else:
            checks.append(Check(name, False, "nothing was answered"))
    if expect.cut_offs is not None:
        few = heard.cut_offs <= expect.cut_offs
        checks.append(Check(f"at most {expect.cut_offs} cut-offs", few, str(heard.cut_offs)))
    return checks


def _wanted(tool: Tool) -> str:
    told = ", ".join(f"{name}={value!r}" for name, value in tool.arguments.items())
    return f"{tool.name}({told})" + (f" → {tool.result}" if tool.result else "")


def _call(call: Mapping[str, Any]) -> str:
    arguments = call["arguments"]
    told = (
        ", ".join(f"{name}={value!r}" for name, value in arguments.items())
        if isinstance(arguments, Mapping)
        else str(arguments)
    )
    return f"{call['name']}({told}) → {call['output']}"


def _list(names: Sequence[str]) -> str:
    return ", ".join(names) or "nothing"

"""What a scenario may say, and the sentence for each thing that it may not."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent.definition.definition import AgentDefinition
from agent.wrong import SettingsError
from evaluation.scenario import JUDGES, cases_of, read

from .conftest import LIBRARY

HELLO = {"lines": ["Hello."]}


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"abuot": "x"}, "abuot is not a setting (there are about, language,"),
        ({"about": ""}, "about = '': string should have at least 1 character"),
        ({"language": "xx"}, "language = 'xx': input should be 'en', 'zh'"),
        ({"caller": {}}, "caller: needs lines, or a goal for a model that plays the caller"),
        ({"caller": {"lines": [True]}}, "caller.lines.0: must be in quotes: YAML reads it as true"),
        ({"caller": {"lines": [["Hello."]]}}, "caller.lines.0: input should be a"),
        (
            {"caller": {**HELLO, "noise": {"sound": "street", "snr": 99}}},
            "caller.noise.snr = 99: input should be less than or equal to 60 (allowed: -20.0 to",
        ),
        (
            {"caller": {**HELLO, "moments": [{"reply": 1}]}},
            "caller.moments.0: needs one of interrupt, backchannel, bystander and silence",
        ),
        (
            {"caller": {**HELLO, "moments": [{"interrupt": "No!"}]}},
            "caller.moments.0: what is said over the agent needs the reply that it falls into",
        ),
        (
            {"caller": {**HELLO, "moments": [{"reply": 1, "silence": 3}]}},
            "caller.moments.0: silence needs the caller's turn that it comes before, and no reply",
        ),
        (
            {"caller": {**HELLO, "moments": [{"reply": 1, "interupt": "No!"}]}},
            "caller.moments.0.interupt is not a setting (there are reply, after, turn, interrupt",
        ),
        ({"agent": {"lines": [{}]}}, "agent.lines.0: is a text, or has a tool"),
        (
            {"agent": {"lines": [{"say": "x", "arguments": {"a": 1}}]}},
            "agent.lines.0: has arguments and no tool",
        ),
        ({"expect": {}}, "expect or judge must say what is to come of the call"),
        ({"expect": {"tools": [{}]}}, "expect.tools.0.name is missing (name: …)"),
        (
            {"expect": {"says": ["/(/"]}},
            "expect.says.0: /(/ is not a regular expression: mis",
        ),
        ({"expect": {"says": [" "]}}, "expect.says.0: must not be empty"),
        ({"expect": {"turns": 0}}, "expect.turns = 0: input should be greater than or equal to 1"),
        ({"expect": {"latency": 0}}, "expect.latency = 0: input should be greater than 0"),
        ({"expect": {"cut_offs": -1}}, "expect.cut_offs = -1: input should be greater than or"),
        (
            {"expect": {"tools": ["bok"]}},
            "expect: library has no tool bok (there are find, r",
        ),
        ({"expect": {"never_calls": ["bok"]}}, "expect: library has no tool bok"),
        ({"agent": {"lines": [{"tool": "bok"}]}}, "agent.lines: library has no tool bok"),
        ({"language": "fr"}, "language: library does not speak fr (en, zh)"),
        (
            {"variables": {"cllr": "x"}},
            "variables: library has no variable cllr (there are",
        ),
        (
            {"expect": {"outcome": {"resrved": True}}},
            "outcome: library fills in no field resrved (there are reserved, title)",
        ),
        (
            {"agent": {"lines": ["Yes?"], "outcome": {"resrved": True}}},
            "outcome: library fills in no field resrved",
        ),
    ],
)
def test_what_is_wrong_is_a_sentence(
    written: Callable[..., Path],
    library: AgentDefinition,
    changes: dict[str, Any],
    sentence: str,
) -> None:
    path = written(**changes)
    with pytest.raises(SettingsError) as raised:
        cases_of(library, [str(path)])
    assert re.match(rf"Wrong setting in {path}(, line [0-9]+)?: ", str(raised.value))
    assert sentence in str(raised.value)


def test_the_least_that_is_right(written: Callable[..., Path]) -> None:
    assert read(written()).scenario.caller.lines == ["Hello."]


def test_numbers_are_words(written: Callable[..., Path]) -> None:
    case = read(written(caller={"lines": [42], "facts": {"room": 7}}))
    assert (case.scenario.caller.lines, case.scenario.caller.facts) == (["42"], {"room": "7"})


def test_all_of_a_folder_are_found_by_name(library: AgentDefinition) -> None:
    assert [case.name for case in cases_of(library)] == ["none-left", "reserve", "talk-over"]
    assert [case.path.parent for case in cases_of(library, ["reserve"])] == [LIBRARY / "scenarios"]


def test_one_that_is_not_there_is_told_with_those_that_are(library: AgentDefinition) -> None:
    with pytest.raises(SettingsError, match=r"no scenario 'x' in .* \(there are none-left, reser"):
        cases_of(library, ["x"])
    with pytest.raises(SettingsError, match=r"x\.yaml cannot be read"):
        cases_of(library, ["x.yaml"])


def test_the_judges_of_livekit_are_known_by_name() -> None:
    assert {"task_completion", "accuracy", "tool_use", "handoff"} <= {*JUDGES}

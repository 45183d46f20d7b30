"""Every check passes what is right, and fails what is not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from agent.telemetry.report import Saved
from evaluation.checks import Check, checked
from evaluation.played import Heard, Played
from evaluation.scenario import Scenario

CALLS = [
    {"at": 2.0, "name": "find", "arguments": {"title": "Emma"}, "output": "2", "failed": False},
    {
        "at": 4.0,
        "name": "reserve",
        "arguments": {"title": "Emma", "days": 7, "by": {"name": "Ann", "old": True}},
        "output": "Reserved Emma.",
        "failed": False,
    },
]
SAVED = Saved(datetime.now(UTC), [], [], 24_000, np.zeros((0, 2), np.int16))
HEARD = Heard(SAVED, waits=[1.0, 1.2, 3.0], cut_offs=1, moments=[])
PLAYED = Played(
    "text",
    seconds=5.0,
    transcript=[
        {"at": 0.0, "who": "agent", "text": "Library, hello.", "interrupted": False},
        {"at": 1.0, "who": "caller", "text": "Emma, please.", "interrupted": False},
        {"at": 5.0, "who": "agent", "text": "It is reserved for 7 days.", "interrupted": False},
    ],
    tools=CALLS,
    outcome={"reserved": True, "title": "Emma"},
    outcome_due=True,
)


def check(played: Played, **expect: Any) -> list[Check]:
    caller = {"lines": ["Hello."]}
    content = {"about": "A test.", "caller": caller, "expect": expect}
    call, *others = checked(Scenario.model_validate(content), played)
    assert (call.name, call.passed) == ("the call", not played.failure)
    return others


@pytest.mark.parametrize(
    ("expect", "wrong", "detail"),
    [
        ({"tools": ["find"]}, {"tools": ["cancel"]}, "called find(title='Emma') → 2, reserve("),
        ({"tools": ["find", "reserve"]}, {"tools": ["reserve", "find"]}, "called nothing after wh"),
        ({"tools": ["reserve"]}, {"tools": ["reserve", "reserve"]}, "called nothing after what"),
        (
            {"tools": [{"name": "find", "arguments": {"title": "emma"}}]},
            {"tools": [{"name": "find", "arguments": {"title": "Emm"}}]},
            "called find(",
        ),
        (
            {"tools": [{"name": "find", "arguments": {"title": "/em+a/"}}]},
            {"tools": [{"name": "find", "arguments": {"title": "/em+/"}}]},
            "called find(",
        ),
        (
            {"tools": [{"name": "reserve", "arguments": {"days": 7, "by": {"old": True}}}]},
            {"tools": [{"name": "reserve", "arguments": {"days": 7, "by": {"old": 1}}}]},
            "called find(",
        ),
        (
            {"tools": [{"name": "find", "arguments": {}}]},
            {"tools": [{"name": "find", "arguments": {"shelf": 1}}]},
            "called find(",
        ),
        (
            {"tools": [{"name": "reserve", "result": "reserved"}]},
            {"tools": [{"name": "reserve", "result": "/^emma/"}]},
            "called find(",
        ),
        ({"never_calls": ["cancel"]}, {"never_calls": ["find"]}, "find, reserve"),
        ({"outcome": {"title": "emma"}}, {"outcome": {"reserved": False}}, "reserved: True"),
        ({"says": ["HELLO"]}, {"says": ["goodbye"]}, "no reply does"),
        ({"says": [r"/\d days\.$/"]}, {"says": [r"/^\d days/"]}, "no reply does"),
        ({"never_says": ["goodbye"]}, {"never_says": ["reserved"]}, "It is reserved for 7 days."),
        ({"turns": 1}, {"turns": 1}, "2 turns"),
    ],
)
def test_a_check_passes_and_fails(expect: Any, wrong: Any, detail: str) -> None:
    assert all(each.passed for each in check(PLAYED, **expect))
    played = PLAYED
    if "turns" in wrong:
        played = replace(PLAYED, transcript=[*PLAYED.transcript, PLAYED.transcript[1]])
    failed = [each for each in check(played, **wrong) if not each.passed]
    assert len(failed) == 1
    assert failed[0].passed is False
    assert detail in failed[0].detail


def test_a_call_that_was_not_held_to_its_end_fails() -> None:
    check(replace(PLAYED, failure="the line is dead"), turns=9)


def test_an_outcome_that_nothing_fills_in_is_not_checked_and_one_that_is_missing_fails() -> None:
    due = replace(PLAYED, outcome=None)
    assert [each.passed for each in check(due, outcome={"reserved": True})] == [False]
    never = replace(due, outcome_due=False)
    assert [each.passed for each in check(never, outcome={"reserved": True})] == [None]


def test_latency_and_cut_offs_are_checked_by_voice_alone() -> None:
    assert check(PLAYED, latency=0.1, cut_offs=0) == []
    voice = replace(PLAYED, heard=HEARD)
    assert [each.passed for each in check(voice, latency=3.0, cut_offs=1)] == [True, True]
    failed = check(voice, latency=2.5, cut_offs=0)
    assert [each.passed for each in failed] == [False, False]
    assert [each.detail for each in failed] == ["P95 2.82 s of 3", "1"]
    silent = replace(voice, heard=replace(HEARD, waits=[]))
    assert [each.passed for each in check(silent, latency=9.0)] == [False]


def test_a_moment_that_went_wrong_fails() -> None:
    moments = [("interrupts reply 1", ""), ("backchannel in reply 2", "the agent stopped")]
    voice = replace(PLAYED, heard=replace(HEARD, moments=moments))
    assert [each.passed for each in check(voice, turns=9)] == [True, True, False]

"""Figures from the agent's own records of turns, as it makes them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from livekit.plugins.turn_taking import TurnOptions

from agent.telemetry.turn import Moments, Request, Stop, Turn
from bench.load.records import of_turns


def turn(
    language: str,
    ended: float | None = 0.2,
    *,
    words: float | None = 0.1,
    first: float | None = 0.05,
    stop: Stop | None = None,
    answered: bool = True,
) -> dict[str, Any]:
    """A record as a caller receives it, of a turn whose speech ended at 1 s."""
    moments = Moments(speech_ended=1.0)
    moments.transcript = None if words is None else 1 + words
    if ended is not None:
        moments.decided = 1 + ended
    if answered and ended is not None:
        moments.text, moments.unit = 1.1 + ended, 1.2 + ended
        moments.audio, moments.played = 1.3 + ended, 1.31 + ended
    requests = [] if first is None else [Request("r", "m", "p", first, 1.0, 10, 0, 5)]
    made = Turn("t", language, moments, None, requests, stop=stop, answered=answered)
    record: dict[str, Any] = json.loads(json.dumps(made.record()))
    return record


def test_each_figure_is_of_its_turns() -> None:
    turns = [
        turn("en", 0.2, words=0.1),
        turn("en", 0.4, words=1.2, first=-1),
        turn("zh", TurnOptions.max_delay, words=None, first=0.15),
        turn("zh", 0.3, stop=Stop("interruption", 0.03, 0.4), answered=False),
        turn("zh", None, stop=Stop("stop_word", None, 0.6), answered=False, first=None),
    ]
    found = of_turns(turns, 2)
    expected: dict[str, tuple[float, int]] = {
        "waited": (710, 3),
        "waited.en": (610, 2),
        "waited.zh": (1910, 1),
        "stage.end_of_turn.en": (300, 2),
        "stage.playout.zh": (10, 1),
        "transcript": (650, 2),
        "first_token": (100, 2),
        "interruption_decided": (500, 2),
        "duck": (30, 1),
        "late_transcripts": (1, 2),
        "waited_longest": (1, 4),
    }
    for key, (middle, count) in expected.items():
        figure = found[f"{key}.rooms2"]
        assert figure.get("p50", figure.get("value")) == pytest.approx(middle), key
        assert figure["n"] == count, key


def test_one_language_has_no_figures_of_its_own_and_none_at_all_are_no_error() -> None:
    assert not [key for key in of_turns([turn("en")], 1) if ".en" in key]
    assert {m["n"] for m in of_turns([], 1).values()} == {0}

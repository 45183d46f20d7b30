"""What the agent's own records of turns say, as callers receive them (:mod:`agent.telemetry`)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from livekit.plugins.turn_taking import TurnOptions

from agent.telemetry.turn import STAGES
from harness import report

_LATE = 1.0
"""Seconds from the end of speech after which its words came late."""


def stages(turns: Iterable[dict[str, Any]]) -> dict[str, list[float]]:
    """Milliseconds of each stage, of the turns that were answered."""
    taken: dict[str, list[float]] = {}
    for turn in turns:
        if turn.get("answered"):
            for stage in STAGES:
                if stage in turn["stages"]:
                    taken.setdefault(stage, []).append(turn["stages"][stage] * 1000)
    return taken


def of_turns(turns: Sequence[dict[str, Any]], rooms: int) -> dict[str, report.Metric]:
    """The agent's own clock of a number of rooms, and where there are several, of each language.

    ``waited``, ``transcript`` and ``first_token`` (of a turn's first request) are of the turns that
    were answered; ``interruption_decided`` and ``duck`` of those whose answer was spoken over, from
    the first voice over it; ``late_transcripts`` counts words that came more than a second after
    the end of speech, and ``waited_longest`` turns that nothing but the longest silence ended.
    """
    answered = [turn for turn in turns if turn["answered"]]
    stops = [turn["stop"] for turn in turns if turn["stop"]]
    heard = [turn["transcript"] for turn in answered if turn["transcript"] is not None]
    waits = [turn["stages"]["end_of_turn"] for turn in turns if "end_of_turn" in turn["stages"]]
    asked = [turn["requests"][0]["first_token"] for turn in answered if turn["requests"]]
    seconds: dict[str, list[float]] = {
        "waited": _waited(answered),
        "transcript": heard,
        "first_token": [first for first in asked if first >= 0],
        "interruption_decided": [stop["decided"] for stop in stops],
        "duck": [stop["ducked"] for stop in stops if stop["ducked"] is not None],
    }
    found = {key: [1000 * value for value in values] for key, values in seconds.items()}
    languages = sorted({turn["language"] for turn in answered if turn["language"]})
    for language in languages if len(languages) > 1 else ():
        of_it = [turn for turn in answered if turn["language"] == language]
        found[f"waited.{language}"] = [1000 * value for value in _waited(of_it)]
        found |= {f"stage.{stage}.{language}": taken for stage, taken in stages(of_it).items()}
    metrics = {
        f"{key}.rooms{rooms}": report.percentiles(values, "ms")
        for key, values in found.items()
        if values
    }
    late = [int(value > _LATE) for value in heard]
    longest = [int(value >= TurnOptions.max_delay) for value in waits]
    metrics[f"late_transcripts.rooms{rooms}"] = report.total(late, "turns")
    metrics[f"waited_longest.rooms{rooms}"] = report.total(longest, "turns")
    return metrics


def _waited(answered: Iterable[dict[str, Any]]) -> list[float]:
    return [turn["waited"] for turn in answered if turn["waited"] is not None]

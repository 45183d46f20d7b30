"""The records of all conversations as Prometheus metrics.

Jobs are processes of their own: with ``PROMETHEUS_MULTIPROC_DIR`` set, which ``agent.py`` does, the
agent server's ``/metrics`` (``PARLEY_PORT_METRICS``) has theirs too, beside LiveKit's own.
"""

from __future__ import annotations

import functools
import os
from pathlib import Path
from typing import get_args

from livekit.plugins.turn_taking import FALSE_STOP, Verdict
from prometheus_client import Counter, Histogram, values

from agent.settings import Language

from .engines import ENGINES, FAULTS, SUBSTITUTES, Fallback, Fault
from .places import Place
from .recorder import FirstWords, Overlap, Record
from .turn import STAGES, Stage, Turn

# Upper bounds in seconds, close together where the stage lies on a GPU and on a CPU.
_BUCKETS: dict[Stage, tuple[float, ...]] = {
    "end_of_turn": (0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.6, 0.8, 1.0, 1.5, 2.0, 3.0),
    "llm": (0.0, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1.0, 2.0, 5.0, 10.0),
    "text": (0.0, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.2, 0.3, 0.5, 1.0, 2.0, 5.0),
    "tts": (0.0, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6, 1.0, 2.0, 5.0, 10.0),
    "playout": (0.0, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0),
}
_WAITED = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.25, 1.5, 2.0, 2.5, 3.0, 5.0, 10.0)
_LANGUAGES = (*get_args(Language), "unknown")
_OUTCOMES = ("answered", "interrupted", "unanswered")
_CALL = (10.0, 30.0, 60.0, 120.0, 180.0, 300.0, 600.0, 900.0, 1800.0, 3600.0)
_STOP = (0.1, 0.2, 0.3, 0.35, 0.4, 0.5, 0.6, 0.8, 1.0, 1.5, 2.0, 3.0)


class _Figures:
    """What is counted, in this process."""

    def __init__(self) -> None:
        self.stages = {
            stage: Histogram(
                f"parley_turn_{stage}_seconds",
                f"What the stage {stage} of an answer took",
                ["language"],
                buckets=_BUCKETS[stage],
            )
            for stage in STAGES
        }
        self.waited = Histogram(
            "parley_turn_waited_seconds",
            "From the user's last voice to the first sample on its way to the user",
            ["language"],
            buckets=_WAITED,
        )
        self.first_words = Histogram(
            "parley_first_words_seconds",
            "From when the user came or picked up to the agent's first sound",
            buckets=_WAITED,
        )
        self.turns = Counter(
            "parley_turns", "The user's turns, by what became of them", ["language", "outcome"]
        )
        self.tokens = Counter(
            "parley_llm_tokens", "Tokens of the language model, by kind", ["kind"]
        )
        self.overlaps = Counter(
            "parley_overlaps", "Sounds over the agent's speech, by verdict", ["verdict"]
        )
        self.faults = Counter(
            "parley_engine_faults", "Times that an engine has failed, by how", ["engine", "kind"]
        )
        self.fallbacks = Counter(
            "parley_engine_fallbacks",
            "Requests that another server or another model answered, as the first one failed",
            ["engine", "kind"],
        )
        self.stop = Histogram(
            "parley_stop_seconds",
            "From the first voice over the agent's speech to its stop",
            buckets=_STOP,
        )
        self.calls = Counter(
            "parley_calls",
            "Attempts to call by phone, by what became of them",
            ["trunk", "direction", "outcome"],
        )
        self.talked = Histogram(
            "parley_call_seconds",
            "From the answer of a call by phone to its end",
            ["trunk", "direction"],
            buckets=_CALL,
        )
        self._begin_at_zero()

    def _begin_at_zero(self) -> None:
        # A series that begins with 1 has not grown, for Prometheus.
        for language in _LANGUAGES:
            for histogram in (self.waited, *self.stages.values()):
                histogram.labels(language)
            for outcome in _OUTCOMES:
                self.turns.labels(language, outcome)
        for verdict in (*(verdict.value for verdict in Verdict), FALSE_STOP):
            self.overlaps.labels(verdict)
        for engine in ENGINES:
            for fault in FAULTS:
                self.faults.labels(engine, fault)
            for substitute in SUBSTITUTES:
                self.fallbacks.labels(engine, substitute)
        # Not by model: its name is known with its first answer only, which would not be counted.
        for kind in ("prompt", "cached", "completion"):
            self.tokens.labels(kind)

    def turn(self, turn: Turn) -> None:
        """Count a turn in."""
        language = turn.language or "unknown"
        outcome = "unanswered"
        if turn.answered:
            outcome = "interrupted" if turn.interrupted else "answered"
        self.turns.labels(language, outcome).inc()
        for request in turn.requests:
            self.tokens.labels("prompt").inc(request.prompt_tokens)
            self.tokens.labels("cached").inc(request.cached_tokens)
            self.tokens.labels("completion").inc(request.completion_tokens)
        if turn.waited is None:
            return
        self.waited.labels(language).observe(turn.waited)
        for stage, seconds in turn.moments.stages().items():
            self.stages[stage].labels(language).observe(seconds)


@functools.cache
def _figures() -> _Figures:
    # In jobs only: as it starts, the server empties the folder, and a file that it had open
    # already would never be seen again.
    if folder := os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        keep = values.MultiProcessValue
        values.ValueClass = keep(Place(Path(folder)))  # type: ignore[no-untyped-call]
    return _Figures()


def set_up() -> None:
    """Begin to count, all at 0; in the process of a job."""
    _figures()


def count_call(trunk: str, direction: str, outcome: str, seconds: float | None) -> None:
    """Count an attempt to call by phone.

    Args:
        trunk: Name of its trunk; empty if it is not known.
        direction: ``inbound`` or ``outbound``.
        outcome: What became of it.
        seconds: How long it lasted from the answer on; None if nobody answered.
    """
    figures = _figures()
    figures.calls.labels(trunk or "unknown", direction, outcome).inc()
    if seconds is not None:
        figures.talked.labels(trunk or "unknown", direction).observe(seconds)


def observe(record: Record) -> None:
    """Count a record in."""
    figures = _figures()
    match record:
        case Turn():
            figures.turn(record)
        case Overlap(judged=judged):
            figures.overlaps.labels(judged.verdict).inc()
            if judged.turn:
                figures.stop.observe(judged.decided)
        case FirstWords(seconds=seconds):
            figures.first_words.observe(seconds)
        case Fault(engine=engine, fault=fault):
            figures.faults.labels(engine, fault).inc()
        case Fallback(engine=engine, instead_of=instead_of):
            figures.fallbacks.labels(engine, instead_of).inc()

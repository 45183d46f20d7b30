"""Where records go: Prometheus and OpenTelemetry."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args, get_type_hints

import pytest
from livekit.agents import telemetry
from livekit.plugins import qwen3_tts, vllm
from livekit.plugins.turn_taking import Judged
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import NoOpTracerProvider
from prometheus_client import REGISTRY

from agent.telemetry import (
    Answerer,
    Fallback,
    Fault,
    FirstWords,
    Overlap,
    Turn,
    TurnSpans,
    prometheus,
)
from agent.telemetry.turn import Moments, Stop

TURN = Turn(
    "a-1",
    "zh",
    Moments(speech_ended=1.0, decided=1.3, text=1.4, unit=1.45, audio=1.5, played=1.51),
    answered=True,
)


def value(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


def test_a_turn_is_counted_by_stage_language_and_outcome() -> None:
    names = [f"parley_turn_{stage}_seconds_sum" for stage in TURN.moments.stages()]
    before = [value(name, language="zh") for name in names]
    turns = value("parley_turns_total", language="zh", outcome="answered")
    prometheus.observe(TURN)
    grown = [value(name, language="zh") - b for name, b in zip(names, before, strict=True)]
    assert grown == pytest.approx([0.3, 0.1, 0.05, 0.05, 0.01])
    assert value("parley_turns_total", language="zh", outcome="answered") == turns + 1


def test_overlaps_stops_and_first_words_are_counted() -> None:
    before = value("parley_stop_seconds_count"), value("parley_first_words_seconds_count")
    prometheus.observe(Overlap("a", Judged("echo", False, None, 0.4)))
    prometheus.observe(Overlap("a", Judged("stop word", True, 0.1, 0.4)))
    prometheus.observe(FirstWords("a", 0.7))
    after = value("parley_stop_seconds_count"), value("parley_first_words_seconds_count")
    assert after == (before[0] + 1, before[1] + 1)
    assert value("parley_overlaps_total", verdict="echo") >= 1


def test_faults_and_fallbacks_are_counted_by_engine_and_kind() -> None:
    server = Answerer("small", "fallback", 1)
    names = ("parley_engine_faults_total", "parley_engine_fallbacks_total")
    kinds = ({"engine": "tts", "kind": "garbage"}, {"engine": "tts", "kind": "model"})
    before = [value(name, **labels) for name, labels in zip(names, kinds, strict=True)]
    prometheus.observe(Fault("a", "tts", "garbage", server))
    prometheus.observe(Fallback("a", "tts", "model", server))
    after = [value(name, **labels) for name, labels in zip(names, kinds, strict=True)]
    assert after == [count + 1 for count in before]


def test_every_fault_and_fallback_that_there_can_be_begins_at_zero() -> None:
    prometheus.set_up()
    for engine in ("stt", "llm", "tts"):
        for plugin in (vllm, qwen3_tts):
            for kind in get_args(plugin.FaultKind):
                labels = {"engine": engine, "kind": kind}
                assert REGISTRY.get_sample_value("parley_engine_faults_total", labels) is not None
            substitute = get_args(get_type_hints(plugin.Answered)["instead_of"])[0]
            for kind in get_args(substitute):
                labels = {"engine": engine, "kind": kind}
                assert (
                    REGISTRY.get_sample_value("parley_engine_fallbacks_total", labels) is not None
                )


@pytest.fixture
def exported() -> Iterator[InMemorySpanExporter]:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    telemetry.set_tracer_provider(provider, allow_pii=False)
    yield exporter
    telemetry.set_tracer_provider(NoOpTracerProvider())


def test_a_turn_is_a_span_with_a_child_for_each_stage(exported: InMemorySpanExporter) -> None:
    stopped = Turn(
        "a-2",
        "en",
        TURN.moments,
        stop=Stop("stop word", 0.1, 0.4),
        engines={"llm": [Answerer("big", "first", 1), Answerer("small", "fallback", 1)]},
        answered=True,
    )
    turns = TurnSpans()
    with telemetry.tracer.start_as_current_span("agent_session"):
        turns.begin()
    with telemetry.tracer.start_as_current_span("tts_request"):  # where the record came about
        turns.record(stopped)
    session, *stages, turn, _ = exported.get_finished_spans()
    assert [span.name for span in stages] == ["end_of_turn", "llm", "text", "tts", "playout"]
    assert turn.parent is not None
    assert turn.parent.span_id == session.context.span_id
    assert all(span.parent and span.parent.span_id == turn.context.span_id for span in stages)
    lasted = [(span.end_time or 0) - (span.start_time or 0) for span in stages]
    assert [ns / 1e9 for ns in lasted] == pytest.approx([0.3, 0.1, 0.05, 0.05, 0.01], abs=1e-6)
    assert turn.attributes is not None
    assert turn.attributes["parley.turn.stop"] == "stop word"
    assert turn.attributes["parley.turn.llm"] == "big,small"
    assert turn.attributes["parley.turn.fallbacks"] == "llm"
    assert "parley.turn.stt" not in turn.attributes


def test_a_turn_that_was_typed_has_no_spans(exported: InMemorySpanExporter) -> None:
    TurnSpans().record(Turn("a-3", "en", Moments(played=2.0)))
    assert not exported.get_finished_spans()

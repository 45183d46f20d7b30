"""Turns as OpenTelemetry spans, sent where ``OTEL_EXPORTER_OTLP_ENDPOINT`` says.

Each turn is a span ``turn`` with one child a stage, in the trace of its session. LiveKit's spans of
the same conversation (``agent_turn``, ``llm_request``, ``tts_request``, with the GenAI attributes)
go to the same place, without what was said.
"""

from __future__ import annotations

import asyncio
import os
import time

from livekit.agents import telemetry
from opentelemetry import metrics, trace
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from .recorder import Record
from .turn import Turn

_provider: TracerProvider | None = None


def set_up() -> None:
    """Send spans and metrics by OTLP, if the environment names an endpoint; once a process."""
    global _provider
    if _provider or not os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT"):
        return
    resource = Resource.create({SERVICE_NAME: os.environ.get("OTEL_SERVICE_NAME", "parley")})
    _provider = TracerProvider(resource=resource)
    _provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    telemetry.set_tracer_provider(_provider, allow_pii=False)
    reader = PeriodicExportingMetricReader(OTLPMetricExporter())
    metrics.set_meter_provider(MeterProvider([reader], resource=resource))


async def flush() -> None:
    """Send what has been recorded; a job's process ends soon after its conversation."""
    if _provider:
        await asyncio.to_thread(_provider.force_flush, 5_000)


def record(record: Record) -> None:
    """Make spans of a turn."""
    if not isinstance(record, Turn) or record.moments.speech_ended is None:
        return
    to_wall = time.time_ns() - time.monotonic_ns()

    def wall(at: float) -> int:
        return round(at * 1e9) + to_wall

    at = record.moments.speech_ended
    span = telemetry.tracer.start_span("turn", start_time=wall(at), attributes=_attributes(record))
    inside = trace.set_span_in_context(span)
    for stage, seconds in record.moments.stages().items():
        child = telemetry.tracer.start_span(stage, context=inside, start_time=wall(at))
        at += seconds
        child.end(wall(at))
    span.end(wall(at))


def _attributes(turn: Turn) -> dict[str, str | bool | float]:
    known = {
        "parley.turn.id": turn.id,
        "parley.turn.language": turn.language,
        "parley.turn.answered": turn.answered,
        "parley.turn.interrupted": turn.interrupted,
        "parley.turn.stop": turn.stop.verdict if turn.stop else None,
        "parley.turn.clause": turn.decision.clause if turn.decision else None,
        "parley.turn.ending": turn.decision.ending if turn.decision else None,
    }
    return {name: value for name, value in known.items() if value is not None}

"""Turns as OpenTelemetry spans, sent where ``OTEL_EXPORTER_OTLP_ENDPOINT`` says.

Each turn is a span ``turn`` with one child a stage, under its session's. LiveKit's spans of the
same conversation (``agent_turn``, ``llm_request``, ``tts_request``, with the GenAI attributes) go
to the same place, without what was said.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from multiprocessing.util import Finalize

from livekit.agents import telemetry
from opentelemetry import context, metrics, trace
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from .engines import ENGINES, Engine
from .recorder import Record
from .turn import Turn

logger = logging.getLogger("parley")

_LAST_SECONDS = 4.0
"""How long a process that ends waits for the rest to be sent. Until then its call counts among
``max_rooms``; a collector that hangs would keep it for 30 s, which is the SDK's own limit."""

_providers: list[TracerProvider | MeterProvider] = []


def set_up() -> None:
    """Send spans and metrics by OTLP, if the environment names an endpoint; once a process."""
    if _providers or not os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT"):
        return
    resource = Resource.create({SERVICE_NAME: os.environ.get("OTEL_SERVICE_NAME", "parley")})
    tracers = TracerProvider(resource=resource, shutdown_on_exit=False)
    tracers.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    telemetry.set_tracer_provider(tracers, allow_pii=False)
    reader = PeriodicExportingMetricReader(OTLPMetricExporter())
    meters = MeterProvider([reader], resource=resource, shutdown_on_exit=False)
    metrics.set_meter_provider(meters)
    _providers.extend((tracers, meters))
    # LiveKit ends the span of a job after everything that a job could wait for, so the rest is sent
    # as the process ends. The processes of jobs are multiprocessing's, which leave atexit out.
    Finalize(None, _send_rest, exitpriority=0)


def _send_rest() -> None:
    """Send what has been recorded, for a few seconds at most; nothing is recorded after that."""
    # Daemons, of which the process does not wait for the end.
    threads = [threading.Thread(target=provider.shutdown, daemon=True) for provider in _providers]
    _providers.clear()
    for thread in threads:
        thread.start()
    until = time.monotonic() + _LAST_SECONDS
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))
    if any(thread.is_alive() for thread in threads):
        logger.warning("spans or metrics were not sent in time, and are lost")


class TurnSpans:
    """Makes spans of the turns of one conversation."""

    def __init__(self) -> None:
        self._session: context.Context | None = None

    def begin(self) -> None:
        """Put turns under the span that is current: that of the session, once it was started here.

        A record is made in whatever task of LiveKit's completes it, most of which have spans of
        their own.
        """
        self._session = context.get_current()

    def record(self, record: Record) -> None:
        """Make spans of a turn."""
        if not isinstance(record, Turn) or record.moments.speech_ended is None:
            return
        to_wall = time.time_ns() - time.monotonic_ns()

        def wall(at: float) -> int:
            return round(at * 1e9) + to_wall

        at = record.moments.speech_ended
        span = telemetry.tracer.start_span(
            "turn", context=self._session, start_time=wall(at), attributes=_attributes(record)
        )
        inside = trace.set_span_in_context(span)
        for stage, seconds in record.moments.stages().items():
            child = telemetry.tracer.start_span(stage, context=inside, start_time=wall(at))
            at += seconds
            child.end(wall(at))
        span.end(wall(at))


def _models(turn: Turn, engine: Engine) -> str | None:
    return ",".join(by.model for by in turn.engines.get(engine, [])) or None


def _fell_back(turn: Turn, engine: Engine) -> bool:
    return any(by.choice == "fallback" for by in turn.engines.get(engine, []))


def _attributes(turn: Turn) -> dict[str, str | bool | float]:
    known = {
        "parley.turn.id": turn.id,
        "parley.turn.language": turn.language,
        "parley.turn.answered": turn.answered,
        "parley.turn.interrupted": turn.interrupted,
        "parley.turn.stop": turn.stop.verdict if turn.stop else None,
        "parley.turn.clause": turn.decision.clause if turn.decision else None,
        "parley.turn.ending": turn.decision.ending if turn.decision else None,
        "parley.turn.fallbacks": ",".join(engine for engine in ENGINES if _fell_back(turn, engine)),
    } | {f"parley.turn.{engine}": _models(turn, engine) for engine in ENGINES}
    return {name: value for name, value in known.items() if value is not None}

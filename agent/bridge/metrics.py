"""The bridge's figures for Prometheus: of its requests; those of calls are of their turns.

They are at ``/metrics`` of an address of its own, as the agent server's are, with those of
:mod:`agent.telemetry.prometheus` for the calls over media streams.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import get_args

from livekit.agents.telemetry.http_server import HttpServer
from prometheus_client import Counter, Gauge, Histogram

from agent.telemetry import Fallback, Fault, prometheus
from agent.telemetry.engines import Answerer, Engine, FaultKind, Substitute
from agent.telemetry.engines import follow as follow_engine

from .engines import Engines
from .record import Kind, Outcome, Record

_REQUESTS = Counter(
    "parley_bridge_requests", "Requests that are over, by what became of them", ["kind", "outcome"]
)
_FIRST_AUDIO = Histogram(
    "parley_bridge_first_audio_seconds",
    "From a request to the first sound of its answer",
    ["kind"],
    buckets=(0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0),
)
CALLS = Gauge(
    "parley_bridge_calls", "Calls over media streams that are held", multiprocess_mode="livesum"
)


def follow(engines: Engines) -> None:
    """Count who fails and who stands in at the requests; those of calls are counted with them."""

    def answered(engine: Engine, by: Answerer, instead_of: Substitute | None) -> None:
        if instead_of:
            prometheus.observe(Fallback("", engine, instead_of, by))

    def failed(engine: Engine, kind: FaultKind, by: Answerer) -> None:
        prometheus.observe(Fault("", engine, kind, by))

    follow_engine("stt", engines.stt, answered=answered, failed=failed)
    follow_engine("llm", engines.llm, answered=answered, failed=failed)
    follow_engine("tts", engines.tts, answered=answered, failed=failed)


def count(record: Record) -> None:
    """Count a request that is over; one for which no reply was begun was refused."""
    outcome = "refused" if record.outcome == "running" else record.outcome
    _REQUESTS.labels(record.kind, outcome).inc()
    if (seconds := record.first_audio) is not None:
        _FIRST_AUDIO.labels(record.kind).observe(seconds)


@asynccontextmanager
async def serving(host: str, port: int) -> AsyncIterator[int]:
    """Serve the figures, all at 0, at ``/metrics`` for as long as the context lasts.

    Args:
        host: Address to listen on.
        port: Port to listen on; 0 for any free one.

    Yields:
        The port that it listens on.

    Raises:
        OSError: The address cannot be listened on.
    """
    prometheus.set_up()
    # A series that begins with 1 has not grown, for Prometheus.
    for kind in get_args(Kind):
        _FIRST_AUDIO.labels(kind)
        for outcome in get_args(Outcome):
            _REQUESTS.labels(kind, "refused" if outcome == "running" else outcome)
    server = HttpServer(host, port)
    try:
        await server.start()
        yield server.port
    finally:
        await server.aclose()

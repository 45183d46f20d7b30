"""What agent/telemetry and agent.py rely on in LiveKit's spans, metrics and processes."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import pytest
from livekit.agents import AgentServer, telemetry
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.trace import NoOpTracerProvider

from harness.virtual_time import in_virtual_time

from .conftest import Start


@pytest.fixture
def traced() -> Iterator[None]:
    telemetry.set_tracer_provider(TracerProvider(), allow_pii=False)
    yield
    telemetry.set_tracer_provider(NoOpTracerProvider())


@in_virtual_time
async def test_a_session_leaves_its_span_current_where_it_was_started(
    traced: None, start: Start
) -> None:
    async with start("Yes."):
        span = trace.get_current_span()
        assert isinstance(span, ReadableSpan)
        assert span.name == "agent_session", (
            f"{span.name}: agent/telemetry/spans.py (begin) puts turns under the span that is"
            " current after AgentSession.start"
        )


def test_metrics_have_a_port_of_their_own() -> None:
    assert "prometheus_port" in inspect.signature(AgentServer).parameters, (
        "agent/app.py gives the port of /metrics, which LiveKit has nowhere else"
    )

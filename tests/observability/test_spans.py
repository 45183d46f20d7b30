"""What a job sends to a collector, and what becomes of a call whose collector hangs."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.stack import Server
from agent.telemetry import STAGES

from .collector import collecting
from .running import UNSAID, running

OTLP_PORT = 4318
"""Where OpenTelemetry sends to if it is told nowhere."""

pytestmark = [
    pytest.mark.room,
    pytest.mark.timeout(300),
    pytest.mark.asyncio(loop_scope="session"),
]


async def test_a_turn_is_in_the_trace_of_its_session_without_a_word_of_it(
    livekit: Server, tmp_path: Path
) -> None:
    async with collecting() as collector:
        endpoint = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url}
        async with running(livekit, tmp_path, endpoint) as agent:
            async with agent.caller() as caller:
                (turn,) = [record for record in caller.turns if record["kind"] == "turn"]
            await agent.free()
        spans = collector.spans()
    (session,), (told,), (job,) = spans["agent_session"], spans["turn"], spans["job_entrypoint"]
    assert told.parent_span_id == session.span_id
    assert told.trace_id == session.trace_id == job.trace_id
    children = [span for span in sum(spans.values(), []) if span.parent_span_id == told.span_id]
    assert sorted(span.name for span in children) == sorted(STAGES)
    assert all(span.trace_id == session.trace_id for span in children)
    assert session.start_time_unix_nano < told.start_time_unix_nano
    assert told.end_time_unix_nano < session.end_time_unix_nano
    lasted = (told.end_time_unix_nano - told.start_time_unix_nano) / 1e9
    assert lasted == pytest.approx(turn["waited"], abs=0.002)
    attributes = {a.key: a.value for a in told.attributes}
    assert attributes["parley.turn.id"].string_value == turn["id"]
    assert attributes["parley.turn.language"].string_value == "en"
    # LiveKit's own of the same conversation, with what the model is and what it cost.
    (request,) = [
        span
        for span in spans["llm_request"]
        if span.start_time_unix_nano > told.start_time_unix_nano
    ][:1]
    assert "gen_ai.request.model" in {a.key for a in request.attributes}
    assert collector.services == {"parley"}
    assert "lk.agents.turn.e2e_latency" in collector.figures()
    sent = b"".join(collector.traces + collector.metrics)
    assert [word for word in UNSAID if word.encode() in sent] == []


async def test_nothing_is_sent_unless_a_collector_is_named(livekit: Server, tmp_path: Path) -> None:
    async with collecting(port=OTLP_PORT) as collector:
        await _end_of_call(livekit, tmp_path, {})
    assert collector.traces == collector.metrics == []


async def test_a_collector_that_hangs_does_not_keep_the_place_of_a_call(
    livekit: Server, tmp_path: Path
) -> None:
    usual = await _end_of_call(livekit, tmp_path, {})
    async with collecting(hangs=True) as collector:
        endpoint = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url}
        assert await _end_of_call(livekit, tmp_path, endpoint) < usual + 5.0
    assert collector.traces


async def _end_of_call(livekit: Server, folder: Path, environment: dict[str, str]) -> float:
    """Seconds from when the caller leaves until somebody else may have the place."""
    async with running(livekit, folder, environment) as agent:
        async with agent.caller():
            pass
        return await agent.free()

"""A collector of OpenTelemetry's protocol over HTTP that keeps what it gets, or never answers."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field

from aiohttp import web
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span


@dataclass
class Collector:
    """What was sent."""

    url: str = ""
    traces: list[bytes] = field(default_factory=list)
    metrics: list[bytes] = field(default_factory=list)
    services: set[str] = field(default_factory=set)
    """Who sent it."""

    def spans(self) -> dict[str, list[Span]]:
        """All spans by name."""
        found: dict[str, list[Span]] = {}
        for span in self._spans():
            found.setdefault(span.name, []).append(span)
        return found

    def figures(self) -> set[str]:
        """Names of all metrics."""
        return {
            metric.name
            for body in self.metrics
            for resource in ExportMetricsServiceRequest.FromString(body).resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
        }

    def _spans(self) -> Iterator[Span]:
        for body in self.traces:
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                names = {a.key: a.value.string_value for a in resource.resource.attributes}
                self.services.add(names["service.name"])
                for scope in resource.scope_spans:
                    yield from scope.spans


@contextlib.asynccontextmanager
async def collecting(*, port: int = 0, hangs: bool = False) -> AsyncIterator[Collector]:
    """Listen on this machine.

    Args:
        port: The port; any free one if 0.
        hangs: Take what is sent and never answer.
    """
    collector, over = Collector(), asyncio.Event()

    async def take(request: web.Request) -> web.Response:
        kind = request.match_info["kind"]
        (collector.traces if kind == "traces" else collector.metrics).append(await request.read())
        if hangs:
            await over.wait()
        return web.Response(content_type="application/x-protobuf")

    app = web.Application(client_max_size=2**26)
    app.add_routes([web.post("/v1/{kind:traces|metrics}", take)])
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        collector.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield collector
    finally:
        over.set()
        await runner.cleanup()

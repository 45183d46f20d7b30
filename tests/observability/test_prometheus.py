"""A real Prometheus that looks at the real agent and a real livekit-server."""

from __future__ import annotations

import asyncio
import re
import shutil
from pathlib import Path
from typing import Any

import httpx
import pytest
from livekit.agents.telemetry.http_server import HttpServer

from agent.stack import Server, observe, ports

from .queries import PANELS, asked, names
from .running import running

pytestmark = [
    pytest.mark.room,
    pytest.mark.timeout(300),
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.skipif(not shutil.which("prometheus"), reason="prometheus is not installed"),
]

OURS = ("parley_", "lk_agents_", "livekit_", "language:", "language_stage:", "verdict:")
ELSEWHERE = ("parley_bridge_", "parley_call_", "parley_calls_", "parley_trunk_")
"""Of programs that do not run here (test_bridge_metrics.py and tests/telephony/test_trunk_health.py
ask them), and of calls by phone (tests/telephony/test_details.py)."""


class Prometheus:
    """What it answers."""

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}/api/v1/query"

    async def query(self, expression: str) -> list[dict[str, Any]]:
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = (await client.get(self._url, params={"query": expression})).json()
        assert answer["status"] == "success", (expression, answer)
        found: list[dict[str, Any]] = answer["data"]["result"]
        return found

    async def until(self, expression: str, value: float) -> None:
        async with asyncio.timeout(60):
            while [float(row["value"][1]) for row in await self.query(expression)] != [value]:
                await asyncio.sleep(0.5)


async def test_a_turn_is_on_every_panel_that_shows_turns(
    livekit: Server, livekit_metrics: str, tmp_path: Path
) -> None:
    numbers, lines = ports.free(observe.OBSERVE_PORTS), list[str]()
    prometheus = Prometheus(numbers["prometheus"])
    async with running(livekit, tmp_path, {}) as agent:
        targets = {"agent": [agent.metrics.removesuffix("/metrics")], "livekit": [livekit_metrics]}
        looking = asyncio.create_task(
            observe.run(numbers, targets, tmp_path / "observe", lines.append)
        )
        try:
            async with asyncio.timeout(60):
                while not any("Open " in line for line in lines):
                    assert not looking.done(), lines
                    await asyncio.sleep(0.1)
            # A series has to be seen before it can grow.
            await prometheus.until("sum(parley_turns_total)", 0)
            async with agent.caller() as caller:
                await prometheus.until("sum(parley_turns_total)", 1)
                await prometheus.until("sum(lk_agents_active_job_count)", 1)
                (turn,) = [record for record in caller.turns if record["kind"] == "turn"]
            await prometheus.until("sum(up)", 2)
            await prometheus.until("count(language:parley_turn_waited_seconds:p95_5m > 0)", 1)
            (p95,) = await prometheus.query("language:parley_turn_waited_seconds:p95_5m > 0")
            assert p95["metric"]["language"] == "en"
            await _in_one_bucket(prometheus, turn["waited"], float(p95["value"][1]))
            for panel in PANELS:
                for target in panel["targets"]:
                    asks = (
                        target["expr"].replace("$__rate_interval", "1m").replace("$language", ".*")
                    )
                    rows = await prometheus.query(asks)
                    if all(_ours(name) for name in names(target["expr"])):
                        assert rows, (panel["title"], asks)
            for name in asked("livekit_"):
                assert await prometheus.query(name), name
            assert await prometheus.query('ALERTS{alertstate="firing"}') == []
        finally:
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)


def _ours(name: str) -> bool:
    return name.startswith(OURS) and not name.startswith(ELSEWHERE)


async def _in_one_bucket(prometheus: Prometheus, measured: float, estimated: float) -> None:
    """A quantile of one value is as exact as the bucket that it is in."""
    rows = await prometheus.query('parley_turn_waited_seconds_bucket{language="en"}')
    bounds = sorted(float(re.sub(r"^\+", "", row["metric"]["le"])) for row in rows)
    above = next(bound for bound in bounds if measured <= bound)
    below = max([bound for bound in bounds if bound < above], default=0.0)
    assert below <= estimated <= above


async def test_the_trunks_are_watched_while_the_phone_is_on_and_raise_no_alarm_before_or_after(
    tmp_path: Path,
) -> None:
    numbers, lines = ports.free(observe.OBSERVE_PORTS), list[str]()
    prometheus, folder = Prometheus(numbers["prometheus"]), tmp_path / "observe"
    monitor = HttpServer("127.0.0.1", 0)
    await monitor.start()
    targets = {"agent": [f"http://127.0.0.1:{monitor.port}"]}
    looking = asyncio.create_task(observe.run(numbers, targets, folder, lines.append))
    alarm = 'count(ALERTS{alertname="TrunkMonitorDown"})'
    try:
        async with asyncio.timeout(60):
            while not any("Open " in line for line in lines):
                assert not looking.done(), lines
                await asyncio.sleep(0.1)
        await prometheus.until('up{job="agent"}', 1)
        assert await prometheus.query('up{job="trunks"}') == []
        with observe.watched("trunks", monitor.port, folder):
            await prometheus.until('up{job="trunks"}', 1)
            await monitor.aclose()  # it has died, and the phone is on
            await prometheus.until('up{job="trunks"}', 0)
            await prometheus.until(alarm, 1)
        async with asyncio.timeout(60):
            while await prometheus.query('up{job="trunks"}') or await prometheus.query(alarm):
                await asyncio.sleep(0.5)
    finally:
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)

"""The soak of whole rooms before engines of one's own, without the rooms."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from agent.telemetry.turn import Stop, Turn
from bench import gpu_room
from bench.load import recogniser, soak
from bench.load.__main__ import Measured
from harness import report
from harness.serving import serving

_MEASURED = {
    "join_time": 0.5,
    "voice_to_voice": [0.4],
    "stop_latency": [],
    "unanswered": 0,
    "not_stopped": 0,
}


async def test_one_call_follows_another_before_the_engines_that_were_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    engines: list[str | None] = []

    async def call(languages: Sequence[str], seconds: float) -> list[dict[str, Any]]:
        await asyncio.sleep(0.05)
        return [_MEASURED]

    @contextlib.asynccontextmanager
    async def opened(rooms: int, *, engines_at: str | None = None) -> AsyncIterator[Any]:
        engines.append(engines_at)
        yield SimpleNamespace(agent=psutil.Process(), call=call)

    monkeypatch.setattr(soak, "opened", opened)
    monkeypatch.setattr(soak, "ROWS", tmp_path / "rows.json")
    monkeypatch.setattr(report, "OUT", tmp_path)
    batches = recogniser.Batches(lambda counts: 0.02)
    # No call begins in the last 30 s of a soak.
    minutes = str(30.5 / 60)
    async with serving(recogniser.app(batches, "no GPU")) as stt:
        options = ["--rooms", "2", "--soak", minutes, "--call", "0.001", "--stt", stt]
        monkeypatch.setattr(sys, "argv", ["gpu_room", *options])
        await gpu_room.main()
    found = json.loads((tmp_path / "gpu-room.json").read_text())["metrics"]
    assert found["soak.calls.rooms2"]["value"] >= 2
    assert found["soak.calls_failed.rooms2"]["value"] == 0
    assert found["soak.voice_to_voice.whole.rooms2"]["p50"] == 400
    assert found["refused.rooms2"]["value"] == 0
    assert engines[0] is not None
    assert engines[0].endswith("/v1")
    assert json.loads((tmp_path / "gpu-room-batches-2.json").read_text())["eager"] == "no GPU"
    assert json.loads((tmp_path / "rows.json").read_text())["calls"]


async def test_rooms_are_reported_with_what_the_agent_recorded_of_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    spoken_over = Turn("t", "en", stop=Stop("interruption", 0.03, 0.4)).record()

    async def measured(rooms: int, seconds: float, *, engines_at: str | None = None) -> Measured:
        caller = {**_MEASURED, "turns": [spoken_over]}
        return Measured([caller] * rooms, 0.1, 0.1, 300.0, 290.0)

    monkeypatch.setattr(gpu_room, "measure", measured)
    monkeypatch.setattr(report, "OUT", tmp_path)
    monkeypatch.setattr(sys, "argv", ["gpu_room", "--rooms", "3"])
    await gpu_room.main()
    found = json.loads((tmp_path / "gpu-room.json").read_text())["metrics"]
    assert found["voice_to_voice.rooms3"]["p50"] == 400
    assert found["interruption_decided.rooms3"]["n"] == 3
    assert found["interruption_decided.rooms3"]["p95"] == 400

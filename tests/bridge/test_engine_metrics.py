"""Faults of the engines that the bridge's requests share, as they are counted."""

from __future__ import annotations

from typing import Any

from livekit import rtc
from livekit.agents import APIError
from livekit.plugins import qwen3_tts, vllm
from prometheus_client import REGISTRY

from agent.bridge import metrics
from agent.bridge.engines import Engines


def counted(name: str, engine: str, kind: str) -> float:
    found = REGISTRY.get_sample_value(name, {"engine": engine, "kind": kind})
    return found or 0.0


def test_faults_and_fallbacks_of_requests_are_counted() -> None:
    plugins: list[Any] = [rtc.EventEmitter[Any]() for _ in range(3)]
    stt, llm, tts = plugins
    metrics.follow(Engines(stt, llm, tts))
    where: dict[str, Any] = {"url": "", "model": "m", "server": 0}
    names = {
        "parley_engine_faults_total": (("stt", "timeout"), ("tts", "garbage")),
        "parley_engine_fallbacks_total": (("llm", "model"),),
    }
    before = {(n, *labels): counted(n, *labels) for n, all_ in names.items() for labels in all_}
    error = APIError("x")
    stt.emit("server_failed", vllm.Failed(**where, choice=0, kind="timeout", error=error))
    tts.emit("server_failed", qwen3_tts.Failed(**where, choice=0, kind="garbage", error=error))
    llm.emit("server_answered", vllm.Answered(**where, choice=0, instead_of=None))
    llm.emit("server_answered", vllm.Answered(**where, choice=1, instead_of="model"))
    assert {key: counted(*key) - value for key, value in before.items()} == dict.fromkeys(before, 1)

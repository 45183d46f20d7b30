"""The example of the README begins a session, with scripted engines in place of a provider's."""

from __future__ import annotations

import re
import sys
import types
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from livekit import rtc
from livekit.agents import Agent, AgentSession
from livekit.plugins import turn_taking

from harness.scripted import Llm, Stt, Tts

README = Path(__file__).resolve().parents[1] / "README.md"


class Context:
    """What the example uses of a job's context."""

    def __init__(self) -> None:
        self.room = rtc.Room()
        self.shutdown: list[Callable[[], Coroutine[Any, Any, None]]] = []

    def add_shutdown_callback(self, callback: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self.shutdown.append(callback)


async def test_the_example_starts_a_session_that_takes_turns(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    provider = types.ModuleType("livekit.plugins.openai")
    provider.STT, provider.LLM, provider.TTS = Stt, Llm, Tts  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, provider.__name__, provider)
    monkeypatch.setattr("livekit.plugins.openai", provider, raising=False)
    started: list[tuple[Agent, dict[str, Any]]] = []

    async def start(_: AgentSession[Any], agent: Agent, **options: Any) -> None:
        started.append((agent, options))

    monkeypatch.setattr(AgentSession, "start", start)
    [example] = re.findall(r"^```python\n(.*?)^```", README.read_text("utf-8"), re.M | re.S)
    names: dict[str, Any] = {"__name__": "example"}
    exec(compile(example, README.name, "exec"), names)
    ctx = Context()
    await names["enter"](ctx)
    [(agent, options)] = started
    assert isinstance(agent, turn_taking.TurnTakingAgent)
    assert options["room"] is ctx.room
    assert options["room_options"].audio_input.frame_size_ms == 20
    for close in ctx.shutdown:
        await close()

"""Who answered of the three engines and who failed, as their plugins and the watchdog tell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeAlias

from livekit import rtc
from livekit.plugins import qwen3_tts, vllm

Engine: TypeAlias = Literal["stt", "llm", "tts"]
"""Who hears, who thinks, who speaks."""

ENGINES: tuple[Engine, ...] = ("stt", "llm", "tts")

FaultKind: TypeAlias = vllm.FaultKind | qwen3_tts.FaultKind | Literal["late", "given_up"]
"""How an engine failed. Of a server (of which another one may have made up for it):

- ``timeout``: it said nothing in time
- ``connection``: it was not there, or broke off
- ``busy``: it asked to be left alone
- ``refused``: it answered with another 4xx
- ``error``: it answered with a 5xx
- ``garbage``: what it sent was no answer

Of the engine as a whole, which is what a caller has of it:

- ``late``: the caller was told to wait
- ``given_up``: there was no answer, or none that could be heard
"""

FAULTS: tuple[FaultKind, ...] = (
    *("timeout", "connection", "busy", "refused", "error", "garbage"),
    *("late", "given_up"),
)

Substitute: TypeAlias = Literal["server", "model"]
"""What an answer is instead of: one of another server of the same model, or of the first choice."""

SUBSTITUTES: tuple[Substitute, ...] = ("server", "model")


@dataclass(frozen=True)
class Answerer:
    """One server of an engine."""

    model: str
    """The name of its model; "unknown" until it has told it."""
    choice: Literal["first", "fallback"]
    """Which section of the profile names it."""
    server: int
    """Its place in that section, from 1: ``base_url`` and then ``replicas``."""


@dataclass(frozen=True)
class Fault:
    """An engine has failed, whether or not anybody noticed."""

    id: str
    """The conversation."""
    engine: Engine
    fault: FaultKind
    by: Answerer | None
    """Whose fault it was; None where it is the engine's as a whole."""

    def record(self) -> dict[str, Any]:
        """Return what JSON can hold."""
        return {"kind": "fault", **asdict(self)}


@dataclass(frozen=True)
class Fallback:
    """One server of an engine has answered in place of another that failed."""

    id: str
    """The conversation."""
    engine: Engine
    instead_of: Substitute
    by: Answerer
    """Who answered."""

    def record(self) -> dict[str, Any]:
        """Return what JSON can hold."""
        return {"kind": "fallback", **asdict(self)}


def follow(
    engine: Engine,
    plugin: rtc.EventEmitter[Any],
    *,
    answered: Callable[[Engine, Answerer, Substitute | None], None],
    failed: Callable[[Engine, FaultKind, Answerer], None],
) -> None:
    """Listen to one engine for as long as it lives.

    Args:
        engine: Which of them it is.
        plugin: Tells by the events ``server_answered`` and ``server_failed``; of one that has none
            nothing is known.
        answered: Called with who has begun to answer a request, and in whose place.
        failed: Called with how somebody has failed at one, and who.
    """

    def on_answered(event: vllm.Answered | qwen3_tts.Answered) -> None:
        answered(engine, _answerer(event), event.instead_of)

    def on_failed(event: vllm.Failed | qwen3_tts.Failed) -> None:
        failed(engine, event.kind, _answerer(event))

    plugin.on("server_answered", on_answered)
    plugin.on("server_failed", on_failed)


def _answerer(
    event: vllm.Answered | vllm.Failed | qwen3_tts.Answered | qwen3_tts.Failed,
) -> Answerer:
    return Answerer(event.model, "fallback" if event.choice else "first", event.server + 1)

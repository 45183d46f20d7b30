"""The record of a call: what LiveKit's session report says, and what was said when."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from livekit.agents import llm
from livekit.agents.voice.report import SessionReport

from agent.foreign_json import read_json

from ..transcript import transcript

Record = dict[str, Any]
"""What is kept of one call, as JSON: see docs/post-call.md."""


@dataclass(frozen=True)
class About:
    """What the session itself does not know of its call."""

    agent: str = ""
    """Name of the agent that spoke."""
    channel: str = ""
    """How it was held: ``web``, ``phone``, ``media_stream``."""
    direction: str = "inbound"
    """``outbound`` for a call that the agent placed."""
    language: str | None = None
    """The caller's, if it was known."""
    number: str | None = None
    """The caller's number, if it may be kept."""
    visitor: str | None = None
    """Identifier of whoever signed in."""
    end: str | None = None
    """Why it ended, as LiveKit names it, where its session was only told to close."""


def whole(report: SessionReport, said: llm.ChatContext) -> SessionReport:
    """A report of all of a call, which may have begun with an agent that has died meanwhile.

    Args:
        report: LiveKit's, of the session of the last agent.
        said: What was said in the call.
    """
    began = report.started_at or report.timestamp
    times = [item.created_at for item in said.items if item.type in ("message", "function_call")]
    return replace(report, chat_history=said, started_at=min([began, *times]))


def call_record(report: SessionReport, about: About) -> Record:
    """The record of a call that has ended.

    Args:
        report: LiveKit's, of ``JobContext.make_session_report()``.
        about: What it does not know.
    """
    ended = report.timestamp
    began = report.started_at or ended
    told = report.to_dict(include_chat_history=False, include_events=False)
    return {
        "id": f"call_{report.job_id}",
        "agent": about.agent,
        "room": report.room,
        "channel": about.channel,
        "direction": about.direction,
        "caller": {"number": about.number, "visitor": about.visitor},
        "language": about.language,
        "started_at": iso(began),
        "ended_at": iso(ended),
        "seconds": round(ended - began, 3),
        "end": about.end or told["close_reason"],
        "errors": told["errors"],
        "transcript": [
            {**said.record(), "at": max(0.0, round(said.at - began, 3))}
            for said in transcript(report.chat_history)
        ],
        "tools": called(report.chat_history, began),
        "usage": told["usage"],
        "summary": None,
        "outcome": None,
        "unfilled": None,
        "recording": None,
    }


def called(history: llm.ChatContext, began: float) -> list[dict[str, Any]]:
    """The tools that the model has called: with what, and what came back.

    Args:
        history: The conversation.
        began: When it began, in seconds since 1970.
    """
    outputs = {item.call_id: item for item in history.items if item.type == "function_call_output"}
    calls: list[dict[str, Any]] = []
    for item in history.items:
        if item.type != "function_call":
            continue
        output = outputs.get(item.call_id)
        calls.append(
            {
                "at": max(0.0, round(item.created_at - began, 3)),
                "name": item.name,
                "arguments": _parsed(item.arguments),
                "output": output.output if output else None,
                "failed": output.is_error if output else None,
            }
        )
    return calls


def _parsed(arguments: str) -> Any:
    try:
        return read_json(arguments)
    except ValueError:
        return arguments


def iso(seconds: float) -> str:
    """A moment, in seconds since 1970, as records have it."""
    told = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
    return told.replace("+00:00", "Z")

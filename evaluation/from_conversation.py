"""A scenario from a call that was held: what the web page saved, or the record of a call."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel

from agent.foreign_json import read_json
from agent.languages import LANGUAGES
from agent.telemetry.report import NotSaved, read


class _Line(BaseModel):
    who: str
    text: str


class _Tool(BaseModel):
    name: str
    arguments: Any
    failed: bool | None


class _CallRecord(BaseModel):
    """What is used of a call's record."""

    started_at: str
    language: str | None
    transcript: list[_Line]
    tools: list[_Tool]
    outcome: dict[str, Any] | None


@dataclass
class Held:
    """What is known of the call."""

    about: str
    language: str | None
    spoken: Sequence[tuple[str, str]]
    """Who, ``caller`` or ``agent``, and what they said, in order."""
    tools: Sequence[dict[str, Any]] = field(default_factory=list)
    outcome: dict[str, Any] = field(default_factory=dict)


def scenario_of(path: Path) -> str:
    """The scenario, as YAML, with what the agent said as a comment.

    Args:
        path: A ZIP that the web page saved, or the JSON record of a call (docs/post-call.md).

    Raises:
        NotSaved: It cannot be read, is something else, or nobody says anything in it.
    """
    held = _page(path) if zipfile.is_zipfile(path) else _record(path)
    lines = _turns(held.spoken)
    if not lines:
        raise NotSaved(f"{path} is no conversation for a scenario: no caller says anything in it")
    expect: dict[str, Any] = {}
    if held.tools:
        expect["tools"] = list(held.tools)
    if held.outcome:
        expect["outcome"] = held.outcome
    expect["turns"] = len(lines)
    content = {
        "about": held.about,
        "language": held.language if held.language in LANGUAGES else "en",
        "caller": {"lines": lines},
        "expect": expect,
    }
    written = yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=100)
    # So that whoever reads it can say what else is to be expected.
    said = [f"# {who}: {' '.join(text.split())}\n" for who, text in held.spoken]
    return f"{written}# The call that it is from:\n{''.join(said)}"


def _page(path: Path) -> Held:
    saved = read(path)
    return Held(
        about=f"From a conversation of {saved.started:%Y-%m-%d %H:%M}.",
        language=next((turn.language for turn in saved.turns if turn.language), None),
        spoken=[
            ("caller" if caption.role == "user" else "agent", caption.text)
            for caption in sorted(saved.captions, key=lambda caption: caption.at)
            if caption.role != "guest"
        ],
        tools=[{"name": name} for turn in saved.turns for name in turn.tools],
    )


def _record(path: Path) -> Held:
    try:
        record = _CallRecord.model_validate(read_json(path.read_text(encoding="utf-8")))
    except OSError as e:
        raise NotSaved(f"{path} cannot be read: {(e.strerror or str(e)).lower()}.") from e
    except ValueError as e:  # pydantic's are, too
        raise NotSaved(f"{path} is neither a saved conversation nor the record of a call") from e
    return Held(
        about=f"From a call of {record.started_at}.",
        language=record.language,
        spoken=[(line.who, line.text) for line in record.transcript],
        tools=[
            {"name": tool.name, "arguments": tool.arguments}
            for tool in record.tools
            if not tool.failed and isinstance(tool.arguments, dict)
        ],
        outcome=record.outcome or {},
    )


def _turns(spoken: Iterable[tuple[str, str]]) -> list[str]:
    """The caller's turns: what they said from one reply to the next is one."""
    turns: list[str] = []
    before = ""
    for who, text in spoken:
        if who == "caller":
            text = " ".join(text.split())
            if before == "caller":
                turns[-1] += f" {text}"
            else:
                turns.append(text)
        before = who
    return turns

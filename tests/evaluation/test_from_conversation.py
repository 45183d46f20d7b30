"""Scenarios from calls that were held."""

from __future__ import annotations

import io
import json
import wave
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from agent.definition.definition import AgentDefinition
from agent.telemetry.report import NotSaved
from evaluation.from_conversation import scenario_of
from evaluation.scenario import cases_of

TURN = {
    "kind": "turn",
    "id": "c-1",
    "at": 3.0,
    "language": "en",
    "answered": True,
    "interrupted": False,
    "waited": 1.0,
    "stages": {},
    "decision": None,
    "stop": None,
    "tools": ["find"],
}
RECORD = {
    "started_at": "2026-11-29T12:00:00.000Z",
    "language": "zh",
    "transcript": [
        {"who": "agent", "text": "这里是图书馆。"},
        {"who": "caller", "text": "有《爱玛》吗？"},
        {"who": "agent", "text": "有两本。"},
    ],
    "tools": [
        {"name": "find", "arguments": {"title": "Emma"}, "output": "2", "failed": False},
        {"name": "cancel", "arguments": "{", "output": "Wrong.", "failed": True},
    ],
    "outcome": {"reserved": False},
}


def saved(path: Path, captions: Sequence[tuple[str, str]]) -> Path:
    words = {
        "parley": 1,
        "started": "2026-11-29T12:00:00Z",
        "captions": [
            {"role": role, "text": text, "at": at, "until": at + 1}
            for at, (role, text) in enumerate(captions)
        ],
        "records": [TURN],
    }
    sound = io.BytesIO()
    with wave.open(sound, "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(24_000)
        file.writeframes(bytes(400))
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("conversation.json", json.dumps(words))
        archive.writestr("conversation.wav", sound.getvalue())
    return path


def test_what_the_page_saved(tmp_path: Path, library: AgentDefinition) -> None:
    spoken = [
        ("agent", "Library."),
        ("user", "Do you have"),
        ("user", " Emma? "),
        ("guest", "Hi!"),
        ("agent", "Yes."),
        ("user", "Thanks."),
    ]
    told = scenario_of(saved(tmp_path / "saved.zip", spoken))
    assert "# agent: Library.\n# caller: Do you have\n" in told
    path = tmp_path / "made.yaml"
    path.write_text(told, "utf-8")
    (case,) = cases_of(library, [str(path)])
    scenario = case.scenario
    assert scenario.about == "From a conversation of 2026-11-29 12:00."
    assert scenario.language == "en"
    assert scenario.caller.lines == ["Do you have Emma?", "Thanks."]
    assert [tool.name for tool in scenario.expect.tools] == ["find"]
    assert scenario.expect.turns == 2


def test_the_record_of_a_call(tmp_path: Path, library: AgentDefinition) -> None:
    record = tmp_path / "call.json"
    record.write_text(json.dumps(RECORD), "utf-8")
    path = tmp_path / "made.yaml"
    path.write_text(scenario_of(record), "utf-8")
    (case,) = cases_of(library, [str(path)])
    scenario = case.scenario
    assert scenario.language == "zh"
    assert scenario.caller.lines == ["有《爱玛》吗？"]
    assert [(t.name, t.arguments) for t in scenario.expect.tools] == [("find", {"title": "Emma"})]
    assert scenario.expect.outcome == {"reserved": False}


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("nothing", "neither a saved conversation nor the record"),
        ("[]", "neither a saved conversation nor the record"),
        (json.dumps({**RECORD, "transcript": []}), "no caller says anything in it"),
    ],
)
def test_what_is_none_is_told(tmp_path: Path, content: Any, sentence: str) -> None:
    path = tmp_path / "call.json"
    path.write_text(content, "utf-8")
    with pytest.raises(NotSaved, match=sentence):
        scenario_of(path)

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agent import settings
from agent.bridge.media_choice import chooser
from agent.bridge.media_messages import Start
from agent.definition.loading import load_agent

NUMBER = "+442079460018"


def starting(**said: str) -> Start:
    return Start("MZ0", said)


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    says = {"name": "Tea", "instructions": "You sell tea.", "turns": {"max_delay": 2.5}}
    folder = tmp_path / "tea"
    folder.mkdir()
    (folder / "agent.yaml").write_text(json.dumps(says), "utf-8")
    monkeypatch.setenv("PARLEY_AGENTS", json.dumps({"tea": str(folder)}))
    monkeypatch.setenv("PARLEY_PHONE__AGENTS", json.dumps({NUMBER: "tea"}))
    return folder


@pytest.mark.parametrize(
    ("said", "key"),
    [
        ({"agent": "tea"}, "tea"),
        ({"to": NUMBER}, "tea"),
        ({"agent": "parley", "to": NUMBER}, "parley"),
        ({"to": "+442079460019"}, "parley"),
        ({"agent": "nobody"}, "parley"),
        ({}, "parley"),
    ],
)
def test_the_parameters_of_a_stream_say_who_takes_the_call(
    shop: Path, said: dict[str, str], key: str
) -> None:
    profile = settings.load("cpu")
    agent, own = chooser(profile, load_agent("parley"))(starting(**said))
    assert agent.key == key
    assert own.phone.turns.max_delay == (2.5 if key == "tea" else profile.phone.turns.max_delay)


def test_the_usual_agent_as_it_was_takes_the_call_when_its_folder_is_wrong(
    shop: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("PARLEY_AGENT", str(shop))
    profile = settings.load("cpu")
    usual = load_agent(str(shop), profile)
    (shop / "agent.yaml").write_text("name: [", "utf-8")
    agent, _ = chooser(profile, usual)(starting())
    assert agent is usual
    assert "agent.yaml is not valid YAML" in caplog.text

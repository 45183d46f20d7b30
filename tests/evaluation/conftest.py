from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from agent import settings
from agent.definition.definition import AgentDefinition
from agent.definition.loading import load_agent
from agent.settings import Settings
from evaluation.scenario import Case, Scenario

LIBRARY = Path(__file__).with_name("library")

Made = Callable[..., Case]


@pytest.fixture
def library() -> AgentDefinition:
    return load_agent(str(LIBRARY))


@pytest.fixture
def cpu() -> Settings:
    return settings.load("cpu")


@pytest.fixture
def made() -> Made:
    """Makes a scenario of a caller's lines, an agent's and whatever else."""

    def make(says: list[str], answers: list[Any], **more: Any) -> Case:
        content = {
            "about": "A test.",
            "caller": {"lines": says} if says else {"goal": "Reserve Emma."},
            "agent": {"lines": answers, **more.pop("agent", {})},
            "expect": {"turns": 9},
            **more,
        }
        return Case("made", Path("made.yaml"), Scenario.model_validate(content))

    return make


@pytest.fixture
def written(tmp_path: Path) -> Callable[..., Path]:
    """Writes a scenario: the least that is right, with other settings over it."""

    def write(name: str = "s", /, **changes: Any) -> Path:
        content: dict[str, Any] = {
            "about": "A test.",
            "caller": {"lines": ["Hello."]},
            "agent": {"lines": ["Yes?"]},
            "expect": {"says": ["yes"]},
            **changes,
        }
        path = tmp_path / f"{name}.yaml"
        path.write_text(yaml.safe_dump(content, allow_unicode=True), "utf-8")
        return path

    return write

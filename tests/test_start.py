"""What is looked at before the agent server starts."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from agent import app


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """What LiveKit's command line was run for, on a machine without models."""
    run: list[str] = []
    monkeypatch.setattr("agent.app.cli.run_app", lambda _: run.append(sys.argv[1]))
    monkeypatch.setattr(app, "assure", _taken)
    quiet = SimpleNamespace(import_module=lambda _: None)  # no loudspeaker either
    monkeypatch.setattr(app, "importlib", quiet)
    monkeypatch.setattr(app, "mask_logs", lambda: None)
    monkeypatch.setenv("LIVEKIT_TURN_TAKING_MODELS", str(tmp_path))
    monkeypatch.setenv("LIVEKIT_AGENTS_PRELOAD_LOCAL_INFERENCE", "0")
    monkeypatch.setenv("LIVEKIT_AGENTS_LOOP_BLOCK_WARN_MS", "0")
    return run


async def _taken(_: object) -> None:
    """The key is one that LiveKit takes."""


@pytest.mark.parametrize("verb", ["start", "dev", "console"])
def test_a_server_whose_model_is_missing_says_so_and_ends(
    verb: str, begun: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["agent.py", verb])
    with pytest.raises(SystemExit, match="smart-turn.* is missing: run your agent once with down"):
        app.main()
    assert begun == []


@pytest.mark.parametrize("line", [["download-files"], ["start", "--help"], ["console", "--help"]])
def test_what_holds_no_call_needs_no_model(
    line: list[str], begun: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["agent.py", *line])
    app.main()
    assert begun == line[:1]

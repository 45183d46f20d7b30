"""Every benchmark says what it does when it is asked, and measures nothing then."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2] / "bench"
# A host is a program that a benchmark starts beside itself, with no help of its own.
COMMANDS = sorted(
    ".".join(path.relative_to(ROOT.parent).with_suffix("").parts)
    for path in ROOT.rglob("*.py")
    if not path.stem.endswith("host") and "__main__" in path.read_text(encoding="utf-8")
)


def test_there_are_benchmarks() -> None:
    assert "bench.latency" in COMMANDS


@pytest.mark.parametrize("command", COMMANDS)
def test_help_is_shown(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", [command, "--help"])
    with pytest.raises(SystemExit) as end:
        runpy.run_module(command, run_name="__main__")
    assert end.value.code == 0
    assert "usage:" in capsys.readouterr().out

"""``python agent.py`` with an agent of one's own, up to where LiveKit takes over."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import Folder

ROOT = Path(__file__).resolve().parents[2]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "agent.py", *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
    )


@pytest.mark.parametrize(
    ("arguments", "environment", "sentence"),
    [
        (["dev", "--agent", "/nowhere"], {}, "There is no agent '/nowhere'"),
        (["dev", "--agent"], {}, "--agent needs the path or the name of an agent after it."),
        (["start"], {"PARLEY_AGENT": "/nowhere"}, "There is no agent '/nowhere'"),
        (["start"], {"PARLEY_AGENTS": '{"clinic": "/nowhere"}'}, "There is no agent '/nowhere'"),
    ],
)
def test_a_wrong_agent_ends_it_with_one_sentence(
    arguments: list[str], environment: dict[str, str], sentence: str
) -> None:
    ended = run(*arguments, **environment)
    assert ended.returncode == 1
    assert sentence in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_livekits_command_line_is_there_with_an_agent_chosen(folder: Folder) -> None:
    helped = run("dev", "--agent", str(folder()), "--help")
    assert helped.returncode == 0
    assert "--reload" in helped.stdout

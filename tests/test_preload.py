"""What is in the process that jobs are forked from."""

from __future__ import annotations

import subprocess
import sys

import pytest

from agent.server import Server
from agent.stack.stack import ROOT

pytestmark = pytest.mark.slow

_PLUGINS = "import livekit.plugins.qwen3_tts, livekit.plugins.turn_taking, livekit.plugins.vllm"
_THREADS = "print(len(os.listdir('/proc/self/task')))"


def run(code: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return done.stdout.split()


def test_it_starts_no_thread_which_would_be_lost_in_a_fork() -> None:
    # LiveKit imports its plugins there by itself.
    before, after = run(f"import os; {_PLUGINS}; {_THREADS}; import agent.preload; {_THREADS}")
    assert before == after


def test_a_call_finds_there_what_it_would_import() -> None:
    used = (
        "import sys, agent.preload; before = set(sys.modules)\n"
        "import agent.app\n"
        "from livekit.plugins.qwen3_tts import normalizer\n"
        "normalizer.normalize('At 10:30 it is 12.5 degrees.', 'en')\n"
        "normalizer.normalize('它卖 $12.50。', 'zh')\n"
        "print(*(set(sys.modules) - before))"
    )
    # The application itself is imported by each process, as LiveKit starts it.
    assert run(used) == ["agent.app"]


def test_the_server_has_it_imported_there() -> None:
    assert Server()._preload_modules == ["agent.preload"]

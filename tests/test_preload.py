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


def test_a_call_finds_there_what_it_would_have_to_read() -> None:
    read = (
        "import ssl, agent.preload, av\n"
        "def refuse(*_, **__): raise AssertionError('read again')\n"
        "av.open = ssl.SSLContext.load_verify_locations = refuse\n"
        "ssl.SSLContext.load_default_certs = ssl.SSLContext.set_default_verify_paths = refuse\n"
        "import asyncio\n"
        "from agent.engine_settings import TTSSettings\n"
        "from agent.prerecorded import Prerecorded\n"
        "from livekit.agents.utils import http_context\n"
        "from livekit.plugins import vllm\n"
        "async def call():\n"
        "    await Prerecorded(TTSSettings(base_url='http://127.0.0.1:1/v1')).load()\n"
        "    vllm.LLM(base_url='http://127.0.0.1:1/v1'), vllm.STT(base_url='http://127.0.0.1:1/v1')\n"
        "    async with http_context.open() as session: print(type(session).__name__)\n"
        "asyncio.run(call())"
    )
    assert run(read) == ["ClientSession"]


def test_a_network_that_cannot_be_loaded_ends_no_server() -> None:
    without = (
        "from pathlib import Path\n"
        "from livekit.plugins.turn_taking.barge_in import hunch\n"
        "hunch._FILE = Path('nowhere.onnx')\n"
        "import agent.preload, agent.app\n"
        "agent.app._warm_up(None)\n"
        "print('ready')"
    )
    assert run(without) == ["ready"]

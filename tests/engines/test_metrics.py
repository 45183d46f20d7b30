"""The engines' own metrics, by the names that configs/observability asks for."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

from tests.observability.queries import asked

from .servers import Launcher, Server, engines_folder

PAGE = """
import vllm_omni.metrics.modality, vllm_omni.metrics.prometheus
from prometheus_client import generate_latest
print(generate_latest().decode())
"""


async def test_vllm_has_what_is_asked_of_it(llm_server: Server) -> None:
    await llm_server.post("/v1/completions", {"model": "llm", "prompt": "Hello", "max_tokens": 2})
    wanted = asked("vllm:")
    assert "vllm:time_to_first_token_seconds_bucket" in wanted
    for name in wanted:
        await llm_server.metric(name)


def test_vllm_omni_has_what_is_asked_of_it(launchers: Callable[[str], Launcher]) -> None:
    """Nothing serves the page without a GPU, but the names are there as soon as it is imported."""
    # Skipped, by that fixture, where the engines are not installed.
    python = engines_folder() / "venv" / "bin" / "python"
    done = subprocess.run([python, "-c", PAGE], capture_output=True, text=True, check=True)
    wanted = asked("vllm_omni:")
    assert "vllm_omni:audio_ttfp_s_bucket" in wanted
    for name in wanted:
        assert f"# HELP {name.removesuffix('_bucket')} " in done.stdout, name

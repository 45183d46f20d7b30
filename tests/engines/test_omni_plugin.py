"""gpu/plugin in the decoder's real scheduler, in the environment of the engines."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

import pytest

from .servers import engines_folder

_HERE = Path(__file__).parent
_PLUGIN = _HERE.parents[1] / "gpu/plugin"


async def test_first_chunks_are_made_before_later_ones() -> None:
    engines = engines_folder()
    if not (engines / "installed").is_file():
        pytest.skip("the engines are not installed: run scripts/setup_engines.sh")
    process = await asyncio.create_subprocess_exec(
        *(engines / "venv/bin/python", _HERE / "decoder_steps.py", engines / "models/llm"),
        env={**os.environ, "PYTHONPATH": str(_PLUGIN), "HF_HUB_OFFLINE": "1", "VLLM_PLUGINS": ""},
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0
    steps = json.loads(output.splitlines()[-1])

    together = ["abc", "abcd", "", "ad", ""]
    assert steps["stock"] == together
    assert steps["of_a_language_model"] == together
    # d's first chunk is not made beside later ones; e, for whom there is no place, stops nobody.
    assert steps["with_the_plugin"] == ["abc", "d", "abc", "ad", ""]

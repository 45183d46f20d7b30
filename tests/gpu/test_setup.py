"""scripts/setup_gpu.sh without its 12 GB: the plugin of vllm-omni is installed from its folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from agent.stack.stack import ROOT

# uv, but for the lock of vLLM and the Python that it needs.
_UV = """#!/usr/bin/env bash
case "$1 $2" in
  "venv "*) exec {uv} venv --quiet --python {python} .venv-gpu ;;
  "pip sync") echo "$@" ;;
  *) exec {uv} "$@" ;;
esac
"""
_FOUND = """
from importlib.metadata import entry_points
from importlib.util import find_spec

(plugin,) = entry_points(group="vllm.general_plugins")
print(plugin.name, find_spec(plugin.module.partition(".")[0]).origin)
"""


def test_the_plugin_is_installed_from_its_folder(tmp_path: Path) -> None:
    uv = os.environ.get("UV") or shutil.which("uv") or ROOT / ".uv/bin/uv"
    (tmp_path / "scripts").mkdir()
    shutil.copy(ROOT / "scripts/setup_gpu.sh", tmp_path / "scripts")
    shutil.copytree(ROOT / "gpu", tmp_path / "gpu")
    stand_in = tmp_path / "uv"
    stand_in.write_text(_UV.format(uv=uv, python=sys.executable), encoding="utf-8")
    stand_in.chmod(0o755)
    for _ in range(2):  # again, it does what is left to do
        done = subprocess.run(
            [tmp_path / "scripts/setup_gpu.sh"],
            env={**os.environ, "UV": str(stand_in)},
            capture_output=True,
            text=True,
            check=True,
        )
        assert (
            done.stdout == "pip sync --quiet --python .venv-gpu/bin/python gpu/requirements.txt\n"
        )
    python = tmp_path / ".venv-gpu/bin/python"
    found = subprocess.check_output([python, "-c", _FOUND], cwd=tmp_path, text=True)
    name, origin = found.split()
    assert name == "parley"
    # In the environment, so that it stays when the folder is gone.
    assert Path(origin).is_relative_to(tmp_path / ".venv-gpu")

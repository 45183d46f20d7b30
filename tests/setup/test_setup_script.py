"""What setup.sh tells of the packages, with a uv that says what the real one says."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

UV = """#!/bin/sh
echo "$*" >> calls
case "$*" in *--quiet*) exit 7 ;; esac
echo "Downloading torch (200.0MiB)" >&2
echo "Installed 2 packages in 3ms" >&2
echo " + addict==2.4.0" >&2
echo " ~ parley==0.1.0 (from file:///parley)" >&2
exit 7
"""


@pytest.mark.parametrize("again", [False, True])
def test_the_first_run_tells_of_downloads_and_not_of_each_package(
    tmp_path: Path, again: bool
) -> None:
    (tmp_path / "scripts").mkdir()
    script = shutil.copy(ROOT / "scripts/setup.sh", tmp_path / "scripts")
    uv = tmp_path / "uv"
    uv.write_text(UV)
    uv.chmod(0o755)
    if again:
        (tmp_path / ".venv").mkdir()
    result = subprocess.run(
        [script],
        env={**os.environ, "UV": str(uv)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert result.returncode == 7  # uv's: nothing is done after it has failed
    first = "Installing Python packages into .venv/ (1.5 GB)\nDownloading torch (200.0MiB)\n"
    said = "" if again else f"{first}Installed 2 packages in 3ms\n"
    assert (result.stdout, result.stderr) == (said, "")
    (call,) = (tmp_path / "calls").read_text().splitlines()
    assert ("--quiet" in call) is again

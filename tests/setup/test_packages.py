"""The plugins as packages of their own: built, and installed where nothing else is."""

from __future__ import annotations

import shutil
import subprocess
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
UV = shutil.which("uv") or str(ROOT / ".uv/bin/uv")
FIRST_EXAMPLE = """
import asyncio, re, sys
code = re.search(r"```python\\n(.*?)```", open(sys.argv[1], encoding="utf-8").read(), re.S).group(1)
async def run():
    names = {}
    exec(code.replace("...", "None"), names)
    print(sorted(n for n in names if not n.startswith("_")))
asyncio.run(run())
"""


def run(*command: str | Path, cwd: Path) -> str:
    """A command's output; a failure shows what it said."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.mark.parametrize("plugin", ["vllm"])
def test_a_plugin_stands_alone(plugin: str, tmp_path: Path) -> None:
    source = ROOT / f"plugins/livekit-plugins-{plugin}"
    # The wheel is made from the source distribution: that one is whole too.
    run(UV, "build", "--quiet", "--out-dir", tmp_path, source, cwd=tmp_path)
    (wheel,) = tmp_path.glob("*.whl")
    (sdist,) = tmp_path.glob("*.tar.gz")
    package = f"livekit/plugins/{plugin.replace('-', '_')}"
    names = zipfile.ZipFile(wheel).namelist()
    assert f"{package}/py.typed" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    # The namespace is LiveKit's: a file of ours in it would hide every other plugin.
    assert not {"livekit/__init__.py", "livekit/plugins/__init__.py"} & set(names)
    assert all(name.startswith((f"{package}/", "livekit_plugins")) for name in names)
    with tarfile.open(sdist) as tar:
        assert any(name.endswith("/README.md") for name in tar.getnames())

    run(UV, "venv", "--quiet", tmp_path / "venv", cwd=tmp_path)
    python = tmp_path / "venv/bin/python"
    run(UV, "pip", "install", "--quiet", "--python", python, wheel, cwd=tmp_path)
    run(UV, "pip", "check", "--python", python, cwd=tmp_path)
    made = run(python, "-c", FIRST_EXAMPLE, source / "README.md", cwd=tmp_path)
    assert "session" in made

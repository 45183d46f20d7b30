"""The voice plugin by itself: built, installed where nothing else is, and heard."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tarfile
import zipfile
from pathlib import Path

import pytest
from livekit.plugins.qwen3_tts import __version__

ROOT = Path(__file__).resolve().parents[2]
PLUGIN = ROOT / "plugins/livekit-plugins-qwen3-tts"
# `uv run` tells where it is.
UV = os.environ.get("UV") or shutil.which("uv") or str(ROOT / ".uv/bin/uv")

# A server of three lines, and what the plugin makes of it.
SPEAK = """
import asyncio, aiohttp
from aiohttp import web
from livekit.plugins import qwen3_tts

async def speech(request):
    body = await request.json()
    return web.Response(body=bytes(4800 * len(body["input"])), content_type="audio/pcm")

async def main():
    app = web.Application()
    app.router.add_post("/v1/audio/speech", speech)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = site._server.sockets[0].getsockname()[1]
    async with aiohttp.ClientSession() as session:
        tts = qwen3_tts.TTS(base_url=f"http://127.0.0.1:{port}/v1", http_session=session)
        frame = await tts.synthesize("It costs $5, 共25元。").collect()
        print(frame.sample_rate, qwen3_tts.__version__, qwen3_tts.__file__)
        await tts.aclose()
    await runner.cleanup()

asyncio.run(main())
"""


def run(*command: str | Path, cwd: Path) -> str:
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}
    result = subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a wheel, made from the source distribution as an index's users would."""
    folder = tmp_path_factory.mktemp("dist")
    run(UV, "build", "--quiet", "--out-dir", folder, PLUGIN, cwd=folder)
    return folder


@pytest.fixture(scope="module")
def python(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python with the plugin and what it needs, at the versions of the lock file."""
    folder = tmp_path_factory.mktemp("clean")
    (wheel,) = built.glob("*.whl")
    lock = folder / "constraints.txt"
    run(
        *(UV, "export", "--quiet", "--locked", "--no-hashes", "--no-emit-workspace"),
        *("--output-file", lock),
        cwd=ROOT,
    )
    run(UV, "venv", "--quiet", "--python", ROOT / ".venv/bin/python", "venv", cwd=folder)
    python = folder / "venv/bin/python"
    run(
        *(UV, "pip", "install", "--quiet", "--python", python, "--constraint", lock, wheel),
        cwd=folder,
    )
    return python


def test_both_distributions_hold_what_they_should(built: Path) -> None:
    (wheel,), (source,) = built.glob("*.whl"), built.glob("*.tar.gz")
    modules = {
        path.relative_to(PLUGIN).as_posix()
        for path in (PLUGIN / "livekit").rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    assert "livekit/plugins/qwen3_tts/py.typed" in modules
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    assert {name for name in names if ".dist-info/" not in name} == modules
    assert any(name.endswith("licenses/LICENSE") for name in names)
    with tarfile.open(source) as tar:
        inside = {name.partition("/")[2] for name in tar.getnames()}
    assert modules | {"README.md", "LICENSE", "pyproject.toml", "tests/conftest.py"} <= inside


def test_the_plugin_speaks_where_nothing_else_is_installed(python: Path, tmp_path: Path) -> None:
    rate, version, file = run(python, "-c", SPEAK, cwd=tmp_path).split()
    assert (rate, version) == ("24000", __version__)
    assert Path(file).is_relative_to(python.parents[1])


def test_the_example_of_the_readme_runs(python: Path, tmp_path: Path) -> None:
    readme = (PLUGIN / "README.md").read_text(encoding="utf-8")
    found = re.search(r"```python\n(.*?)```", readme, re.DOTALL)
    assert found
    (tmp_path / "agent.py").write_text(found[1], encoding="utf-8")
    assert "console" in run(python, "agent.py", "--help", cwd=tmp_path)

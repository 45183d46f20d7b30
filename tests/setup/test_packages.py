"""The packages by themselves: built, and used where nothing else is installed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tarfile
import zipfile
from email import message_from_string
from pathlib import Path

import pytest
from livekit.plugins import qwen3_tts

ROOT = Path(__file__).resolve().parents[2]
# Environments are made and filled, and their packages imported for the first time.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

PLUGINS = ("qwen3-tts", "turn-taking", "vllm")
# `uv run` tells where it is.
UV = os.environ.get("UV") or shutil.which("uv") or str(ROOT / ".uv/bin/uv")

# A server of three lines, and what the plugin makes of it.
SPEAK = """
import asyncio, aiohttp
from aiohttp import web
from livekit.plugins import qwen3_tts

async def speech(request):
    body = await request.json()
    return web.Response(body=b"\\x00\\x10" * (2400 * len(body["input"])), content_type="audio/pcm")

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


# The example constructs a session, which needs a loop.
CONSTRUCT = """
import asyncio, sys
async def main():
    names = {}
    exec(open(sys.argv[1], encoding="utf-8").read(), names)
    print("session" in names)
asyncio.run(main())
"""


# The example that brings a server of its own, from where a wheel has put it.
SERVE = """
import asyncio, sys
sys.path.insert(0, sys.argv[1])
from agent.definition.loading import load_agent

async def main():
    shop = load_agent("shop")
    [server] = [tool for tool in shop.tools() if tool.id == "mcp_orders"]
    await server.setup()
    print(shop.source, *(tool.info.name for tool in server.tools))
    await server.aclose()

asyncio.run(main())
"""


# Imports every shipped test, with what the plugin's group of tests asks for beside the plugin.
COLLECT = """
import sys
sys.path.append(sys.argv[1])
import pytest
sys.exit(pytest.main(["--collect-only", "--quiet"]))
"""


def folder_of(plugin: str) -> Path:
    return ROOT / f"plugins/livekit-plugins-{plugin}"


def first_example(plugin: str) -> str:
    readme = (folder_of(plugin) / "README.md").read_text(encoding="utf-8")
    found = re.search(r"```python\n(.*?)```", readme, re.DOTALL)
    assert found
    return found[1]


def run(*command: str | Path, cwd: Path) -> str:
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}
    result = subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders with a wheel, made from the source distribution as an index's users would."""
    folders = {plugin: tmp_path_factory.mktemp(plugin) for plugin in PLUGINS}
    for plugin, folder in folders.items():
        run(UV, "build", "--quiet", "--out-dir", folder, folder_of(plugin), cwd=folder)
    return folders


@pytest.fixture(scope="module")
def lock(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The versions of the lock file, as constraints."""
    lock = tmp_path_factory.mktemp("lock") / "constraints.txt"
    run(
        *(UV, "export", "--quiet", "--locked", "--no-hashes", "--no-emit-workspace"),
        *("--all-packages", "--all-groups", "--output-file", lock),
        cwd=ROOT,
    )
    return lock


@pytest.fixture(scope="module")
def pythons(
    built: dict[str, Path], lock: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    """For each plugin a Python with it and what it needs, at the versions of the lock file."""
    pythons: dict[str, Path] = {}
    for plugin, wheels in built.items():
        folder = tmp_path_factory.mktemp(f"clean-{plugin}")
        (wheel,) = wheels.glob("*.whl")
        run(UV, "venv", "--quiet", "--python", ROOT / ".venv/bin/python", "venv", cwd=folder)
        python = pythons[plugin] = folder / "venv/bin/python"
        run(
            *(UV, "pip", "install", "--quiet", "--python", python, "--constraint", lock, wheel),
            cwd=folder,
        )
        run(UV, "pip", "check", "--python", python, cwd=folder)
    return pythons


@pytest.fixture(scope="module")
def by_pip(built: dict[str, Path], lock: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python in which pip has put all three, as their READMEs say."""
    folder = tmp_path_factory.mktemp("pip")
    run(ROOT / ".venv/bin/python", "-m", "venv", "venv", cwd=folder)
    python = folder / "venv/bin/python"
    wheels = [wheel for each in built.values() for wheel in each.glob("*.whl")]
    run(python, "-m", "pip", "install", "--quiet", "--constraint", lock, *wheels, cwd=folder)
    return python


def test_an_agent_that_comes_with_parley_runs_from_its_wheel(tmp_path: Path) -> None:
    run(UV, "build", "--quiet", "--wheel", "--out-dir", tmp_path, ROOT, cwd=tmp_path)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    files = [path for path in (ROOT / "agent/agents").rglob("*") if path.suffix != ".pyc"]
    kept = [tmp_path / "site" / path.relative_to(ROOT) for path in files if path.is_file()]
    assert [path for path in kept if not path.is_file()] == []
    # PATH has no Python with the packages that its server needs.
    python = ("env", "PATH=/usr/bin:/bin", ROOT / ".venv/bin/python")
    served = run(*python, "-c", SERVE, tmp_path / "site", cwd=tmp_path)
    where = tmp_path / "site/agent/agents/shop"
    assert served.split() == [str(where), "find_order", "start_return"]


@pytest.mark.parametrize("plugin", PLUGINS)
def test_both_distributions_hold_what_they_should(plugin: str, built: dict[str, Path]) -> None:
    (wheel,), (source,) = built[plugin].glob("*.whl"), built[plugin].glob("*.tar.gz")
    modules = {
        path.relative_to(folder_of(plugin)).as_posix()
        for path in (folder_of(plugin) / "livekit").rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    assert f"livekit/plugins/{plugin.replace('-', '_')}/py.typed" in modules
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    # Nothing but ours: the namespace is LiveKit's, and a file in it would hide every other plugin.
    assert {name for name in names if ".dist-info/" not in name} == modules
    assert any(name.endswith("licenses/LICENSE") for name in names)
    with tarfile.open(source) as tar:
        inside = {name.partition("/")[2] for name in tar.getnames()}
    assert modules | {"README.md", "LICENSE", "CHANGELOG.md", "pyproject.toml"} <= inside


@pytest.mark.parametrize("plugin", PLUGINS)
def test_an_index_takes_both_and_shows_the_readme(plugin: str, built: dict[str, Path]) -> None:
    files = [path for path in built[plugin].iterdir() if path.suffix in (".whl", ".gz")]
    assert len(files) == 2
    folder = built[plugin]
    run(UV, "tool", "run", "--quiet", "twine==7.0.0", "check", "--strict", *files, cwd=folder)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (each for each in archive.namelist() if each.endswith(".dist-info/METADATA"))
        said = message_from_string(archive.read(name).decode())
    assert said["Requires-Python"] == "<3.15,>=3.11"
    assert said["Description-Content-Type"] == "text/markdown"
    readme = (folder_of(plugin) / "README.md").read_text(encoding="utf-8")
    assert str(said.get_payload()).strip() == readme.strip()


@pytest.mark.parametrize("plugin", PLUGINS)
def test_the_shipped_tests_need_nothing_of_this_repository(
    plugin: str, built: dict[str, Path], pythons: dict[str, Path], lock: Path, tmp_path: Path
) -> None:
    (source,) = built[plugin].glob("*.tar.gz")
    with tarfile.open(source) as tar:
        tar.extractall(tmp_path, filter="data")
    unpacked = tmp_path / source.name.removesuffix(".tar.gz")
    beside = tmp_path / "beside"
    run(
        *(UV, "pip", "install", "--quiet", "--target", beside, "--constraint", lock),
        *("--python", pythons[plugin], "--group", f"{unpacked / 'pyproject.toml'}:test"),
        cwd=tmp_path,
    )
    assert " tests collected" in run(pythons[plugin], "-Pc", COLLECT, beside, cwd=unpacked)


def test_pip_installs_all_three_beside_each_other(by_pip: Path, tmp_path: Path) -> None:
    run(by_pip, "-m", "pip", "check", cwd=tmp_path)
    modules = [plugin.replace("-", "_") for plugin in PLUGINS]
    imported = f"from livekit.plugins import {', '.join(modules)}\n"
    printed = f"print({', '.join(f'{module}.__file__' for module in modules)})"
    files = run(by_pip, "-c", imported + printed, cwd=tmp_path).split()
    assert len(files) == len(PLUGINS)
    assert all(Path(file).is_relative_to(by_pip.parents[1]) for file in files)
    assert run(by_pip, "-c", SPEAK, cwd=tmp_path).startswith("24000 ")
    (tmp_path / "example.py").write_text(first_example("vllm"), encoding="utf-8")
    assert run(by_pip, "-c", CONSTRUCT, "example.py", cwd=tmp_path).strip() == "True"


def test_the_voice_speaks(pythons: dict[str, Path], tmp_path: Path) -> None:
    rate, version, file = run(pythons["qwen3-tts"], "-c", SPEAK, cwd=tmp_path).split()
    assert (rate, version) == ("24000", qwen3_tts.__version__)
    assert Path(file).is_relative_to(pythons["qwen3-tts"].parents[1])


def test_the_voices_example_runs(pythons: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "agent.py").write_text(first_example("qwen3-tts"), encoding="utf-8")
    assert "console" in run(pythons["qwen3-tts"], "agent.py", "--help", cwd=tmp_path)


def test_the_models_example_runs(pythons: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "example.py").write_text(first_example("vllm"), encoding="utf-8")
    assert run(pythons["vllm"], "-c", CONSTRUCT, "example.py", cwd=tmp_path).strip() == "True"

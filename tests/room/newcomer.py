"""Somebody who has one of the plugins, and nothing else of this project, and follows its README."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

from livekit import api

from agent.stack import Server
from harness.caller import Caller
from tests.setup.test_packages import UV

PLUGINS = Path(__file__).resolve().parents[2] / "plugins"


def examples(plugin: str) -> list[str]:
    """The Python of a plugin's README, a block each."""
    readme = (PLUGINS / plugin / "README.md").read_text("utf-8")
    return re.findall(r"^```python\n(.*?)^```", readme, re.M | re.S)


def install(folder: Path, plugins: Sequence[str], *others: str) -> Path:
    """Make an environment with the wheels of some plugins; gives its Python."""
    for plugin in plugins:
        run(folder, UV, "build", "--quiet", "--wheel", "--out-dir", folder, PLUGINS / plugin)
    run(folder, UV, "venv", "--quiet", "--python", sys.executable, ".venv")
    python = folder / ".venv/bin/python"
    packages: list[str | Path] = [*sorted(folder.glob("*.whl")), "livekit-agents", *others]
    run(folder, UV, "pip", "install", "--quiet", "--python", python, *packages)
    return python


def environment(folder: Path) -> dict[str, str]:
    """The user's, without what leads back to this project's packages and models."""
    ours = ("PYTHONPATH", "VIRTUAL_ENV")
    kept = {k: v for k, v in os.environ.items() if k not in ours and not k.startswith("PARLEY_")}
    return kept | {"LIVEKIT_TURN_TAKING_MODELS": str(folder / "models")}


def run(folder: Path, *command: str | Path) -> None:
    done = subprocess.run(
        command, cwd=folder, env=environment(folder), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@contextlib.asynccontextmanager
async def running(
    folder: Path, livekit: Server, variables: Mapping[str, str]
) -> AsyncIterator[Path]:
    """The example, started as its README says, once it waits for rooms; gives its log."""
    log = folder / "agent.log"
    where = {
        "LIVEKIT_URL": livekit.url,
        "LIVEKIT_API_KEY": livekit.api_key,
        "LIVEKIT_API_SECRET": livekit.api_secret,
    }
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *(folder / ".venv/bin/python", "agent.py", "dev"),
            cwd=folder,
            env=environment(folder) | where | dict(variables),
            stdout=output,
            stderr=output,
        )
    try:
        async with asyncio.timeout(60):
            while "registered worker" not in log.read_text("utf-8"):
                assert process.returncode is None, log.read_text("utf-8")
                await asyncio.sleep(0.1)
        yield log
    finally:
        process.terminate()
        try:
            async with asyncio.timeout(20):
                await process.wait()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()


async def sent_for(server: Server, caller: Caller) -> None:
    """Wait for the agent.

    LiveKit gives a room to no agent whose machine has all its cores busy, and does not come back
    to it: then the agent has to be sent for. A job takes up to 10 s to begin on such a machine.
    """
    async with api.LiveKitAPI(server.url, server.api_key, server.api_secret) as client:
        async with asyncio.timeout(90):
            while True:
                with contextlib.suppress(TimeoutError):
                    await caller.until("listening", within=20)
                    return
                if caller.agent is None:
                    request = api.CreateAgentDispatchRequest(room=caller.room.name)
                    await client.agent_dispatch.create_dispatch(request)

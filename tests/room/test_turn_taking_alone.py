"""The turn-taking plugin as its README shows it, where nothing else of this project is installed.

A newcomer's steps, one by one: an environment of their own, the wheel beside LiveKit's openai
plugin, `download-files`, the example as it stands. The caller and the engines are ours.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from livekit import api

from agent.stack import Server
from harness.caller import Caller, join
from harness.livekit_server import free_port
from tests.setup.test_packages import UV

from .conftest import World
from .one_address import OneAddress, serve

# On a machine with six times more work than cores all of it takes five minutes.
pytestmark = [
    pytest.mark.room,
    pytest.mark.timeout(480),
    pytest.mark.asyncio(loop_scope="session"),
]

PLUGIN = Path(__file__).resolve().parents[2] / "plugins/livekit-plugins-turn-taking"

QUESTION = "Tell me about the city of Paris, please."
"""The small model answers this at length, so that there is something to speak over."""
BACKCHANNEL = "Okay."
"""Whisper base takes an "mm-hm" of Kokoro's for a name."""
INTERRUPTION = "Hold on, please."


@pytest.fixture(scope="module")
def newcomer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the example and an environment that runs it."""
    folder = tmp_path_factory.mktemp("newcomer")
    [example] = re.findall(
        r"^```python\n(.*?)^```", (PLUGIN / "README.md").read_text("utf-8"), re.M | re.S
    )
    (folder / "agent.py").write_text(example, "utf-8")
    run(folder, UV, "build", "--quiet", "--wheel", "--out-dir", folder, PLUGIN)
    [wheel] = folder.glob("*.whl")
    run(folder, UV, "venv", "--quiet", "--python", sys.executable, ".venv")
    python = folder / ".venv/bin/python"
    packages = (wheel, "livekit-agents", "livekit-plugins-openai")
    run(folder, UV, "pip", "install", "--quiet", "--python", python, *packages)
    run(folder, python, "-m", "livekit.agents", "download-files")
    return folder


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
async def running(folder: Path, livekit: Server, openai_url: str) -> AsyncIterator[Path]:
    """The example, started as its README says, once it waits for rooms; gives its log."""
    log = folder / "agent.log"
    variables = {
        "LIVEKIT_URL": livekit.url,
        "LIVEKIT_API_KEY": livekit.api_key,
        "LIVEKIT_API_SECRET": livekit.api_secret,
        "OPENAI_BASE_URL": openai_url,
        "OPENAI_API_KEY": "none",
    }
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *(folder / ".venv/bin/python", "agent.py", "dev"),
            cwd=folder,
            env=environment(folder) | variables,
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


async def next_state(caller: Caller, after: float, *, within: float = 20.0) -> float:
    """Wait for the agent to do something else; gives when that was seen."""
    async with asyncio.timeout(within):
        while not (found := [at for at, _ in caller.states if at > after]):
            await caller.tick()
    return found[0]


async def reply_to(caller: Caller, asked: float, *, within: float = 60.0) -> float:
    """Wait for the first sound of the reply to a question; gives when it was heard."""
    async with asyncio.timeout(within):
        while (first := caller.heard.first_sound(asked)) is None:
            await caller.tick()
    return first


async def test_the_example_of_the_readme_holds_a_conversation(
    world: World, livekit: Server, newcomer: Path
) -> None:
    question, backchannel, interruption = [
        await world.speech(text, "en") for text in (QUESTION, BACKCHANNEL, INTERRUPTION)
    ]
    engines = OneAddress(llm_url=world.llm_url, stt_url=world.stt_url, tts_url=world.tts_url)
    async with (
        serve(engines, free_port()) as url,
        running(newcomer, livekit, url) as log,
        join(livekit, f"alone-{uuid.uuid4().hex[:8]}") as caller,
    ):
        await sent_for(livekit, caller)
        asked = await caller.say(question)
        replied = await reply_to(caller, asked)
        while caller.now < replied + 1.5:
            await caller.tick()
        agreed = await caller.say(backchannel)
        # Its words are known when the turn is over and the recogniser has heard it.
        while caller.now < agreed + 3.0:
            await caller.tick()
        states = [state for at, state in caller.states if at > replied + 0.5]
        assert states == [], f"{BACKCHANNEL!r} stopped the reply: see {log}"
        interrupted = caller.now
        await caller.say(interruption)
        stopped = await next_state(caller, interrupted)
        heard = caller.transcript(caller.agent.identity if caller.agent else "")
        written = list(engines.spoken)
        answered = await reply_to(caller, stopped + 0.5)
    figures = (
        f"voice to voice {replied - asked:.2f} s; stopped {stopped - interrupted:.2f} s after the"
        f" voice began, {len(heard)} of {len(' '.join(written))} characters heard; answered"
        f" {answered - stopped:.2f} s later"
    )
    print(figures)
    # It was cut, and did not just come to its end; what followed was another reply.
    assert len(heard) < len(" ".join(written)), figures
    assert stopped - interrupted < 4.0, figures
    assert len(engines.spoken) > len(written), figures
    understood = caller.transcript(caller.identity).lower()
    assert "paris" in understood
    assert "hold on" in understood

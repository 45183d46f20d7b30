"""The turn-taking plugin as its README shows it, where nothing else of this project is installed.

A newcomer's steps, one by one: an environment of their own, the wheel beside LiveKit's openai
plugin, `download-files`, the example as it stands. The caller and the engines are ours.
"""

from __future__ import annotations

import asyncio
import uuid
from pathlib import Path

import pytest

from agent.stack import Server
from harness.caller import Caller, join
from harness.livekit_server import free_port

from .conftest import World
from .newcomer import examples, install, run, running, sent_for
from .one_address import OneAddress, serve

# On a machine with six times more work than cores all of it takes five minutes.
pytestmark = [
    pytest.mark.room,
    pytest.mark.timeout(480),
    pytest.mark.asyncio(loop_scope="session"),
]

QUESTION = "Tell me about the city of Paris, please."
"""The small model answers this at length, so that there is something to speak over."""
BACKCHANNEL = "Okay."
"""Whisper base takes an "mm-hm" of Kokoro's for a name."""
INTERRUPTION = "Hold on, please."


@pytest.fixture(scope="module")
def newcomer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the example and an environment that runs it."""
    folder = tmp_path_factory.mktemp("newcomer")
    [example] = examples("livekit-plugins-turn-taking")
    (folder / "agent.py").write_text(example, "utf-8")
    python = install(folder, ["livekit-plugins-turn-taking"], "livekit-plugins-openai")
    run(folder, python, "-m", "livekit.agents", "download-files")
    return folder


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
        running(newcomer, livekit, {"OPENAI_BASE_URL": url, "OPENAI_API_KEY": "none"}) as log,
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

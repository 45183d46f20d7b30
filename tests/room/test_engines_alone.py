"""The plugins of the voice, the model and the recogniser, as their READMEs show them.

The first example of the voice's README runs as it stands, but for the address and the name of a
voice that the engine here has; where it says "and your stt=, llm=" stand those of the other README.
"""

from __future__ import annotations

import asyncio
import re
import uuid
from pathlib import Path

import pytest

from agent.stack import Server
from harness.caller import join

from .conftest import World, likeness
from .newcomer import examples, install, running, sent_for

pytestmark = [
    pytest.mark.room,
    pytest.mark.timeout(480),
    pytest.mark.asyncio(loop_scope="session"),
]

GREETING = "你好，很高兴认识你。"
QUESTION = "中国的首都是哪里？"


def replaced(text: str, old: str, new: str) -> str:
    assert old in text, f"the README no longer has {old!r}"
    return text.replace(old, new)


def example(world: World) -> str:
    """The agent that both READMEs make together."""
    session = examples("livekit-plugins-vllm")[0]
    [model, recogniser] = re.findall(r"^    ((?:llm|stt)=.*),$", session, re.M)
    model = replaced(model, "http://gpu:8000/v1", world.llm_url)
    recogniser = replaced(recogniser, "http://gpu:8002/v1", world.stt_url)
    agent = examples("livekit-plugins-qwen3-tts")[0]
    agent = replaced(agent, "import qwen3_tts", "import qwen3_tts, vllm")
    agent = replaced(agent, "http://localhost:8000/v1", world.tts_url)
    agent = replaced(agent, '"Vivian"', '"zf_xiaobei"')
    return replaced(
        agent,
        "use_tts_aligned_transcript=True)  # and your stt=, llm=",
        f"use_tts_aligned_transcript=True, {model}, {recogniser})",
    )


async def test_the_examples_of_the_readmes_hold_a_conversation(
    world: World, livekit: Server, tmp_path: Path
) -> None:
    (tmp_path / "agent.py").write_text(example(world), "utf-8")
    install(tmp_path, ["livekit-plugins-qwen3-tts", "livekit-plugins-vllm"])
    question = await world.speech(QUESTION, "zh")
    async with (
        running(tmp_path, livekit, {}),
        join(livekit, f"alone-{uuid.uuid4().hex[:8]}") as caller,
    ):
        await sent_for(livekit, caller)
        greeting = await world.transcribe(await caller.answer(after=0.0), "zh")
        began = caller.now
        asked = await caller.say(question)
        async with asyncio.timeout(60):
            # How long a model talks that is told to be kind, nobody knows: its beginning will do.
            while (first := caller.heard.first_sound(asked)) is None or caller.now < first + 3.0:
                await caller.tick()
        heard = caller.heard.between(first, first + 3.0)
        agent = caller.agent.identity if caller.agent else ""
        written = caller.transcript(agent, after=asked)
        understood = caller.transcript(caller.identity, after=began)
        answer = await world.transcribe(heard, "zh")
    assert likeness(greeting, GREETING) > 0.6, greeting
    assert "首都" in understood
    assert "北京" in answer, (written, answer)
    assert likeness(written[: len(answer)], answer) > 0.5, (written, answer)

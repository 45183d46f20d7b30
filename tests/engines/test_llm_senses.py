"""Speech and pictures, to a model that hears and sees (of random weights, so it understands none).

What counts is that vLLM takes the request, and how much of the prompt is sound or picture.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from livekit import rtc
from livekit.agents import llm

from .brain import ONCE, Brain, read, talk
from .servers import Server, until

RATE = 48_000


@pytest_asyncio.fixture
async def senses(omni_server: Server) -> AsyncIterator[Brain]:
    brain = Brain(omni_server)
    yield brain
    await brain.aclose()
    await until(brain.is_idle)


def sound(seconds: int) -> llm.AudioContent:
    samples = RATE * seconds
    return llm.AudioContent(frame=[rtc.AudioFrame(bytes(2 * samples), RATE, 1, samples)])


def picture(width: int, height: int) -> llm.ImageContent:
    data = bytes(4 * width * height)
    return llm.ImageContent(image=rtc.VideoFrame(width, height, rtc.VideoBufferType.RGBA, data))


async def prompt_tokens(brain: Brain, *content: llm.ChatContent, audio: str = "beside") -> int:
    model = brain.llm(audio_input=audio, image_input=True, max_completion_tokens=4)
    served = await model.ready()
    assert served.id == "omni"
    context = talk("Hello.", "Yes?", system="Be brief.")
    context.add_message(role="user", content=list(content))
    said = await read(model.chat(chat_ctx=context, conn_options=ONCE))
    assert said.usage is not None
    return said.usage.prompt_tokens


async def test_a_turn_is_heard(senses: Brain) -> None:
    words = await prompt_tokens(senses, "What is this?")
    beside = await prompt_tokens(senses, "What is this?", sound(2))
    longer = await prompt_tokens(senses, "What is this?", sound(4))
    instead = await prompt_tokens(senses, "What is this?", sound(2), audio="instead")
    # 25 tokens a second, and a few around them.
    assert 50 < beside - words < 65
    assert longer - beside == pytest.approx(50, abs=1)
    assert words < instead < beside
    assert await prompt_tokens(senses, "What is this?", sound(2), audio="off") == words


async def test_a_picture_is_seen(senses: Brain) -> None:
    words = await prompt_tokens(senses, "What is this?")
    small = await prompt_tokens(senses, "What is this?", picture(280, 280))
    wide = await prompt_tokens(senses, "What is this?", picture(560, 280))
    # One token for 28 by 28 pixels, and a few around them.
    assert 100 < small - words < 115
    assert wide - small == 100
    both = await prompt_tokens(senses, "What is this?", picture(280, 280), sound(2))
    assert 50 < both - small < 65


async def test_earlier_turns_are_text(senses: Brain) -> None:
    model = senses.llm(audio_input="beside", max_completion_tokens=4)
    context = talk("Hello.", "Yes?", system="Be brief.")
    context.add_message(role="user", content=["What is this?", sound(2), picture(280, 280)])
    context.add_message(role="assistant", content="A house.")
    context.add_message(role="user", content="And now?")
    said = await read(model.chat(chat_ctx=context, conn_options=ONCE))
    assert said.usage is not None
    assert said.usage.prompt_tokens < 100

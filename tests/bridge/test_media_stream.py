"""A call over a media stream, against the real engines of this machine."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import numpy as np
import pytest
import pytest_asyncio

from agent.stack import ports
from harness import speech
from harness.media_stream import RATE
from harness.recording import SAMPLE_RATE, Samples
from harness.resample import resampled
from tests.room.conftest import likeness

from .conftest import STREAM_TOKEN, STREAM_URL, bridge, running
from .provider import Provider, calling

pytestmark = [
    pytest.mark.room,
    pytest.mark.timeout(300),  # the first one waits for the engines
    pytest.mark.asyncio(loop_scope="session"),
]


@pytest_asyncio.fixture(loop_scope="session")
async def call(urls: dict[str, str]) -> AsyncIterator[Provider]:
    """A call that has been greeted."""
    address = urls["bridge"].replace("http:", "ws:") + "/media-streams"
    async with calling(address, STREAM_URL, STREAM_TOKEN) as provider:
        await provider.quiet(1.0)
        yield provider


async def spoken(urls: dict[str, str], text: str) -> Samples:
    """A person's voice saying something, over the phone."""
    voice = speech.VOICES["en"][0]
    samples = await speech.utterance(urls["tts"] + "/v1", text, language="en", voice=voice)
    return resampled(samples, SAMPLE_RATE, RATE)


async def transcribe(urls: dict[str, str], heard: Samples) -> str:
    return await speech.transcribe(urls["stt"] + "/v1", heard, RATE, language="en")


async def test_a_caller_is_greeted_and_answered(urls: dict[str, str], call: Provider) -> None:
    greeting = await transcribe(urls, call.sound())
    assert likeness(greeting, "Hello! I'm Parley. What can I do for you?") > 0.6
    asked = call.now
    call.say(await spoken(urls, "What is the capital of France?"))
    answer = ""
    async with asyncio.timeout(60):
        while "paris" not in answer.lower():  # a slow machine asks for patience first
            await call.quiet(1.5)
            answer = await transcribe(urls, call.sound(asked))
    assert call.clears == []


async def test_speaking_over_a_reply_clears_it_and_frees_the_engines(
    urls: dict[str, str], call: Provider
) -> None:
    asked = call.now
    call.say(await spoken(urls, "Please tell me in five long sentences how bread is made."))
    async with asyncio.timeout(60):
        while np.count_nonzero(np.abs(call.sound(asked).astype(np.int32)) > 200) < RATE:
            await asyncio.sleep(0.02)  # until a second of it was heard
    call.say(await spoken(urls, "Stop and tell me how many legs a dog has."))
    async with asyncio.timeout(20):
        while not call.clears:
            await asyncio.sleep(0.02)
        while await running(urls):
            await asyncio.sleep(0.02)
    cleared = call.clears[0]
    await call.quiet(1.5)
    answer = await transcribe(urls, call.sound(cleared))
    print(answer)
    assert len(call.clears) == 1
    assert answer.strip()


async def test_keys_are_taken_as_an_answer(urls: dict[str, str], call: Provider) -> None:
    pressed = call.now
    for key in "42#":
        await call.press(key)
    await call.quiet(1.5)
    assert (await transcribe(urls, call.sound(pressed))).strip()


async def test_who_hangs_up_frees_the_engines(urls: dict[str, str], call: Provider) -> None:
    asked = call.now
    call.say(await spoken(urls, "Please tell me in five long sentences how bread is made."))
    async with asyncio.timeout(60):
        while not np.any(np.abs(call.sound(asked).astype(np.int32)) > 200):
            await asyncio.sleep(0.02)
    await call.hang_up()
    async with asyncio.timeout(10):
        while await running(urls):
            await asyncio.sleep(0.02)


async def test_a_bridge_that_is_told_to_stop_says_goodbye(urls: dict[str, str]) -> None:
    port = ports.free()["web"]
    async with contextlib.AsyncExitStack() as stack:
        await stack.enter_async_context(bridge(urls, port))
        address = f"ws://127.0.0.1:{port}/media-streams"
        async with calling(address, STREAM_URL, STREAM_TOKEN) as caller:
            await caller.quiet(1.0)
            since = caller.now
            await stack.aclose()  # SIGTERM, and the end of the process
            await caller.ended
            heard = await transcribe(urls, caller.sound(since))
    assert likeness(heard, "Sorry, we have to stop here. Please try again later. Goodbye!") > 0.6

"""What is heard over "One moment": its echo is nobody's turn, a caller's words are."""

from __future__ import annotations

import asyncio

import pytest

from agent.languages import words
from harness.virtual_time import in_virtual_time, now

from .conversation import Fault, Talk, talk

QUESTION = "What is the capital of Japan?"
ASIDE = words("en").prompts["wait"]


async def aside_is_said(call: Talk) -> float:
    """Ask a model that hangs, and return when the words aside begin."""
    floor = call.conversation.floor
    floor._overlap._clock = floor._text.clock = now
    call.llm.fault = Fault(hangs=True)
    end = await call.ask(QUESTION)
    while not call.line.heard(end):
        await asyncio.sleep(0.01)
    return call.line.heard(end)[0][0]


async def aside_ends(call: Talk, after: float) -> None:
    while call.conversation.floor.sounding:
        await asyncio.sleep(0.01)
    await asyncio.sleep(after)


async def over(call: Talk, recognised: str, *, voice: float = 0.6) -> None:
    """A voice is heard, and begins and ends as LiveKit is told of it."""
    await call._sound(voice, voice=True)
    call.stt.hears(recognised)
    await call._sound(1.0, voice=False)


@pytest.mark.parametrize("delay", [0.1, 0.5])
@in_virtual_time
async def test_the_echo_of_words_aside_is_no_turn_and_the_answer_comes(delay: float) -> None:
    async with talk() as call:
        began = await aside_is_said(call)
        await asyncio.sleep(delay)
        await over(call, ASIDE)
        assert call.words == [f"> {QUESTION}"]
        assert call.llm.fault
        call.llm.fault.over()
        await asyncio.sleep(5)
        assert call.words == [f"> {QUESTION}", "The answer."]
        assert call.line.heard(began)


@pytest.mark.parametrize("delay", [0.1, 0.4])
@in_virtual_time
async def test_an_echo_that_comes_when_they_are_over_is_no_turn(delay: float) -> None:
    async with talk() as call:
        await aside_is_said(call)
        await aside_ends(call, delay)
        await over(call, ASIDE)
        assert call.llm.fault
        call.llm.fault.over()
        await asyncio.sleep(5)
        assert call.words == [f"> {QUESTION}", "The answer."]


@pytest.mark.parametrize("said", ["Actually, make it China.", "No, of China."])
@pytest.mark.parametrize("ended", [False, True])
@in_virtual_time
async def test_words_of_the_caller_over_them_are_a_turn(said: str, ended: bool) -> None:
    async with talk() as call:
        await aside_is_said(call)
        if ended:
            await aside_ends(call, 0.2)
        call.llm.fault = None
        await over(call, said)
        await asyncio.sleep(5)
        assert call.words == [f"> {QUESTION}", f"> {said}", "The answer."]


@in_virtual_time
async def test_a_sign_of_listening_over_them_is_no_turn() -> None:
    async with talk() as call:
        await aside_is_said(call)
        await over(call, "Okay.")
        assert call.llm.fault
        call.llm.fault.over()
        await asyncio.sleep(5)
        assert call.words == [f"> {QUESTION}", "The answer."]

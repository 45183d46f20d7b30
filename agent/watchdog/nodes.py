"""What the watchdog does with an engine's stream: pass it on until it is given up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from typing import TypeVar

from livekit import rtc
from livekit.agents import llm
from livekit.agents.types import USERDATA_TIMED_TRANSCRIPT, TimedString
from livekit.agents.utils.aio import cancel_and_wait
from livekit.plugins.turn_taking.playback.sink import SAMPLE_RATE

T = TypeVar("T")

SILENCE = SAMPLE_RATE // 100
"""Samples of silence that carry words which have no sound: 10 ms."""

_FORMATTING = "*_`~#"
"""Marks that no caption shows."""


async def until(items: AsyncIterator[T], given_up: asyncio.Event) -> AsyncGenerator[T]:
    """Yield what comes, until there is no more or it is given up."""
    stop = asyncio.ensure_future(given_up.wait())
    item: asyncio.Future[T] | None = None
    try:
        while True:
            item = asyncio.ensure_future(anext(items))
            await asyncio.wait((item, stop), return_when=asyncio.FIRST_COMPLETED)
            if not item.done():
                return
            try:
                value = item.result()
            except StopAsyncIteration:
                return
            yield value
    finally:
        await cancel_and_wait(stop, *((item,) if item else ()))


def is_answer(chunk: object) -> bool:
    """Whether a piece of the model's answer says or asks for something."""
    if isinstance(chunk, str):
        return bool(chunk)
    if isinstance(chunk, rtc.AudioFrame):
        return True
    return isinstance(chunk, llm.ChatChunk) and chunk.has_response()


def unsaid(written: str, said: str) -> str | None:
    """What comes after the words that have a sound, of the text of a reply.

    Letters alone are compared: a voice leaves out marks that it does not read.

    Returns:
        The rest, empty if there is no letter in it; None if what was said is something else.
    """
    at = 0
    for letter in filter(str.isalnum, said):
        while at < len(written) and not written[at].isalnum():
            at += 1
        if at == len(written) or written[at] != letter:
            return None
        at += 1
    end = at
    while at and end < len(written) and not (written[end].isalnum() or written[end].isspace()):
        end += 1
    marks = written[at:end]
    if said.rstrip()[-1:].isalnum():
        # What was said broke off before the mark; without it two sentences would run into one.
        marks = "".join(mark for mark in marks if mark not in _FORMATTING)
    else:
        marks = ""
    rest = marks + written[end:]
    return rest if any(map(str.isalnum, rest)) else ""


def shown(words: str, at: float) -> rtc.AudioFrame:
    """Words that have no sound, at a moment of the reply."""
    frame = rtc.AudioFrame(bytes(2 * SILENCE), SAMPLE_RATE, 1, SILENCE)
    frame.userdata[USERDATA_TIMED_TRANSCRIPT] = [TimedString(words, start_time=at, end_time=at)]
    return frame

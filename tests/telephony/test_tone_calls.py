"""Real calls in and out through LiveKit's SIP service, to an agent with engines of tones.

They run where `livekit-sip` and `baresip` are on PATH.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import numpy as np
import pytest

from harness.recording import SAMPLE_RATE, Samples, first_sound
from harness.softphone import Phone, phone

from .lines import MARKS, Line, silence, words
from .tones import GREETING, TONES, heard, played, tone

pytestmark = MARKS

LASTS = 300.0
"""Seconds for which a caller stays on the line, at most: ten jobs that begin at once, on two cores
with other work, have been 30 s behind."""


@pytest.mark.timeout(900)
async def test_ten_calls_at_once_are_each_answered_and_ten_right_after_them(
    line: Line, tmp_path: Path, speech: Samples
) -> None:
    async with called(line, tmp_path / "first") as callers:
        for name, caller in callers.items():
            caller.speak(np.concatenate([words(name, speech), silence(LASTS)]))
        await all_hear(callers, lambda name: {GREETING, TONES[name]})
    # There are ten rooms, and LiveKit offers a call that was refused to no agent again.
    async with called(line, tmp_path / "next"):
        pass
    await line.over()


async def test_a_message_is_left_on_a_machine_after_its_beep(
    line: Line, tmp_path: Path, speech: Samples
) -> None:
    # The STT of tones makes no words of a voice: it is the beep that tells.
    greeting = np.concatenate([silence(1.0), speech, silence(0.7), beep(), silence(20.0)])
    machine = await place_call(line, tmp_path / "machine", greeting)
    assert heard(machine.heard, SAMPLE_RATE) == {TONES["alpha"]}
    first = first_sound(machine.heard, after=0.0)
    assert first is not None
    assert first > len(greeting) / SAMPLE_RATE - 20.0


async def test_a_person_who_is_called_is_told_the_message(
    line: Line, tmp_path: Path, speech: Samples
) -> None:
    microphone = np.concatenate([silence(1.0), speech, silence(8.0)])
    person = await place_call(line, tmp_path / "person", microphone)
    assert heard(person.heard, SAMPLE_RATE) == {TONES["alpha"]}


@asynccontextmanager
async def called(line: Line, folder: Path) -> AsyncIterator[dict[str, Phone]]:
    """Ten callers who called at once and were each greeted; they hang up at the end."""
    async with AsyncExitStack() as calls:
        callers = {
            name: await calls.enter_async_context(
                phone(
                    folder / name,
                    silence(LASTS),
                    f"+44163296010{i}",
                    codec=("pcmu", "pcma")[i % 2],
                )
            )
            for i, name in enumerate(TONES)
        }
        for caller in callers.values():
            caller.dial(f"sip:100@127.0.0.1:{line.stack.ports['sip']}")
        await asyncio.gather(
            *(c.until("established: ", within=LASTS / 3) for c in callers.values())
        )
        await all_hear(callers, lambda _: {GREETING})
        yield callers
        for caller in callers.values():
            caller.hang_up()
        await asyncio.gather(*(c.until("terminated") for c in callers.values()))


async def all_hear(callers: dict[str, Phone], what: Callable[[str], set[float]]) -> None:
    """Wait until each has heard their tones and no others, and then silence."""
    waiting = dict(callers)
    try:
        async with asyncio.timeout(LASTS / 3):
            while waiting:
                await asyncio.sleep(0.5)
                for name, caller in list(waiting.items()):
                    sound = caller.heard
                    if played(sound, SAMPLE_RATE) >= what(name) and quiet(sound[-SAMPLE_RATE:]):
                        del waiting[name]
    except TimeoutError:
        pass
    assert {n: played(c.heard, SAMPLE_RATE) for n, c in callers.items()} == {
        name: what(name) for name in callers
    }


async def place_call(line: Line, folder: Path, microphone: Samples) -> Phone:
    """Have the agent call somebody who picks up at once, and wait for it to hang up."""
    async with line.colleague(folder, microphone) as callee:
        await line.place_call()
        await callee.until("session closed|terminated", within=60)
    return callee


def quiet(sound: Samples) -> bool:
    """Whether nothing is to be heard in it."""
    return len(sound) == SAMPLE_RATE and first_sound(sound, after=0.0) is None


def beep() -> Samples:
    """The beep of an answering machine, which is not a caller's tone."""
    return tone(570.0, 0.4, SAMPLE_RATE)

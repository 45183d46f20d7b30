"""Real calls in and out through LiveKit's SIP service, to an agent with engines of tones.

They run where `livekit-sip` and `baresip` are on PATH.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import numpy as np
import pytest

from harness.recording import SAMPLE_RATE, Samples, first_sound
from harness.softphone import Phone, phone

from .lines import MARKS, Line, silence, words
from .tones import GREETING, TONES, heard, played, tone

pytestmark = MARKS

LASTS = 200.0
"""Seconds for which a caller stays on the line, at most: ten jobs that begin at once, on two cores
with other work, have been 30 s behind."""
LATE = LASTS / 2
TIMES, AGAIN = 5, 20.0
"""How often a caller says something, and seconds after which they say it again: where phones, the
SIP service and LiveKit have to share a processor with much else, what arrives has holes."""


@pytest.mark.timeout(900)
async def test_ten_calls_at_once_are_each_answered_and_ten_right_after_them(
    line: Line, tmp_path: Path, speech: Samples
) -> None:
    async def ask(name: str, caller: Phone) -> None:
        assert await hears(caller, GREETING)
        for _ in range(TIMES):
            caller.speak(np.concatenate([words(name, speech), silence(LASTS)]))
            if await hears(caller, TONES[name], within=AGAIN):
                break
        assert played(caller.heard, SAMPLE_RATE) == {GREETING, TONES[name]}

    async with calling(line, tmp_path / "first") as callers:
        await asyncio.gather(*(ask(name, caller) for name, caller in callers.items()))
    # There are ten rooms, and LiveKit offers a call that was refused to no agent again.
    async with calling(line, tmp_path / "next") as callers:
        assert all(await asyncio.gather(*(hears(caller, GREETING) for caller in callers.values())))
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
async def calling(line: Line, folder: Path) -> AsyncIterator[dict[str, Phone]]:
    """Ten callers who called at once and were answered; they hang up at the end."""
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
        await asyncio.gather(*(c.until("established: ", within=LATE) for c in callers.values()))
        yield callers
        for caller in callers.values():
            caller.hang_up()


async def hears(caller: Phone, tone: float, within: float = LATE) -> bool:
    """Wait until somebody has heard a tone, and then silence; False if that is late."""
    try:
        async with asyncio.timeout(within):
            while not (
                tone in played(sound := caller.heard, SAMPLE_RATE) and quiet(sound[-SAMPLE_RATE:])
            ):
                await asyncio.sleep(0.5)
    except TimeoutError:
        return False
    return True


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

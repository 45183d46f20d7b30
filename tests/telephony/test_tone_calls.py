"""Real calls in and out through LiveKit's SIP service, to an agent with engines of tones.

They run where `livekit-sip` and `baresip` are on PATH.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import numpy as np

from harness.recording import SAMPLE_RATE, Samples, first_sound
from harness.softphone import Phone, phone

from .lines import MARKS, Line, silence, words
from .tones import GREETING, TONES, heard, played, tone

pytestmark = MARKS

BEFORE, AFTER = 10.0, 12.0
"""Seconds of silence before and after a caller's words: ten greetings begin within 4 s of the
answer on two cores, and end 2 s later."""


async def test_ten_calls_at_once_are_each_answered_and_ten_right_after_them(
    line: Line, tmp_path: Path, speech: Samples
) -> None:
    said = {
        name: np.concatenate([silence(BEFORE), words(name, speech), silence(AFTER)])
        for name in TONES
    }
    callers = await call(line, tmp_path / "first", said)
    # There are ten rooms, and LiveKit offers a call that was refused to no agent again.
    await call(line, tmp_path / "next", dict.fromkeys(TONES, silence(5.0)))
    await line.over()
    for caller, frequency in zip(callers, TONES.values(), strict=True):
        assert played(caller.heard, SAMPLE_RATE) == {GREETING, frequency}


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


async def call(line: Line, folder: Path, microphones: dict[str, Samples]) -> list[Phone]:
    """Have callers call at once, say what they have to, and hang up."""
    async with AsyncExitStack() as calls:
        callers = [
            await calls.enter_async_context(
                phone(folder / name, said, f"+44163296010{i}", codec=("pcmu", "pcma")[i % 2])
            )
            for i, (name, said) in enumerate(microphones.items())
        ]
        for caller in callers:
            caller.dial(f"sip:100@127.0.0.1:{line.stack.ports['sip']}")
        await asyncio.gather(*(c.until("established: ", within=60) for c in callers))
        await asyncio.gather(*(c.until("terminated", within=60) for c in callers))
    return callers


async def place_call(line: Line, folder: Path, microphone: Samples) -> Phone:
    """Have the agent call somebody who picks up at once, and wait for it to hang up."""
    async with line.colleague(folder, microphone) as callee:
        await line.place_call()
        await callee.until("session closed|terminated", within=60)
    return callee


def beep() -> Samples:
    """The beep of an answering machine, which is not a caller's tone."""
    return tone(570.0, 0.4, SAMPLE_RATE)

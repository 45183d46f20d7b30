"""What the agent does with its tools in real calls, as real phones see it.

They run where `livekit-sip` and `baresip` are on PATH. A caller says "bravo", for which the LLM
calls the tool of the test.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.recording import SAMPLE_RATE, Samples
from harness.softphone import Phone

from .callee import callee
from .lines import COLLEAGUE, MARKS, PHONE, Line, silence, until, words
from .tones import GREETING, TONES, heard, tone

pytestmark = MARKS

BEFORE = 6.0
"""Seconds of silence before a caller's word: the greeting is over then."""
MUSIC = {523.25, 659.26, 783.99}
"""Hz: notes of the first chord of the music on hold, none of them near a caller's tone."""
LEVEL = 3000
"""Of a tone that a phone sends."""
CALLER, OTHER, BRIEFING = TONES["bravo"], TONES["lima"], TONES["kilo"]
WARM_TRANSFER = {"destination": "support", "summary": "They are kilo."}


PASSES = 0.5
"""Seconds of each other that the two may hear when the second picks up: it is a tenth at most where
the machine is not busy with more (docs/calls.md)."""


@asynccontextmanager
async def calls(
    line: Line,
    folder: Path,
    speech: Samples,
    tool: str,
    arguments: dict[str, Any],
    then: Samples | None = None,
) -> AsyncIterator[Phone]:
    """Somebody calls and says "bravo", for which the model calls a tool."""
    line.engines.calls["bravo"] = (tool, arguments)
    then = silence(40.0) if then is None else then
    microphone = np.concatenate([silence(BEFORE), words("bravo", speech), then])
    async with line.caller(folder / "caller", microphone) as caller:
        yield caller


def hum(frequency: float, lasts: float = 60.0) -> Samples:
    """A tone that a phone sends all the time: the agent takes it for no voice."""
    return tone(frequency, lasts, SAMPLE_RATE, level=LEVEL)


def sounds(samples: Samples) -> set[float]:
    """What is heard: tones, and notes of the music."""
    return heard(samples, SAMPLE_RATE) | heard(samples, SAMPLE_RATE, MUSIC)


def seconds(samples: Samples, frequency: float) -> float:
    """For how long a tone is heard that is as loud as a caller's."""
    size = SAMPLE_RATE // 20
    pieces = samples[: len(samples) // size * size].reshape(-1, size) * np.hanning(size)
    wave = np.exp(-2j * np.pi * frequency * np.arange(size) / SAMPLE_RATE)
    return float((np.abs(pieces @ wave) * 4 / size > LEVEL / 3).sum() / 20)


async def test_a_caller_is_transferred_once_they_agree(
    line: Line, tmp_path: Path, speech: Samples
) -> None:
    async with (
        line.colleague(tmp_path / "sales", hum(OTHER)) as sales,
        calls(
            line, tmp_path, speech, "transfer_call", {"destination": "sales"}, hum(CALLER)
        ) as caller,
    ):
        await line.says("Shall I put you through to sales?")
        assert "Call established" not in sales.log
        await caller.press("1")
        await sales.until("Call established")
        assert "transferring call" in caller.log
        await line.over()  # the agent has left
        await until(lambda: CALLER in sounds(sales.heard))


async def test_nobody_is_transferred_to_an_address_from_the_conversation(
    line: Line, tmp_path: Path, speech: Samples
) -> None:
    async with line.colleague(tmp_path / "sales", silence(1.0), picks_up=False) as sales:
        address = f"sip:{COLLEAGUE}@{sales.address}"
        async with calls(
            line, tmp_path, speech, "transfer_call", {"destination": address}
        ) as caller:
            await line.says("Who is there?")  # the conversation goes on
    assert "There are: Sales, Support." in line.engines.results[0]
    assert "transferring call" not in caller.log
    assert "Incoming call" not in sales.log


async def test_a_colleague_is_briefed_and_then_connected(
    line: Line, tmp_path: Path, speech: Samples
) -> None:
    async with (
        line.colleague(tmp_path / "support", hum(OTHER), picks_up=False) as support,
        calls(line, tmp_path, speech, "warm_transfer", WARM_TRANSFER, hum(CALLER)) as caller,
    ):
        await line.says("Shall I call support")
        assert "Incoming call" not in support.log
        await caller.press("1")
        await support.until("Incoming call")
        support.accept()
        await until(lambda: BRIEFING in sounds(support.heard))
        caller_heard, support_heard = caller.heard, support.heard
        assert sounds(caller_heard) >= MUSIC
        assert BRIEFING not in sounds(caller_heard)
        assert not sounds(support_heard) & MUSIC
        assert seconds(caller_heard, OTHER) < PASSES
        assert seconds(support_heard, CALLER) < PASSES
        await support.press("1")
        await line.says("You are connected.")
        await until(lambda: seconds(caller.heard[len(caller_heard) :], OTHER) > PASSES)
        await until(lambda: seconds(support.heard[len(support_heard) :], CALLER) > PASSES)
        support.hang_up()
        await caller.until("session closed|terminated")


async def test_a_colleague_who_does_not_take_the_call_leaves_the_caller_with_the_agent(
    line: Line, tmp_path: Path, speech: Samples
) -> None:
    async with (
        line.colleague(tmp_path / "support", silence(40.0)) as support,
        calls(line, tmp_path, speech, "warm_transfer", WARM_TRANSFER) as caller,
    ):
        await line.says("Shall I call support")
        await caller.press("1")
        await until(lambda: BRIEFING in sounds(support.heard))
        before = len(caller.heard)
        await support.press("2")
        await support.until("session closed|terminated")
        await line.says("Who is there?")
        await until(lambda: GREETING in sounds(caller.heard[before:]))
        before = len(caller.heard)
        await asyncio.sleep(2.0)
        assert not sounds(caller.heard[before:]) & MUSIC
    assert "was not taken" in line.engines.results[0]


async def test_keys_that_the_agent_presses_reach_the_phone(
    line: Line, tmp_path: Path, speech: Samples
) -> None:
    async with calls(line, tmp_path, speech, "press_keys", {"keys": "1590*#"}) as caller:
        await caller.until(r"received event: '#' \(end=1\)")
    assert re.findall(r"received event: '(.)' \(end=1\)", caller.log) == [*"1590*#"]


async def test_music_on_hold_plays_until_the_caller_speaks(
    line: Line, tmp_path: Path, speech: Samples
) -> None:
    again = np.concatenate([silence(8.0), words("lima", speech), silence(20.0)])
    async with calls(line, tmp_path, speech, "hold", {"seconds": 60}, again) as caller:
        await until(lambda: line.engines.results)
        on_hold = caller.heard
        await line.says("You are lima.")
        await until(lambda: OTHER in sounds(caller.heard[len(on_hold) :]))
        await asyncio.sleep(1.0)
        afterwards = caller.heard[len(on_hold) + SAMPLE_RATE :]  # it fades out
    assert line.engines.results[0] == "The user is back."
    assert sounds(on_hold) >= MUSIC
    assert not sounds(afterwards) & MUSIC


@pytest.mark.parametrize("number", ["+12025550143", "+44 nobody"])
async def test_a_number_that_may_not_be_called_rings_nowhere(
    line: Line, tmp_path: Path, number: str
) -> None:
    async with line.colleague(tmp_path / "callee", silence(1.0), picks_up=False) as callee:
        await line.place_call(number)
        await line.over()
        assert "Incoming call" not in callee.log


async def test_no_more_calls_ring_within_a_minute_than_are_allowed(
    line: Line, tmp_path: Path
) -> None:
    async with line.colleague(tmp_path / "callee", silence(1.0)) as callee:
        for _ in range(3):
            await line.place_call()
            await line.over()
        assert callee.log.count("Call established") == 2


async def test_of_many_orders_at_once_no_more_ring_than_may_and_none_that_is_dear(
    line: Line,
) -> None:
    dear = ["+449098790123", "0044 (0)909 8790123", f"{COLLEAGUE};ext=5", "+882512345678", "999"]
    async with callee(line.port, "486 Busy Here") as called:
        await asyncio.gather(*(line.place_call(number) for number in [COLLEAGUE] * 4 + dear))
        await line.over()
        invited = [each.headers["to"] for each in called.received if each.method == "INVITE"]
    assert len(invited) == PHONE["calls_per_minute"]
    assert all(COLLEAGUE in each and "ext" not in each for each in invited)
    states = Counter(attempt.state for attempt in await line.attempts())
    assert states == {"failed": 2, "refused": 2 + len(dear)}

"""Sounds aside: played in a silence, told of to nobody."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest
from livekit.plugins.turn_taking.playback.buffer import Samples
from livekit.plugins.turn_taking.playback.output import Loudspeaker
from livekit.plugins.turn_taking.playback.sink import SAMPLE_RATE

from .test_output import reply, watch

ASIDE = np.full(SAMPLE_RATE // 20, 500, np.int16)


class Heard:
    """A sink that takes sound at once, and keeps it."""

    unheard = 0.0

    def __init__(self) -> None:
        self.levels: list[int] = []

    async def open(self) -> None: ...

    async def play(self, frame: Samples, *, first: bool) -> None:
        self.levels.append(int(frame.max()))
        await asyncio.sleep(0)

    async def drop(self) -> None: ...

    async def aclose(self) -> None: ...

    def count(self, level: int) -> int:
        return self.levels.count(level)


@pytest.fixture
async def speaker() -> AsyncIterator[tuple[Loudspeaker, Heard]]:
    heard = Heard()
    loudspeaker = Loudspeaker(heard, quiet=0.25)
    await settled()
    yield loudspeaker, heard
    await loudspeaker.aclose()


async def settled() -> None:
    for _ in range(100):
        await asyncio.sleep(0)


async def test_it_is_heard_whole_and_told_of_to_nobody(speaker: tuple[Loudspeaker, Heard]) -> None:
    loudspeaker, heard = speaker
    started, finished = watch(loudspeaker)
    assert loudspeaker.say_aside(ASIDE)
    assert loudspeaker.sounding
    await settled()
    assert heard.count(500) == 5
    assert not loudspeaker.sounding
    assert started == finished == []


async def test_a_reply_waits_for_its_end(speaker: tuple[Loudspeaker, Heard]) -> None:
    loudspeaker, heard = speaker
    _, finished = watch(loudspeaker)
    assert loudspeaker.say_aside(ASIDE)
    await loudspeaker.capture_frame(reply(0.05))
    loudspeaker.flush()
    await settled()
    assert [level for level in heard.levels if level] == [500] * 5 + [1000] * 5
    assert [event.playback_position for event in finished] == [pytest.approx(0.05)]


async def test_a_reply_that_has_run_out_goes_on_after_it(
    speaker: tuple[Loudspeaker, Heard],
) -> None:
    loudspeaker, heard = speaker
    _, finished = watch(loudspeaker)
    await loudspeaker.capture_frame(reply(0.05))
    await settled()
    assert loudspeaker.say_aside(ASIDE)
    await loudspeaker.capture_frame(reply(0.05))
    loudspeaker.flush()
    await settled()
    assert [level for level in heard.levels if level] == [1000] * 5 + [500] * 5 + [1000] * 5
    assert [event.playback_position for event in finished] == [pytest.approx(0.1)]


async def test_it_does_not_break_into_a_reply(speaker: tuple[Loudspeaker, Heard]) -> None:
    loudspeaker, heard = speaker
    await loudspeaker.capture_frame(reply(0.05))
    assert not loudspeaker.say_aside(ASIDE)
    await settled()
    assert not heard.count(500)


@pytest.mark.parametrize("stop", [Loudspeaker.end_aside, Loudspeaker.clear_buffer])
async def test_it_ends_when_the_agent_is_to_be_silent(
    speaker: tuple[Loudspeaker, Heard], stop: Any
) -> None:
    loudspeaker, heard = speaker
    assert loudspeaker.say_aside(np.tile(ASIDE, 10))
    for _ in range(6):
        await asyncio.sleep(0)
    stop(loudspeaker)
    await settled()
    assert 0 < heard.count(500) < 10
    assert not loudspeaker.sounding


async def test_it_is_finished_though_the_reply_to_come_is_held(
    speaker: tuple[Loudspeaker, Heard],
) -> None:
    loudspeaker, heard = speaker
    assert loudspeaker.say_aside(ASIDE)
    loudspeaker.pause()
    await loudspeaker.capture_frame(reply(0.05))
    await settled()
    assert [level for level in heard.levels if level] == [500] * 5
    loudspeaker.resume()
    await settled()
    assert heard.count(500) == 5
    assert [level for level in heard.levels if level][-1] == 1000


async def test_nothing_is_said_to_a_room_that_nobody_listens_in() -> None:
    class Closed(Heard):
        async def open(self) -> None:
            await asyncio.Event().wait()

    loudspeaker = Loudspeaker(Closed(), quiet=0.25)
    await settled()
    assert not loudspeaker.say_aside(ASIDE)
    await loudspeaker.aclose()

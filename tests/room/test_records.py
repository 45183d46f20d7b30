"""The record of a turn, beside what the caller's own recording says of it."""

from __future__ import annotations

from statistics import median

import pytest

from agent import settings
from agent.stack import Server
from agent.telemetry import Turn
from harness.caller import join
from harness.scripted import Tts

from .instant import LETTERS_PER_SECOND, hosting, room_for, until_last
from .test_conduct import speech
from .ways import first_sound, outlasted, whistling

pytestmark = [pytest.mark.room, pytest.mark.asyncio(loop_scope="session")]

ANSWERS = ("At nine.", "At ten.", "At noon.", "At six.")
ON_THE_WAY = 1.0
"""Seconds: more is not the way to the agent and back but a stage that is missing. WebRTC takes 0.2
of them on an idle machine (frames, jitter buffers), 0.4 on a busy one."""
WITHIN = 0.03
"""Seconds by which the sum may be apart from what the caller measures."""
STEADY = 0.015
"""Seconds by which a way may change in a turn that is to tell something."""
WINDOW = 0.032
"""Seconds of the detector's windows: where the last voice lies in one is not known of a turn."""


async def test_the_stages_of_a_turn_are_what_its_caller_waited_for(livekit: Server) -> None:
    async with (
        room_for(livekit) as name,
        join(livekit, name) as caller,
        hosting(livekit, name, *ANSWERS, hears=("When do you open?",) * 4) as host,
    ):
        await caller.until("listening")
        measured = []
        for answer in ANSWERS:
            asked = await caller.say(speech(0.25, 2.1))
            await until_last(host, answer)
            heard = caller.heard.first_sound(asked)
            assert heard is not None
            measured.append(heard - asked)
            await caller.until("listening")
    turns = [record for record in host.records if isinstance(record, Turn)]
    waited = [sum(turn.moments.stages().values()) for turn in turns]
    assert len(turns) == len(ANSWERS)
    assert [turn.waited for turn in turns] == pytest.approx(waited)
    for of_caller, of_agent in zip(measured, waited, strict=True):
        assert 0 <= of_caller - of_agent < ON_THE_WAY


@pytest.mark.timeout(300)
async def test_the_stages_and_the_ways_are_what_the_caller_measures(livekit: Server) -> None:
    """Each part is measured by itself: the stages by the agent, the ways by whistles.

    The jitter buffers of a busy machine change the ways while a turn lasts, which whistles before
    and after it tell; such a turn says nothing.
    """
    question = speech(0.25, 2.1)
    late = await outlasted(question, settings.load("gpu").turns.options)
    voice = Tts(LETTERS_PER_SECOND)
    voice.delay = 0.15  # a stage that is long enough to be missed
    told: list[str] = []
    apart: list[float] = []
    async with (
        room_for(livekit) as name,
        join(livekit, name) as caller,
        hosting(livekit, name, *ANSWERS * 6, hears=("When do you open?",) * 24, tts=voice) as host,
        whistling(caller, host) as whistles,
    ):
        await caller.until("listening")
        before = await whistles.measure()
        for answer in ANSWERS * 6:
            asked = await caller.say(question)
            await until_last(host, answer)
            heard = await first_sound(caller, caller.heard, asked)
            await caller.until("listening")
            after = await whistles.measure()
            turn = next(r for r in reversed(host.records) if isinstance(r, Turn))
            stages = sum(turn.moments.stages().values())
            up, down = (before.up + after.up) / 2, (before.down + after.down) / 2
            rest = heard - asked - (late + stages + up + down)
            changed = max(abs(after.up - before.up), abs(after.down - before.down))
            told.append(
                f"measured {heard - asked:.3f}: stages {stages:.3f}, ways {up:.3f} and {down:.3f}"
                f" (within {changed:.3f}), detector {late:.3f}, rest {rest:+.3f}"
            )
            print(told[-1])
            before = after
            if changed <= STEADY:
                apart.append(rest)
            if len(apart) == len(ANSWERS):
                break
    assert len(apart) == len(ANSWERS), told
    assert abs(median(apart)) <= WITHIN, told
    assert max(map(abs, apart)) <= WITHIN + STEADY + WINDOW / 2, told

"""The record of a turn, beside what the caller's own recording says of it."""

from __future__ import annotations

import pytest

from agent.stack import Server
from agent.telemetry import Turn
from harness.caller import join

from .instant import hosting, room_for, until_last
from .test_conduct import speech

pytestmark = [pytest.mark.room, pytest.mark.asyncio(loop_scope="session")]

ANSWERS = ("At nine.", "At ten.", "At noon.", "At six.")
ON_THE_WAY = 1.0
"""Seconds: more is not the way to the agent and back but a stage that is missing. WebRTC takes 0.2
of them on an idle machine (frames, jitter buffers), 0.4 on a busy one."""


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

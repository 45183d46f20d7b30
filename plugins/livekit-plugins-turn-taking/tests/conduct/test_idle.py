from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from livekit.agents import AgentSession
from livekit.plugins.turn_taking.conduct.idle import Idle
from livekit.plugins.turn_taking.languages import words

from harness.stage import about, lasting, stage
from harness.virtual_time import in_virtual_time

EN = words("en").phrases
ASKING = lasting(EN.still_there)
LEAVING = lasting(EN.goodbye)


def leaving_after(seconds: float) -> Callable[[AgentSession[Any]], None]:
    def attach(session: AgentSession[Any]) -> None:
        Idle(session, seconds, lambda: EN)

    return attach


@in_virtual_time
async def test_it_asks_once_then_leaves_with_a_goodbye() -> None:
    async with stage(away=10.0, before=leaving_after(8.0)) as talk:
        await asyncio.sleep(60)
    asked = 10.0 + ASKING
    left = asked + 8.0 + LEAVING
    assert talk.said == [(about(asked), EN.still_there), (about(left), EN.goodbye)]
    assert talk.closed is not None


@in_virtual_time
async def test_an_answer_to_the_question_begins_the_wait_anew() -> None:
    async with stage("Good.", away=10.0, before=leaving_after(8.0)) as talk:
        await talk.at(15.0)
        talk.user_speaks()
        await talk.at(16.0)
        talk.user_pauses("I am here.")
        await talk.at(24.0)
        assert talk.words == [EN.still_there, "> I am here.", "Good."]
        await talk.at(60.0)
    # Silent again from 17.0: 0.5 s end the turn, "Good." takes 0.5 s.
    assert talk.said[3] == (about(17.0 + 10.0 + ASKING), EN.still_there)
    assert talk.said[4] == (about(27.0 + ASKING + 8.0 + LEAVING), EN.goodbye)


@in_virtual_time
async def test_somebody_who_types_is_not_away() -> None:
    async with stage("Good.", away=10.0, before=leaving_after(8.0)) as talk:
        await talk.at(15.0)
        talk.session.generate_reply(user_input="I type.")
        await talk.at(24.0)
        assert talk.words == [EN.still_there, "> I type.", "Good."]
        assert talk.session.user_state == "listening"
        assert talk.closed is None


@in_virtual_time
async def test_whoever_speaks_into_the_goodbye_is_not_left() -> None:
    async with stage("Good.", away=10.0, before=leaving_after(8.0)) as talk:
        await talk.at(10.0 + ASKING + 8.0 + 1.0)
        talk.user_speaks()
        await asyncio.sleep(1.0)
        talk.user_pauses("No, stay!")
        await asyncio.sleep(5.0)
        assert talk.words[-2:] == ["> No, stay!", "Good."]
        assert talk.closed is None


@in_virtual_time
async def test_it_may_be_told_to_stay() -> None:
    async with stage(away=10.0, before=leaving_after(0.0)) as talk:
        await asyncio.sleep(600)
        assert talk.words == [EN.still_there]
        assert talk.closed is None

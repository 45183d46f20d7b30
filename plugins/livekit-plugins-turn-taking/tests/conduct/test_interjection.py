from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

from livekit.agents import AgentSession
from livekit.plugins.turn_taking.conduct.interjection import Interjections

from harness.stage import Stage, about, stage
from harness.virtual_time import in_virtual_time, now

TEA = "Your tea is ready."
STORY = "So we went down to the river"


class Polite:
    """Attaches the interjections of a session, and tells when one was done with."""

    def __init__(self) -> None:
        self.done: list[tuple[float, bool]] = []

    def __call__(self, session: AgentSession[Any]) -> None:
        self.interjections = Interjections(session)

    async def interject(self, text: str, **options: Any) -> None:
        said = await self.interjections.interject(text, **options)
        self.done.append((now(), said))


@contextlib.asynccontextmanager
async def polite_stage(
    *answers: str, end_of_turn: float = 0.5
) -> AsyncIterator[tuple[Stage, Polite, asyncio.TaskGroup]]:
    polite = Polite()
    async with (
        stage(*answers, end_of_turn=end_of_turn, before=polite) as talk,
        asyncio.TaskGroup() as tasks,
    ):
        yield talk, polite, tasks


def spoken(talk: Stage) -> list[float]:
    return [at for at, state in talk.states if state == "speaking"]


@in_virtual_time
async def test_nobody_speaks_so_it_is_said_at_once() -> None:
    async with polite_stage() as (talk, polite, _):
        await talk.at(5.0)
        await polite.interject(TEA)
    assert talk.said == [(about(6.8), TEA)]
    assert spoken(talk) == [about(5.0)]


@in_virtual_time
async def test_it_waits_for_the_users_next_pause_and_takes_down_what_was_said() -> None:
    polite = Polite()
    async with (
        stage("Really?", end_of_turn=1.5, before=polite) as talk,
        asyncio.TaskGroup() as tasks,
    ):
        await talk.at(1.0)
        talk.user_speaks()
        await talk.at(2.0)
        tasks.create_task(polite.interject(TEA))
        await talk.at(4.0)
        assert spoken(talk) == []
        talk.user_pauses(STORY)
        await talk.at(4.5)
        assert spoken(talk) == [about(4.0)]
        await talk.at(20.0)
    # 1.8 s of speech, then 1.5 s in which the user could have gone on: it is answered.
    assert talk.words == [f"> {STORY}", TEA, "Really?"]
    assert spoken(talk) == [about(4.0), about(4.0 + 1.8 + 1.5)]


@in_virtual_time
async def test_a_user_who_goes_on_is_answered_at_the_end() -> None:
    polite = Polite()
    async with (
        stage("Really?", end_of_turn=1.0, before=polite) as talk,
        asyncio.TaskGroup() as tasks,
    ):
        await talk.at(1.0)
        talk.user_speaks()
        tasks.create_task(polite.interject(TEA))
        await talk.at(4.0)
        talk.user_pauses(STORY)
        await talk.at(6.5)  # the tea was announced from 4.0 to 5.8
        talk.user_speaks()
        await talk.at(9.0)
        talk.user_pauses("and found a boat.")
        await talk.at(20.0)
    assert talk.words == [f"> {STORY}", TEA, "> and found a boat.", "Really?"]
    assert spoken(talk) == [about(4.0), about(10.0)]


@in_virtual_time
async def test_it_waits_until_the_agent_has_finished() -> None:
    async with polite_stage() as (talk, polite, tasks):
        talk.session.say("x" * 50)  # five seconds
        await talk.at(1.0)
        tasks.create_task(polite.interject(TEA))
        await talk.at(20.0)
    assert talk.said[1] == (about(5.0 + 1.8), TEA)


@in_virtual_time
async def test_without_an_opening_in_time_it_is_dropped() -> None:
    async with polite_stage() as (talk, polite, tasks):
        talk.user_speaks()
        tasks.create_task(polite.interject(TEA, within=10.0))
        await talk.at(12.0)
        talk.user_pauses()
        await talk.at(20.0)
    assert polite.done == [(10.0, False)]
    assert talk.words == []


@in_virtual_time
async def test_what_has_become_irrelevant_is_dropped_and_the_turn_left_alone() -> None:
    drunk = False
    async with polite_stage("Lovely.") as (talk, polite, tasks):
        talk.user_speaks()
        tasks.create_task(polite.interject(TEA, relevant=lambda: not drunk))
        await talk.at(3.0)
        drunk = True
        await talk.at(4.0)
        talk.user_pauses("I have had my tea.")
        await talk.at(20.0)
    assert talk.words == ["> I have had my tea.", "Lovely."]
    assert [said for _, said in polite.done] == [False]


@in_virtual_time
async def test_what_was_cut_for_nothing_is_answered_all_the_same() -> None:
    relevant = iter((True, False))
    async with polite_stage("Really?", end_of_turn=1.0) as (talk, polite, tasks):
        talk.user_speaks()
        tasks.create_task(polite.interject(TEA, relevant=lambda: next(relevant)))
        await talk.at(3.0)
        talk.user_pauses(STORY)
        await talk.at(20.0)
    assert [said for _, said in polite.done] == [False]
    assert talk.words == [f"> {STORY}", "Really?"]


@in_virtual_time
async def test_several_are_said_in_the_order_of_the_calls() -> None:
    async with polite_stage() as (talk, polite, tasks):
        talk.user_speaks()
        tasks.create_task(polite.interject("First."))
        tasks.create_task(polite.interject("Second."))
        await talk.at(3.0)
        talk.user_pauses()
        await talk.at(20.0)
    assert talk.words == ["First.", "Second."]


@in_virtual_time
async def test_an_urgent_one_is_said_over_the_user() -> None:
    async with polite_stage("Oh.") as (talk, polite, tasks):
        talk.user_speaks()
        await talk.at(2.0)
        tasks.create_task(polite.interject("Fire! Leave the house.", urgent=True))
        await talk.at(8.0)
        assert spoken(talk) == [about(2.0)]
        talk.user_pauses("What?")
        await talk.at(20.0)
    assert talk.words == ["Fire! Leave the house.", "> What?", "Oh."]


@in_virtual_time
async def test_an_urgent_one_stops_the_agent_itself() -> None:
    async with polite_stage() as (talk, polite, tasks):
        talk.session.say("x" * 50)
        await talk.at(1.0)
        tasks.create_task(polite.interject("Fire!", urgent=True))
        await talk.at(20.0)
    assert talk.said[1] == (about(1.5), "Fire!")


@in_virtual_time
async def test_who_goes_on_before_a_word_of_it_has_another_pause() -> None:
    async with polite_stage("Really?", end_of_turn=1.5) as (talk, polite, tasks):
        await talk.at(1.0)
        talk.user_speaks()
        tasks.create_task(polite.interject(TEA))
        await talk.at(4.0)
        talk.user_pauses(STORY)
        while talk.session.agent_state != "speaking":
            await asyncio.sleep(0)
        talk.user_speaks()
        await talk.session.interrupt()
        await talk.at(5.9)
        # Before the pause: LiveKit tells by the wall's clock whether it has to wait for one.
        talk.stt.hears("and swam.")
        await talk.at(6.0)
        assert polite.done == []
        talk.user_pauses()
        await talk.at(20.0)
    assert [said for _, said in polite.done] == [True]
    assert spoken(talk)[:2] == [about(4.0), about(6.0)]
    assert talk.words == [f"> {STORY} and swam.", TEA, "Really?"]


@in_virtual_time
async def test_who_goes_on_again_and_again_is_not_broken_into_for_ever() -> None:
    async with polite_stage("Really?", end_of_turn=1.5) as (talk, polite, tasks):
        talk.user_speaks()
        tasks.create_task(polite.interject(TEA, within=5.0))
        for pause in (3.0, 6.0):
            await talk.at(pause)
            talk.user_pauses(STORY)
            while talk.session.agent_state != "speaking" and now() < 5.0:
                await asyncio.sleep(0.01)
            talk.user_speaks()
            await talk.session.interrupt()
        await talk.at(20.0)
    assert polite.done == [(5.0, False)]

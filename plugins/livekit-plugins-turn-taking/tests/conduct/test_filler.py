from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from typing import Any

from livekit.agents import Agent, AgentSession, RunContext, function_tool
from livekit.agents.llm import FunctionToolCall
from livekit.plugins.turn_taking.conduct.filler import Filler
from livekit.plugins.turn_taking.languages import words

from harness.stage import Stage, about, stage
from harness.virtual_time import in_virtual_time

EN = words("en").phrases
_ids = itertools.count()


class Slow(Agent):
    """Has a tool that takes as long as it is asked to."""

    def __init__(self) -> None:
        super().__init__(instructions="")

    @function_tool
    async def look_up(self, seconds: float) -> str:
        """Look something up.

        Args:
            seconds: How long that takes.
        """
        await asyncio.sleep(seconds)
        return "found"

    @function_tool
    async def look_up_politely(self, context: RunContext[None]) -> str:
        """Look something up in ten seconds, with words of its own."""
        async with context.with_filler("I am looking.", delay=0.5):
            await asyncio.sleep(10.0)
        return "found"


def look_up(seconds: float) -> FunctionToolCall:
    return FunctionToolCall(
        name="look_up", arguments=f'{{"seconds": {seconds}}}', call_id=f"call-{next(_ids)}"
    )


def after(seconds: float) -> Callable[[AgentSession[Any]], None]:
    def attach(session: AgentSession[Any]) -> None:
        Filler(session, seconds, lambda: EN)

    return attach


def spoken(talk: Stage) -> list[float]:
    return [at for at, state in talk.states if state == "speaking"]


@in_virtual_time
async def test_a_tool_that_takes_long_is_bridged_with_a_few_words() -> None:
    async with stage(look_up(6.0), "There.", agent=Slow(), before=after(1.5)) as talk:
        talk.session.generate_reply(user_input="Look it up.")
        await asyncio.sleep(20)
    assert spoken(talk) == [about(1.5), about(6.0)]
    assert talk.words == ["> Look it up.", "There."]  # the filler is no part of the history


@in_virtual_time
async def test_a_tool_that_is_quick_is_not() -> None:
    async with stage(look_up(1.4), "There.", agent=Slow(), before=after(1.5)) as talk:
        talk.session.generate_reply(user_input="Look it up.")
        await asyncio.sleep(20)
    assert spoken(talk) == [about(1.4)]


@in_virtual_time
async def test_there_are_never_two_in_a_row() -> None:
    long = [look_up(5.0) for _ in range(3)]
    answers: list[FunctionToolCall | str] = [*long[:2], "There.", long[2], "Again."]
    async with stage(*answers, agent=Slow(), before=after(1.5)) as talk:
        talk.session.generate_reply(user_input="Look it up.")
        await talk.at(20.0)
        # Two tools, one after the other: one filler, then the answer.
        assert spoken(talk) == [about(1.5), about(10.0)]
        talk.session.generate_reply(user_input="And now?")
        await talk.at(40.0)
    assert spoken(talk)[2:] == [about(21.5), about(25.0)]


@in_virtual_time
async def test_the_result_drops_a_filler_that_does_not_sound_yet() -> None:
    async with stage(look_up(1.6), "There.", agent=Slow(), before=after(1.5)) as talk:
        talk.tts.delay = 0.5
        talk.session.generate_reply(user_input="Look it up.")
        await asyncio.sleep(20)
    assert len(spoken(talk)) == 1
    assert talk.words == ["> Look it up.", "There."]


@in_virtual_time
async def test_the_user_is_not_talked_over() -> None:
    async with stage(look_up(6.0), "There.", agent=Slow(), before=after(1.5)) as talk:
        talk.session.generate_reply(user_input="Look it up.")
        await talk.at(1.0)
        talk.user_speaks()
        await talk.at(3.0)
        talk.user_pauses()
        await talk.at(20.0)
    assert spoken(talk)[0] >= 4.5


@in_virtual_time
async def test_a_tool_with_words_of_its_own_needs_no_others() -> None:
    call = FunctionToolCall(name="look_up_politely", arguments="{}", call_id="polite")
    async with stage(call, "There.", agent=Slow(), before=after(1.5)) as talk:
        talk.session.generate_reply(user_input="Look it up.")
        await asyncio.sleep(20)
    assert spoken(talk) == [about(0.5), about(10.0)]

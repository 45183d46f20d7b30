from __future__ import annotations

import asyncio
from typing import Any

import pytest
from livekit.agents import Agent
from livekit.agents.metrics import AgentSessionUsage, LLMModelUsage, ModelUsage, TTSModelUsage
from livekit.agents.voice.events import SessionUsageUpdatedEvent

from agent import settings
from agent.definition.loading import load_agent
from agent.definition.settings import LimitSettings
from agent.limits import Limits
from agent.session import make
from harness.scripted import Llm, Stt, Tts
from harness.stage import Stage, about, lasting, stage
from harness.virtual_time import in_virtual_time

from .watchdog import conversation

GOODBYE = "We have to stop here."


def limited(*answers: str, made: list[Limits], **limits: Any) -> Any:
    def limit(session: Any) -> None:
        made.append(Limits(LimitSettings(**limits), session, lambda: GOODBYE))

    return stage(*answers, agent=Agent(instructions=""), before=limit)


async def ask(talk: Stage, at: float) -> None:
    await talk.at(at)
    talk.user_speaks()
    await talk.at(at + 1.0)
    talk.user_pauses("Go on.")


@in_virtual_time
async def test_the_last_turn_is_answered_before_the_goodbye() -> None:
    made: list[Limits] = []
    async with limited("One.", "Two.", made=made, turns=2) as talk:
        await ask(talk, 0.0)
        await ask(talk, 5.0)
        await talk.at(30.0)
    assert talk.words == ["> Go on.", "One.", "> Go on.", "Two.", GOODBYE]
    assert talk.closed is not None
    await made[0].aclose()


@in_virtual_time
async def test_the_time_is_up_after_so_many_minutes() -> None:
    made: list[Limits] = []
    async with limited("One.", made=made, minutes=0.5) as talk:
        made[0].start()
        await talk.at(60.0)
        assert talk.when(GOODBYE) == about(30.0 + lasting(GOODBYE))
    await made[0].aclose()


@in_virtual_time
async def test_a_conversation_at_the_page_ends_with_a_goodbye_though_its_agent_sets_no_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PARLEY_MAX_MINUTES", "0.2")
    async with conversation.talk("The answer.") as talk:
        await talk.ask("Hello?")
        await asyncio.sleep(20.0)
    assert talk.words == ["> Hello?", "The answer.", "We have to stop here. Goodbye!"]
    assert 12.0 < talk.closed[0] < 17.0


@pytest.mark.parametrize(("phone", "minutes"), [(True, None), (False, 30.0)])
async def test_the_clock_of_a_caller_by_phone_is_that_of_the_line(
    phone: bool, minutes: float | None
) -> None:
    profile, parley = settings.load("gpu"), load_agent("parley")
    made = make(profile, parley, room=None, stt=Stt(), llm=Llm(), tts=Tts(), phone=phone)
    assert made.limits._settings.minutes == minutes
    await made.aclose()


@in_virtual_time
async def test_whoever_speaks_at_the_end_is_waited_for_but_not_for_ever() -> None:
    made: list[Limits] = []
    async with limited("One.", made=made, minutes=0.1) as talk:
        made[0].start()
        await talk.at(5.0)
        talk.user_speaks()
        await talk.at(60.0)
        assert talk.when(GOODBYE) == about(6.0 + 30.0 + lasting(GOODBYE))
    await made[0].aclose()


@pytest.mark.parametrize(("tokens", "ends"), [(999, False), (1000, True), (5000, True)])
@in_virtual_time
async def test_the_models_tokens_are_counted(tokens: int, ends: bool) -> None:
    made: list[Limits] = []
    async with limited(made=made, tokens=1000) as talk:
        usage: list[ModelUsage] = [
            LLMModelUsage(provider="x", model="y", input_tokens=tokens - 100, output_tokens=60),
            LLMModelUsage(provider="x", model="z", output_tokens=40),
            TTSModelUsage(provider="x", model="y", input_tokens=10_000),
        ]
        event = SessionUsageUpdatedEvent(usage=AgentSessionUsage(model_usage=usage))
        for _ in range(2):
            talk.session.emit("session_usage_updated", event)
        await talk.at(30.0)
    assert talk.words == ([GOODBYE] if ends else [])
    await made[0].aclose()


@in_virtual_time
async def test_nothing_is_said_once_it_is_closed() -> None:
    made: list[Limits] = []
    async with limited("One.", made=made, minutes=0.5) as talk:
        made[0].start()
        await talk.at(10.0)
        await made[0].aclose()
        await made[0].aclose()
        await talk.at(60.0)
    assert talk.words == []

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

from livekit.agents import AgentSession

from agent.turns.backchannel import PAUSE, Backchannels, Telling
from agent.turns.phrases import PHRASES

from .scripted import about, stage
from .virtual_time import in_virtual_time, now

EN = PHRASES["en"]


class Mouth:
    def __init__(self) -> None:
        self.murmured: list[tuple[float, str]] = []
        self.prepared: list[str] = []

    async def prepare(self, texts: Iterable[str]) -> None:
        self.prepared += texts

    async def murmur(self, text: str) -> None:
        self.murmured.append((now(), text))


def nodding(mouth: Mouth) -> Callable[[AgentSession[Any]], None]:
    def attach(session: AgentSession[Any]) -> None:
        Backchannels(session, session.vad, mouth, 4.0, lambda: EN)

    return attach


def test_enough_is_told_after_so_much_speech() -> None:
    telling = Telling(after=4.0)
    telling.speaks(0.0)
    assert not telling.pauses(3.9)
    telling.speaks(5.0)
    assert telling.pauses(5.2)
    telling.begin()
    telling.speaks(6.0)
    assert not telling.pauses(9.0)


@in_virtual_time
async def test_a_long_story_is_nodded_at_in_its_pauses() -> None:
    mouth = Mouth()
    async with stage("Nice.", end_of_turn=2.0, before=nodding(mouth)) as talk:
        for begin, end in ((1.0, 4.0), (5.0, 7.0), (8.0, 9.0), (10.0, 14.0)):
            await talk.at(begin)
            talk.user_speaks()
            await talk.at(end)
            talk.user_pauses("and so on")
        await talk.at(30.0)
    # 3 s are told at 4.0, 5 s at 7.0; then 1 s at 9.0, 5 s at 14.0.
    assert mouth.murmured == [
        (about(7.0 + PAUSE), EN.backchannels[0]),
        (about(14.0 + PAUSE), EN.backchannels[1]),
    ]
    assert [at for at, state in talk.states if state == "speaking"] == [about(16.0)]
    assert talk.words == ["> and so on and so on and so on and so on", "Nice."]


@in_virtual_time
async def test_the_end_of_a_turn_is_no_pause() -> None:
    mouth = Mouth()
    async with stage("Nice.", end_of_turn=0.2, before=nodding(mouth)) as talk:
        talk.user_speaks()
        await talk.at(8.0)
        talk.user_pauses("That was all.")
        await talk.at(30.0)
    assert mouth.murmured == []
    assert talk.words == ["> That was all.", "Nice."]


@in_virtual_time
async def test_a_user_who_goes_on_at_once_is_not_nodded_at() -> None:
    mouth = Mouth()
    async with stage(end_of_turn=2.0, before=nodding(mouth)) as talk:
        talk.user_speaks()
        await talk.at(8.0)
        talk.user_pauses()
        await asyncio.sleep(PAUSE - 0.1)
        talk.user_speaks()
        await talk.at(9.0)
        assert mouth.murmured == []


@in_virtual_time
async def test_the_sounds_are_made_once_the_greeting_is_over() -> None:
    mouth = Mouth()
    async with stage(before=nodding(mouth)) as talk:
        talk.session.say("x" * 30)
        await talk.at(2.9)
        assert mouth.prepared == []
        await talk.at(3.0 + PAUSE + 0.1)
        assert mouth.prepared == list(EN.backchannels)

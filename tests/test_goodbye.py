"""The last words of a call whose agent server stops."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
from livekit import rtc
from livekit.agents import Agent

from agent.goodbye import TOPIC, Closing
from harness.stage import Stage, about, lasting, stage
from harness.virtual_time import in_virtual_time

GOODBYE = "Sorry, we have to stop here."
ANSWER = "That is a long story, " + "and it goes on " * 20 + "until its end."


class Room:
    """Where messages come from."""

    def __init__(self) -> None:
        self.take: Any = None

    def on(self, event: str, take: Any) -> None:
        assert event == "data_received"
        self.take = take

    def off(self, event: str, take: Any) -> None:
        if self.take == take:
            self.take = None

    def send(self, topic: str = TOPIC, participant: object = None) -> None:
        self.take(SimpleNamespace(topic=topic, participant=participant, data=b""))


def closing(room: Room, made: list[Closing], *answers: str) -> Any:
    def follow(session: Any) -> None:
        made.append(Closing(cast(rtc.Room, room), session, lambda: GOODBYE))

    return stage(*answers, agent=Agent(instructions=""), before=follow)


async def ask(talk: Stage, at: float) -> None:
    await talk.at(at)
    talk.user_speaks()
    await talk.at(at + 1.0)
    talk.user_pauses("Tell me.")


@in_virtual_time
async def test_a_call_ends_after_a_word_when_its_server_says_so() -> None:
    room, made = Room(), list[Closing]()
    async with closing(room, made) as talk:
        await talk.at(5.0)
        room.send()
        room.send()  # the server says it until the call has ended
        await talk.at(30.0)
    assert talk.words == [GOODBYE]
    assert talk.when(GOODBYE) == about(5.0 + lasting(GOODBYE))
    assert talk.closed is not None
    await made[0].aclose()
    assert room.take is None


@pytest.mark.parametrize(("answer", "cut"), [("It is.", False), (ANSWER, True)])
@in_virtual_time
async def test_an_answer_is_finished_if_that_is_soon_and_cut_short_if_not(
    answer: str, cut: bool
) -> None:
    room, made = Room(), list[Closing]()
    async with closing(room, made, answer) as talk:
        await ask(talk, 0.0)
        await talk.at(2.0)
        room.send()
        await talk.at(60.0)
    assert (answer in talk.words) is not cut
    assert talk.words[-1] == GOODBYE
    assert talk.when(GOODBYE) < 2.0 + 3.0 + lasting(GOODBYE) + 0.5
    assert talk.closed is not None
    await made[0].aclose()


@in_virtual_time
async def test_what_is_said_over_the_last_words_is_not_answered() -> None:
    room, made = Room(), list[Closing]()
    async with closing(room, made, "Never said.") as talk:
        await talk.at(1.0)
        room.send()
        await ask(talk, 1.2)
        await talk.at(30.0)
    assert [words for words in talk.words if not words.startswith(">")] == [GOODBYE]
    await made[0].aclose()


@in_virtual_time
async def test_nobody_in_the_room_can_end_a_call_in_the_servers_name() -> None:
    room, made = Room(), list[Closing]()
    async with closing(room, made, "Still here.") as talk:
        room.send(participant=SimpleNamespace(identity="anna"))
        room.send(topic="chat")
        await ask(talk, 1.0)
        await talk.at(30.0)
        assert talk.words == ["> Tell me.", "Still here."]
        assert talk.closed is None
    await made[0].aclose()

"""What is typed in a real room: never lost, never answered twice."""

from __future__ import annotations

import asyncio

import pytest
from livekit import rtc
from livekit.agents.types import TOPIC_CHAT
from livekit.plugins.turn_taking.conduct.typed import LONGEST

from agent.stack import Server
from harness.caller import join

from .instant import Host, hosting, room_for, until_last

pytestmark = [pytest.mark.room, pytest.mark.asyncio(loop_scope="session")]

NOTICE = "Please hear this notice to its end."


def asked(host: Host) -> list[str]:
    """What the user said, a line each."""
    said = (words[2:] for words in host.words if words.startswith("> "))
    return [line for words in said for line in words.split("\n")]


def answered(host: Host) -> list[str]:
    """What the agent said."""
    return [words for words in host.words if not words.startswith("> ")]


async def test_a_line_during_a_notice_is_answered_after_it(livekit: Server) -> None:
    async with (
        room_for(livekit) as name,
        join(livekit, name) as caller,
        hosting(livekit, name, "At nine.") as host,
    ):
        await caller.until("listening")
        host.session.say(NOTICE, allow_interruptions=False)
        await caller.until("speaking")
        await caller.type("When do you open?")
        await until_last(host, "At nine.")
        assert host.words == [NOTICE, "> When do you open?", "At nine."]


async def test_five_lines_at_once_are_answered_once_in_their_order(livekit: Server) -> None:
    async with (
        room_for(livekit) as name,
        join(livekit, name) as caller,
        hosting(livekit, name, *["Yes."] * 5) as host,
    ):
        await caller.until("listening")
        lines = [f"Line {number}" for number in range(5)]
        await caller.type(" \n ")
        for line in lines:
            await caller.type(line)
        await until_last(host, "Yes.")
        await asyncio.sleep(2.0)
        assert asked(host) == lines
        assert answered(host) == ["Yes."]


async def test_somebody_who_takes_no_sound_is_answered(livekit: Server) -> None:
    room = rtc.Room()
    async with room_for(livekit) as name:
        await room.connect(
            livekit.url, livekit.token(name, "reader"), rtc.RoomOptions(auto_subscribe=False)
        )
        try:
            async with hosting(livekit, name, "At nine.", "Yes.") as host:
                await asyncio.sleep(1.0)
                await room.local_participant.send_text("When do you open?", topic=TOPIC_CHAT)
                await until_last(host, "At nine.")
                await room.local_participant.send_text("On Sundays?", topic=TOPIC_CHAT)
                await until_last(host, "Yes.")
                assert asked(host) == ["When do you open?", "On Sundays?"]
        finally:
            await room.disconnect()


async def test_of_a_text_without_end_no_more_is_read_than_is_answered(livekit: Server) -> None:
    async with (
        room_for(livekit) as name,
        join(livekit, name) as caller,
        hosting(livekit, name, "That is long.", "At nine.") as host,
    ):
        await caller.until("listening")
        text = await caller.room.local_participant.stream_text(topic=TOPIC_CHAT)
        for _ in range(50):
            await text.write("x" * 100_000)
        await until_last(host, "That is long.")  # though it has not ended
        assert asked(host) == ["x" * LONGEST]
        await text.aclose()
        await caller.type("When do you open?")
        await until_last(host, "At nine.")
        assert asked(host)[-1] == "When do you open?"

"""A warm transfer in a real room: two calls, of which neither hears the other until both agreed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import numpy as np
import pytest
from livekit import api, rtc
from livekit.agents import utils

from agent.stack import Server
from harness.caller import Caller, join
from harness.recording import SAMPLE_RATE, Samples

from .conftest import CALL, Conversation, Converse
from .fakes import SETTINGS

pytestmark = [
    pytest.mark.room,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.timeout(90),
]

WARM_TRANSFER = ("warm_transfer", {"destination": "Sales", "summary": "Wants to return a kettle."})
SETTINGS = SETTINGS.model_copy(update={"tools": ["warm_transfer"]})


@asynccontextmanager
async def picks_up(server: Server, call: Conversation) -> AsyncIterator[Callable[[], Caller]]:
    """Somebody who comes into the room when they are called, as the SIP service brings them in."""
    come, there = asyncio.Event(), asyncio.Event()
    go = asyncio.Event()
    here: list[Caller] = []

    async def created(request: object) -> api.SIPParticipantInfo:
        call.sip.asked.append(request)
        come.set()
        await there.wait()
        return api.SIPParticipantInfo(sip_call_id="SCL_2")

    call.sip.create_sip_participant = created  # type: ignore[method-assign]

    async def colleague() -> None:
        await come.wait()
        room = call.phone.room.name
        async with join(server, room, identity="colleague", call=CALL) as caller:
            here.append(caller)
            there.set()
            await go.wait()

    task = asyncio.create_task(colleague())
    try:
        yield lambda: here[0]
    finally:
        go.set()
        if not come.is_set():
            task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@dataclass
class Listener:
    """When each track of a room was last heard by somebody in it, by its owner and its name."""

    room: rtc.Room
    last: dict[tuple[str, str], float] = field(default_factory=dict)

    async def listen(self) -> None:
        async with asyncio.TaskGroup() as tasks:

            def on_track(track: rtc.Track, of: rtc.TrackPublication, by: rtc.Participant) -> None:
                tasks.create_task(self._hear(track, (by.identity, of.name)))

            self.room.on("track_subscribed", on_track)
            for participant in self.room.remote_participants.values():
                for publication in participant.track_publications.values():
                    if publication.track:
                        on_track(publication.track, publication, participant)
            await asyncio.Event().wait()

    async def _hear(self, track: rtc.Track, name: tuple[str, str]) -> None:
        stream = rtc.AudioStream(track)
        try:
            async for event in stream:
                if np.abs(np.frombuffer(event.frame.data, np.int16).astype(int)).max() > 500:
                    self.last[name] = time.monotonic()
        finally:
            await stream.aclose()

    def heard(self, since: float) -> set[tuple[str, str]]:
        return {name for name, at in self.last.items() if at > since}


@asynccontextmanager
async def listening(*rooms: rtc.Room) -> AsyncIterator[list[Listener]]:
    listeners = [Listener(room) for room in rooms]
    tasks = [asyncio.create_task(one.listen()) for one in listeners]
    try:
        yield listeners
    finally:
        await utils.aio.cancel_and_wait(*tasks)


def noise() -> Samples:
    return np.random.default_rng(1).normal(0, 4000, 2 * SAMPLE_RATE).astype(np.int16)


SPEECH, MUSIC = ("agent", "voice"), ("agent", "background_audio")
CALLER, COLLEAGUE = ("sip_caller", "microphone"), ("colleague", "microphone")


async def until(condition: Callable[[], bool], within: float = 20.0) -> None:
    async with asyncio.timeout(within):
        while not condition():
            await asyncio.sleep(0.05)


async def test_two_calls_are_connected_once_the_second_agrees(
    server: Server, converse: Converse
) -> None:
    async with (
        converse(WARM_TRANSFER, settings=SETTINGS) as call,
        picks_up(server, call) as colleague,
    ):
        call.session.generate_reply(user_input="Somebody from sales, please.")
        await call.says("Shall I call Sales")
        await call.caller.press("1")
        await call.says("A caller for you. Wants to return a kettle.")
        other = colleague()
        async with listening(call.caller.room, other.room) as (ours, theirs):
            await asyncio.sleep(0.5)  # in which the server has taken back what it had granted
            start = time.monotonic()
            # Both make themselves heard while the agent speaks with one of them.
            await asyncio.gather(call.caller.say(noise()), other.say(noise()))
            await asyncio.sleep(0.3)
            assert ours.heard(start) == {MUSIC}
            assert theirs.heard(start) == {SPEECH}
            await other.press("1")
            await call.says("You are connected.")
            await until(lambda: not call.session.output.audio_enabled)
            await asyncio.sleep(0.5)  # in which the last of its words are heard
            start = time.monotonic()
            await asyncio.gather(call.caller.say(noise()), other.say(noise()))
            await asyncio.sleep(0.3)
            assert ours.heard(start) == {COLLEAGUE}
            assert theirs.heard(start) == {CALLER}
        assert not call.closed.is_set()
        await other.room.disconnect()
        async with asyncio.timeout(30):
            await call.closed.wait()


@pytest.mark.parametrize("how", ["another key", "hangs up"])
async def test_a_call_that_is_not_taken_comes_back_to_the_agent(
    server: Server, converse: Converse, how: str
) -> None:
    async with (
        converse(WARM_TRANSFER, "Nobody is free.", settings=SETTINGS) as call,
        picks_up(server, call) as colleague,
    ):
        call.session.generate_reply(user_input="Somebody from sales, please.")
        await call.says("Shall I call Sales")
        await call.caller.press("1")
        await call.says("A caller for you.")
        await asyncio.sleep(1.0)  # nobody is faster, and the key needs a channel that is open
        leave: Awaitable[None] = (
            colleague().press("2") if how == "another key" else colleague().room.disconnect()
        )
        await leave
        await call.says("Sales did not take the call.")
        await call.says("Nobody is free.")
        start = call.caller.now
        await until(lambda: call.caller.heard.first_sound(start) is not None)
        assert "was not taken" in call.llm.told[-1]
        assert call.session.input.audio_enabled
        await until(lambda: list(call.phone.room.remote_participants) == ["sip_caller"])


async def test_a_caller_who_hangs_up_while_it_rings_leaves_nothing_behind(
    converse: Converse,
) -> None:
    async with converse(WARM_TRANSFER, settings=SETTINGS) as call:
        ringing = asyncio.Event()

        async def rings(request: object) -> None:
            ringing.set()
            await asyncio.Event().wait()

        call.sip.create_sip_participant = rings  # type: ignore[method-assign]
        call.session.generate_reply(user_input="Somebody from sales, please.")
        await call.says("Shall I call Sales")
        await call.caller.press("1")
        async with asyncio.timeout(20):
            await ringing.wait()
        await call.caller.room.disconnect()
        async with asyncio.timeout(30):
            await call.closed.wait()
        names = [p.name for p in call.phone.room.local_participant.track_publications.values()]
        assert "background_audio" not in names

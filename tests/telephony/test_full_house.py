"""The queue in real rooms: what its callers hear, and that they leave it for somebody."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from livekit import api, rtc

from agent.settings import FullSettings, PhoneSettings
from agent.stack import Server
from agent.telephony.dial import NoAnswer
from agent.telephony.full_house import RATE, Entrance, FullHouse, Waiting
from harness.caller import Caller, agent_token, join

from .conftest import CALL

pytestmark = [
    pytest.mark.room,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.timeout(120),
]


@dataclass
class House:
    """A full house, and what its callers were told."""

    server: Server
    livekit: api.LiveKitAPI
    full: FullSettings
    said: list[str] = field(default_factory=list)
    transferred: list[tuple[str, str]] = field(default_factory=list)
    failure: Exception | None = None
    voice: bool = True

    def open(self) -> FullHouse:
        async def attends(sid: str, seconds: float) -> bool:
            return True

        at = self.server
        return FullHouse(
            PhoneSettings(full=self.full),
            Entrance(at.url, at.api_key, at.api_secret, self.livekit),
            attends,
            self._speak,
            self._transfer,
        )

    async def _speak(self, text: str, language: str) -> AsyncIterator[rtc.AudioFrame]:
        self.said.append(text)
        if not self.voice:
            raise OSError("no voice")
        tone = np.sin(2 * np.pi * 440 * np.arange(RATE // 2) / RATE) * 8000
        yield rtc.AudioFrame(tone.astype(np.int16).tobytes(), RATE, 1, len(tone))

    async def _transfer(self, room: str, identity: str) -> None:
        if self.failure:
            raise self.failure
        self.transferred.append((room, identity))

    async def rooms(self) -> set[str]:
        return {r.name for r in (await self.livekit.room.list_rooms(api.ListRoomsRequest())).rooms}


@pytest.fixture
async def house(server: Server) -> AsyncIterator[Callable[..., House]]:
    async with api.LiveKitAPI(server.url, server.api_key, server.api_secret) as livekit:
        yield lambda **full: House(server, livekit, FullSettings(**full))


@contextlib.asynccontextmanager
async def waiting(house: House, n: int = 1) -> AsyncIterator[list[tuple[Caller, Waiting]]]:
    """Callers in rooms of their own, to which no agent comes."""
    async with contextlib.AsyncExitStack() as stack:
        found = []
        for _ in range(n):
            name = f"call-{uuid.uuid4().hex[:8]}"
            caller = await stack.enter_async_context(
                join(house.server, name, identity="sip_caller", call=CALL)
            )
            found.append((caller, Waiting(name, await caller.room.sid, "sip_caller", {})))
        yield found


async def until(condition: Callable[[], Any], within: float = 30.0) -> None:
    async with asyncio.timeout(within):
        while not condition():
            await asyncio.sleep(0.05)


def heard(caller: Caller) -> float:
    """How loud the last of what a caller has heard is."""
    return float(np.abs(caller.heard.samples[-RATE // 2 :]).max(initial=0))


def queues(caller: Caller) -> list[str]:
    return [each for each in caller.room.remote_participants if each.startswith("queue-")]


async def test_a_caller_hears_music_and_how_many_are_before_them_until_an_agent_is_there(
    house: Callable[..., House],
) -> None:
    made = house(answer="queue")
    full = made.open()
    async with waiting(made, 2) as callers, contextlib.aclosing(full):
        await full.update([each for _, each in callers])
        (first, one), (second, two) = callers
        await until(lambda: len(made.said) == 2)
        assert sorted(made.said) == [
            "All lines are busy. You are next. Please hold.",
            "All lines are busy. You are number 2 in the queue. Please hold.",
        ]
        assert (full.ahead_of(one.room), full.ahead_of("new")) == (1, 2)
        agent = rtc.Room()
        await agent.connect(made.server.url, agent_token(made.server, one.room))
        await asyncio.sleep(0.5)
        assert queues(first)  # nothing of the agent's can be heard yet
        source = rtc.AudioSource(RATE, 1)
        track = rtc.LocalAudioTrack.create_audio_track("voice", source)
        await agent.local_participant.publish_track(track)
        await until(lambda: not queues(first))
        assert queues(second)
        await until(lambda: full.ahead_of("new") == 1)
        await agent.disconnect()
    await until(lambda: not queues(second))


async def test_a_queue_whose_voice_fails_has_music(house: Callable[..., House]) -> None:
    made = house(answer="queue")
    made.voice = False
    full = made.open()
    async with waiting(made) as callers, contextlib.aclosing(full):
        ((caller, one),) = callers
        await full.update([one])
        await until(lambda: made.said)
        await asyncio.sleep(3.0)
        assert queues(caller)


async def test_a_caller_who_hangs_up_is_waited_for_no_more(house: Callable[..., House]) -> None:
    made = house(answer="queue")
    full = made.open()
    async with contextlib.aclosing(full):
        async with waiting(made) as callers:
            await full.update([each for _, each in callers])
            await until(lambda: made.said)
        await until(lambda: full.ahead_of("") == 0)


@pytest.mark.parametrize("failure", [None, NoAnswer("Busy Here")], ids=["taken", "busy"])
async def test_an_overflow_puts_the_caller_through_or_says_that_nobody_is_free(
    house: Callable[..., House], failure: Exception | None
) -> None:
    made = house(answer="overflow", overflow="+442079460018")
    made.failure = failure
    full = made.open()
    async with waiting(made) as callers, contextlib.aclosing(full):
        ((_, one),) = callers
        await full.update([one])
        await until(lambda: full.ahead_of("") == 0)
        assert made.said[0] == "I'm putting you through now."
        if failure:
            assert "nobody is free" in made.said[1]
            assert one.room not in await made.rooms()
        else:
            assert made.transferred == [(one.room, "sip_caller")]
            assert one.room in await made.rooms()


async def test_nobody_waits_for_ever(house: Callable[..., House]) -> None:
    made = house(answer="queue")
    made.full = made.full.model_copy(update={"longest": 3.0})
    full = made.open()
    async with waiting(made) as callers, contextlib.aclosing(full):
        ((_, one),) = callers
        await full.update([one])
        await until(lambda: full.ahead_of("") == 0)
        assert "nobody is free" in made.said[-1]
        assert one.room not in await made.rooms()

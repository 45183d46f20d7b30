"""What a caller who holds hears, and how it ends; the room is a stand-in, and so is its clock."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from livekit import api, rtc

from agent import settings
from agent.languages import words
from agent.telephony.full_house import attendant as attendant_module
from agent.telephony.full_house.announcer import RATE, Announcer
from agent.telephony.full_house.attendant import Attendant, Holding, Outcome, Transfer
from harness.echo import echo_engines
from harness.virtual_time import in_virtual_time, now

SIP = rtc.ParticipantKind.PARTICIPANT_KIND_SIP
AGENT = rtc.ParticipantKind.PARTICIPANT_KIND_AGENT
PHONE = words("en").phone
LENGTH = 3.0
"""Seconds that a sentence takes."""


class Room:
    """A room with a caller whose line is open at once."""

    def __init__(self) -> None:
        self.takes: dict[str, list[Any]] = {}
        self.remote_participants: dict[str, Any] = {}
        self.connected = False
        self.come("sip_caller", SIP, {"sip.callStatus": "active"})

    def come(self, identity: str, kind: Any, attributes: dict[str, str]) -> None:
        self.remote_participants[identity] = SimpleNamespace(
            identity=identity, kind=kind, attributes=attributes, track_publications={}
        )
        self.tell("participant_connected")

    def agent_speaks(self) -> None:
        self.remote_participants["agent"].track_publications["TR_1"] = object()
        self.tell("track_published")

    def leave(self, identity: str) -> None:
        del self.remote_participants[identity]
        self.tell("participant_disconnected")

    def tell(self, event: str) -> None:
        for take in self.takes.get(event, []):
            take()

    def on(self, event: str, take: Any) -> None:
        self.takes.setdefault(event, []).append(take)

    def off(self, event: str, take: Any) -> None:
        self.takes[event].remove(take)

    async def connect(self, *_: Any) -> None:
        self.connected = True

    async def disconnect(self) -> None:
        self.connected = False


class Sound:
    """Something that plays until it ends or is stopped."""

    def __init__(self, what: str, seconds: float) -> None:
        self.what, self.began, self.ended = what, now(), asyncio.Event()
        self.end = 0.0
        asyncio.get_running_loop().call_later(seconds, self.stop)

    def stop(self) -> None:
        if not self.ended.is_set():
            self.end = now()
            self.ended.set()

    def __await__(self) -> Any:
        return self.ended.wait().__await__()


class Player:
    """Keeps what was played, and since when."""

    sounds: list[Sound] = []
    open = False

    async def start(self, *, room: Any) -> None:
        Player.open = True

    async def aclose(self) -> None:
        Player.open = False
        for sound in self.sounds:
            sound.stop()

    def play(self, what: Any) -> Sound:
        text = what if isinstance(what, str) else "music"
        self.sounds.append(Sound(text, LENGTH if isinstance(what, str) else 1e6))
        return self.sounds[-1]


class Voice:
    """Gives each sentence as it is."""

    fails = False

    async def say(self, text: str, _: str) -> str | None:
        return None if self.fails else text


class World:
    """One attendant, and what there is around it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, longest: float = 300.0) -> None:
        self.room, self.voice = Room(), Voice()
        self.longest, self.transfer = longest, cast(Transfer | None, None)
        self.deleted: list[str] = []
        Player.sounds = []
        monkeypatch.setattr(attendant_module, "BackgroundAudioPlayer", Player)
        fake = SimpleNamespace(
            Room=lambda: self.room,
            RoomOptions=rtc.RoomOptions,
            ParticipantKind=rtc.ParticipantKind,
            RemoteParticipant=rtc.RemoteParticipant,
        )
        monkeypatch.setattr(attendant_module, "rtc", fake)

    async def delete_room(self, asked: api.DeleteRoomRequest) -> None:
        self.deleted.append(asked.room)

    def start(self) -> asyncio.Task[Outcome]:
        holding = Holding("call_1", "en", self.longest, self.transfer)
        server = cast(api.LiveKitAPI, SimpleNamespace(room=self))
        self.attendant = Attendant(holding, cast(Announcer, self.voice), server, position=3)
        return asyncio.create_task(self.attendant.run("ws://livekit", "token"))

    @property
    def played(self) -> list[str]:
        return [sound.what for sound in Player.sounds]


@in_virtual_time
async def test_music_and_the_position_until_an_agent_speaks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World(monkeypatch)
    holding = world.start()
    await asyncio.sleep(10.0)
    third = PHONE.queue.format(position=3)
    assert world.played == ["music", third, "music"]
    await asyncio.sleep(5.0)
    world.attendant.move(3)  # where they were
    await asyncio.sleep(5.0)
    assert len(world.played) == 3
    world.attendant.move(2)
    await asyncio.sleep(5.0)
    assert world.played[3:] == [PHONE.queue.format(position=2), "music"]
    assert Player.sounds[2].ended.is_set()  # no music under the words
    await asyncio.sleep(50.0)  # told again, though it is the same
    assert world.played.count(PHONE.queue.format(position=2)) == 2
    world.room.come("agent", AGENT, {})
    await asyncio.sleep(1.0)
    assert not holding.done()  # until it is heard
    world.room.agent_speaks()
    assert await holding == "agent"
    assert not Player.open
    assert not world.room.connected
    assert world.deleted == []


@in_virtual_time
async def test_nobody_stays_with_a_caller_who_has_hung_up(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch)
    holding = world.start()
    await asyncio.sleep(10.0)
    world.room.leave("sip_caller")
    assert await holding == "gone"
    assert not world.room.connected
    assert world.deleted == []


@in_virtual_time
async def test_an_agent_that_was_faster_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch)
    world.room.come("agent", AGENT, {})
    world.room.agent_speaks()
    assert await world.start() == "agent"
    assert world.played == []


@in_virtual_time
async def test_whoever_has_held_for_long_enough_is_asked_to_call_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World(monkeypatch, longest=60.0)
    assert await world.start() == "late"
    assert world.played[-1] == PHONE.nobody_free
    assert 60.0 + LENGTH < now() < 60.0 + LENGTH + 2
    assert world.deleted == ["call_1"]


@pytest.mark.parametrize("works", [True, False])
@in_virtual_time
async def test_or_sent_on_at_once_where_that_is_wanted(
    works: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(monkeypatch, longest=0.0)
    sent: list[str] = []

    async def transfer(caller: str) -> bool:
        sent.append(caller)
        return works

    world.transfer = transfer
    assert await world.start() == ("sent on" if works else "late")
    assert sent == ["sip_caller"]
    assert world.played == [PHONE.transferring, *([] if works else [PHONE.nobody_free])]
    assert world.deleted == ["call_1"]  # sent on or not: nobody waits there any more


@in_virtual_time
async def test_nothing_is_heard_over_the_last_words(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch)
    holding = world.start()
    await asyncio.sleep(1.0)  # of the position, which takes three
    world.attendant.close()
    await holding
    *before, last = Player.sounds
    assert before[-1].what == PHONE.queue.format(position=3)
    assert all(sound.ended.is_set() and sound.end <= last.began for sound in before)


@in_virtual_time
async def test_a_server_that_stops_says_goodbye(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch)
    holding = world.start()
    await asyncio.sleep(10.0)
    world.attendant.close()
    assert await holding == "closing"
    assert world.played[-1] == words("en").assistant.closing
    assert world.deleted == ["call_1"]


@in_virtual_time
async def test_without_a_voice_there_is_music(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch, longest=60.0)
    world.voice.fails = True
    assert await world.start() == "late"
    assert world.played == ["music"]
    assert world.deleted == ["call_1"]


async def pcm(frames: AsyncIterator[rtc.AudioFrame]) -> bytes:
    return b"".join([bytes(frame.data) async for frame in frames])


async def test_a_sentence_is_spoken_once_by_the_profiles_own_voice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with echo_engines() as engines:
        for name, value in engines.variables().items():
            monkeypatch.setenv(name, value)
        announcer = Announcer(settings.load("gpu").tts)
        sentence = PHONE.queue.format(position=1)
        said = [await announcer.say(sentence, "en") for _ in range(2)]
        sounds = [await pcm(frames) for frames in said if frames]
        await announcer.aclose()
        await announcer.aclose()
    assert len(sounds) == 2
    assert sounds[0] == sounds[1]
    assert np.abs(np.frombuffer(sounds[0], np.int16)).max() > 1000
    assert len(sounds[0]) / 2 / RATE > 1.0
    assert "".join(engines.spoken).count("You are number one in line") == 1


async def test_a_voice_that_does_not_answer_is_no_error(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("PARLEY_TTS__BASE_URL", "http://127.0.0.1:9/v1")
    monkeypatch.setattr("agent.telephony.full_house.announcer._WITHIN", 2.0)
    announcer = Announcer(settings.load("gpu").tts)
    assert await announcer.say("Hello.", "en") is None
    await announcer.aclose()
    assert "hear music alone" in caplog.text

"""The agent's own conduct in a real room."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from livekit.agents import vad
from livekit.plugins.turn_taking.conduct.backchannel import TRACK
from livekit.plugins.turn_taking.conduct.participants import NAMES

from agent.settings import ConductSettings
from agent.stack import Server
from harness.caller import join
from harness.detectors import watch_opened
from harness.recording import SAMPLE_RATE, Samples
from harness.scripted import Stt

from .conftest import recorded
from .instant import LETTERS_PER_SECOND, Host, hosting, room_for, until_last

pytestmark = [pytest.mark.room, pytest.mark.asyncio(loop_scope="session")]


def speech(begin: float, end: float) -> Samples:
    """Part of a recorded speech, in seconds."""
    return recorded("jfk.wav")[int(begin * SAMPLE_RATE) : int(end * SAMPLE_RATE)]


# "And so, my fellow Americans" and "what your country can do for you": each without a pause.
ANNAS, BENS = speech(0.25, 2.1), speech(5.2, 7.55)


TEA = "Excuse me, your tea is ready."


async def until(host: Host, words: list[str]) -> None:
    for _ in range(300):
        if host.words == words:
            return
        await asyncio.sleep(0.05)
    assert host.words == words


async def test_it_hands_over_to_another_who_speaks_and_knows_who_said_what(livekit: Server) -> None:
    answers = ("Hello, Anna.", "Hello, Ben.", "Ben asked about his country.")
    hears = ("I am Anna.", "And I am Ben.", "Who spoke about a country?")
    async with (
        room_for(livekit) as name,
        join(livekit, name, identity="anna") as anna,
        hosting(livekit, name, *answers, hears=hears) as host,
        join(livekit, name, identity="ben") as ben,
    ):
        await anna.until("listening")
        for caller, sound, n in ((anna, ANNAS, 0), (ben, BENS, 1), (anna, ANNAS, 2)):
            await caller.say(sound)
            await until(host, [*host.words[: 2 * n], f"> {hears[n]}", answers[n]])
            await anna.until("listening")
            await asyncio.sleep(0.5)
        captions = [(c.identity, c.text) for c in ben.captions.values() if c.final]
    users = [m for m in host.session.history.messages() if m.role == "user"]
    assert [m.extra["speaker"] for m in users] == ["Guest 1", "Guest 2", "Guest 1"]
    asked = [m.text_content for m in host.llm.asked[-1].messages() if m.role == "user"]
    assert asked == [f"[Guest {who}] {words}" for who, words in zip((1, 2, 1), hears, strict=True)]
    (told,) = [m.text_content for m in host.llm.asked[-1].messages() if m.role == "system"]
    assert told is not None
    assert told.endswith(NAMES)
    # Everybody's captions are under their own name.
    for caption in zip(("anna", "ben", "anna"), hears, strict=True):
        assert caption in captions
    # The one who was turned to is heard from the first sound: as long as without a hand-over.
    assert host.stt.lasted[2] > host.stt.lasted[0] - 0.2


async def test_each_person_is_detected_once_with_the_profiles_threshold(
    livekit: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    running: list[float] = []

    def opened(threshold: float, stream: vad.VADStream) -> None:
        running.append(threshold)
        stream._task.add_done_callback(lambda _: running.remove(threshold))

    async def detectors(count: int) -> list[float]:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(30):
                while len(running) != count:
                    await asyncio.sleep(0.05)
        return list(running)

    watch_opened(monkeypatch, opened)
    monkeypatch.setenv("PARLEY_TURNS__VAD_THRESHOLD", "0.6")
    hears = ("I am Anna.", "And I am Ben.")
    async with (
        room_for(livekit) as name,
        join(livekit, name, identity="anna") as anna,
        hosting(livekit, name, "Hello, Anna.", "Hello, Ben.", hears=hears) as host,
    ):
        await anna.until("listening")
        assert await detectors(1) == [0.6]
        async with join(livekit, name, identity="ben") as ben:
            await ben.until("listening")
            assert await detectors(2) == [0.6, 0.6]
            await anna.say(ANNAS)
            await until_last(host, "Hello, Anna.")
            assert await detectors(2) == [0.6, 0.6]
            await anna.until("listening")
            await ben.say(BENS)  # who is listened to in her place
            await until_last(host, "Hello, Ben.")
            assert await detectors(2) == [0.6, 0.6]
        assert await detectors(1) == [0.6]
    assert await detectors(0) == []


async def test_who_comes_in_on_a_turn_is_answered_with_the_other(
    livekit: Server,
) -> None:
    hears = ("We would like", "two cups of tea.")
    async with (
        room_for(livekit) as name,
        join(livekit, name, identity="anna") as anna,
        hosting(livekit, name, "", "Two cups.", hears=hears, end_of_turn=2.5) as host,
        join(livekit, name, identity="ben") as ben,
    ):
        await anna.until("listening")
        await anna.say(ANNAS)
        await asyncio.sleep(0.5)
        await ben.say(BENS)
        await until(host, [f"> {hears[0]}", f"> {hears[1]}", "Two cups."])
    users = [m for m in host.session.history.messages() if m.role == "user"]
    assert [m.extra["speaker"] for m in users] == ["Guest 1", "Guest 2"]


async def test_whoever_is_left_is_listened_to_and_the_last_one_ends_it(livekit: Server) -> None:
    async with (
        room_for(livekit) as name,
        join(livekit, name, identity="ben") as ben,
        join(livekit, name, identity="anna") as anna,
        hosting(livekit, name, "Hello, you.", hears=("I am still here.",)) as host,
    ):
        closed = asyncio.Event()
        host.session.on("close", lambda _: closed.set())
        await ben.until("listening")
        await anna.until("listening")
        await asyncio.sleep(0.5)  # the agent's tracks are still arriving
        first = host.session.room_io.linked_participant
        assert first
        stays, goes = (ben, anna) if first.identity == "anna" else (anna, ben)
        await goes.room.disconnect()
        await asyncio.sleep(0.5)
        await stays.say(ANNAS)
        await until(host, ["> I am still here.", "Hello, you."])
        assert not closed.is_set()
        await stays.room.disconnect()
        async with asyncio.timeout(10):
            await closed.wait()


async def test_anybody_may_type(livekit: Server) -> None:
    async with (
        room_for(livekit) as name,
        join(livekit, name, identity="anna") as anna,
        hosting(livekit, name, "Hello, Anna.", "Hello, Ben.") as host,
        join(livekit, name, identity="ben") as ben,
    ):
        await anna.until("listening")
        await anna.type("I am Anna.")
        await until(host, ["> I am Anna.", "Hello, Anna."])
        await ben.until("listening")
        await ben.type("I am Ben.")
        await until(host, [*host.words[:2], "> I am Ben.", "Hello, Ben."])
        await ben.until("listening")
    users = [m for m in host.session.history.messages() if m.role == "user"]
    assert [m.extra["speaker"] for m in users] == ["Guest 1", "Guest 2"]


async def test_an_answer_into_the_last_words_of_a_question_is_answered(livekit: Server) -> None:
    question = "Shall I book the table for seven then?"
    stt = Stt()
    async with (
        room_for(livekit) as name,
        join(livekit, name, identity="anna") as anna,
        hosting(livekit, name, "It is booked.", stt=stt) as host,
    ):
        await anna.until("listening")
        asked = host.session.say(question)
        # By what was played, for the voice of a busy machine has pauses.
        while host.loudspeaker.position < len(question) / LETTERS_PER_SECOND - 0.8:
            await anna.tick()
        await anna.say(speech(0.25, 0.6))
        stt.hears("Yes.")
        await until(host, [question, "> Yes.", "It is booked."])
    assert not asked.interrupted


async def test_it_breaks_in_at_the_next_pause_and_answers_what_it_cut(livekit: Server) -> None:
    async with (
        room_for(livekit) as name,
        join(livekit, name, identity="anna") as anna,
        hosting(livekit, name, "Go on.", hears=("My fellow Americans,",), end_of_turn=1.5) as host,
    ):
        await anna.until("listening")
        began = anna.now
        saying = asyncio.create_task(anna.say(ANNAS))
        while host.session.user_state != "speaking":
            await asyncio.sleep(0.02)
        said = await host.session.userdata.interject(TEA)
        spoke = anna.heard.first_sound(began)
        assert said
        assert spoke is not None
        assert spoke > await saying  # not before the user paused
        # The interjection began before the turn was taken down.
        await until(host, [TEA, "> My fellow Americans,", "Go on."])


async def test_it_murmurs_at_a_pause_and_nothing_else_happens(livekit: Server) -> None:
    conduct = ConductSettings(backchannel_after=1.0)
    async with (
        room_for(livekit) as name,
        join(livekit, name, identity="anna") as anna,
        hosting(
            livekit, name, "I see.", hears=("My fellow Americans, ask not",),
            conduct=conduct, end_of_turn=6.0,
        ) as host,
    ):  # fmt: skip
        await anna.until("listening")
        async with asyncio.timeout(30):
            while not any(
                p.name == TRACK
                for p in anna.agent.track_publications.values()  # type: ignore[union-attr]
            ):
                await anna.tick()
        began = anna.now
        await anna.say(ANNAS)
        async with asyncio.timeout(5):  # the turn is hers for longer
            while anna.backchannels.first_sound(began) is None:
                await anna.tick()
        assert host.session.agent_state == "listening"
        await anna.say(BENS)
        # One turn, one answer, and neither of them knows of the backchannel.
        await until(host, ["> My fellow Americans, ask not", "I see."])
        agent = [c.text for c in anna.captions.values() if c.identity == "host"]
        assert agent == ["I see."]


async def test_a_long_answer_is_taken_up_where_it_was_cut(livekit: Server) -> None:
    outline = "Tea is made in two steps."
    first = "First you boil the water in a kettle. That takes about three minutes on a stove."
    second = "Then you pour it over the leaves."
    hears = ("How is tea made?", "Wait, please.", "Go on.")
    answers = (f"{outline}\n\n{first}\n\n{second}", "Sure.")
    async with (
        room_for(livekit) as name,
        join(livekit, name, identity="anna") as anna,
        hosting(livekit, name, *answers, hears=hears) as host,
    ):
        await anna.until("listening")
        await anna.say(ANNAS)
        await until(host, [f"> {hears[0]}", outline])
        await anna.until("speaking")
        while not (said := anna.transcript("host")).endswith("That takes"):
            assert second not in said
            await anna.tick()
        await anna.say(ANNAS)
        await until_last(host, "Sure.")
        cut = host.words[2]
        await anna.until("listening")
        await anna.say(ANNAS)
        await until_last(host, second)
    assert first.startswith(cut)
    assert host.words == [
        *(f"> {hears[0]}", outline, cut),
        *(f"> {hears[1]}", "Sure."),
        *(f"> {hears[2]}", "That takes about three minutes on a stove.", second),
    ]
    # "Go on" was answered by the plan, not by the model.
    assert hears[2] not in [m.text_content for ctx in host.llm.asked for m in ctx.messages()]

"""What a job writes of its call, and what it does when its server dies."""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from livekit import rtc
from livekit.agents import Agent, AgentSession
from livekit.plugins.turn_taking import Floor

from agent import settings
from agent.assistant import Assistant
from agent.conduct import Conduct
from agent.definition.loading import load_agent
from agent.languages import Phrase
from agent.prerecorded import Prerecorded
from agent.recovery import CallBook, CallRecord, Continuation
from agent.recovery.sqlite_store import SqliteStore
from harness.scripted import Llm, Tts
from harness.stage import Loudspeaker
from harness.virtual_time import in_virtual_time

from .test_continuation import said


class Room(rtc.EventEmitter[Any]):
    """Can be left."""

    def __init__(self) -> None:
        super().__init__()
        self.left = asyncio.Event()
        self.connection_state = rtc.ConnectionState.CONN_CONNECTED

    async def disconnect(self) -> None:
        self.left.set()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "calls.sqlite3"


@pytest.fixture
async def book(path: Path) -> AsyncIterator[CallBook]:
    """The book as the servers see it."""
    made = CallBook(SqliteStore(path))
    yield made
    await made.aclose()


@pytest.fixture
async def job(path: Path, book: CallBook) -> AsyncIterator[Callable[[str], Any]]:
    """Makes the record of a job that was taken by a server."""
    made: list[CallRecord] = []

    async def make(agent: str) -> tuple[CallRecord, Room]:
        await book.beat("server", True)
        assert await book.hold("room", agent, "server", "")
        room = Room()
        record = CallRecord(CallBook(SqliteStore(path)), cast(rtc.Room, room), "room", agent)
        record.start()
        made.append(record)
        return record, room

    yield make
    for record in made:
        await record.aclose()


async def until(book: CallBook, state: str) -> None:
    async with asyncio.timeout(5):
        while True:
            _, calls = await book.read()
            if calls["room"].state == state:
                return
            await asyncio.sleep(0.01)


async def hold_a_conversation(record: CallRecord, agent: Agent, *answers: str, asked: str) -> str:
    """Ask something, and return what the agent has said and was asked, the user's after a ``>``."""
    async with AgentSession[None](llm=Llm(*answers), vad=None) as session:
        Conduct(settings.load("gpu").conduct, session, language="en")
        record.follow(session)
        await session.start(agent)
        await session.run(user_input=asked)
    return " ".join(
        ("> " if m.role == "user" else "") + (m.text_content or "")
        for m in session.history.messages()
        if m.role != "system"
    )


async def test_another_job_knows_what_was_said_in_this_one(job: Any, book: CallBook) -> None:
    first, _ = await job("first")
    assert await first.begin("anna") is None
    agent = Agent(instructions="You are Parley.")
    await hold_a_conversation(first, agent, "Hello Anna.", asked="I am Anna.")
    await asyncio.sleep(0.1)
    await first.lose()
    second, _ = await job("second")
    before = await second.begin("anna")
    assert [(m.role, m.text_content) for m in before.said.messages()] == [
        ("user", "I am Anna."),
        ("assistant", "Hello Anna."),
    ]
    # And the one after that knows both.
    await hold_a_conversation(second, agent, "You are Anna.", asked="Who am I?")
    await asyncio.sleep(0.1)
    await second.lose()
    third, _ = await job("third")
    before = await third.begin("anna")
    assert [m.text_content for m in before.said.messages()] == [
        "I am Anna.",
        "Hello Anna.",
        "Who am I?",
        "You are Anna.",
    ]
    # What comes after the call is told of all of it.
    assert [m.text_content for m in second.said.messages() if m.role != "system"] == [
        m.text_content for m in before.said.messages()
    ]


async def test_a_call_that_ends_is_over_and_its_words_are_gone(job: Any, book: CallBook) -> None:
    first, _ = await job("first")
    await first.begin("anna")
    await hold_a_conversation(first, Agent(instructions=""), "Hello Anna.", asked="I am Anna.")
    await first.aclose()
    await until(book, "over")
    second, _ = await job("second")
    assert await second.begin("anna") is None


async def test_a_call_that_was_handed_over_gets_no_agent(job: Any, book: CallBook) -> None:
    record, _ = await job("first")
    await record.begin("anna")
    await record.hand()
    await until(book, "handed")
    await record.lose()
    await asyncio.sleep(0.1)
    await until(book, "handed")
    await record.aclose()
    await until(book, "over")


@pytest.mark.parametrize(
    ("reason", "state"),
    [
        (rtc.DisconnectReason.CONNECTION_TIMEOUT, "lost"),
        (rtc.DisconnectReason.STATE_MISMATCH, "lost"),
        (rtc.DisconnectReason.UNKNOWN_REASON, "lost"),
        (rtc.DisconnectReason.PARTICIPANT_REMOVED, "handed"),
        (rtc.DisconnectReason.ROOM_DELETED, "over"),
        (rtc.DisconnectReason.CLIENT_INITIATED, "over"),
    ],
)
async def test_a_job_ends_its_call_only_if_the_call_has_ended(
    job: Any, book: CallBook, reason: rtc.DisconnectReason.ValueType, state: str
) -> None:
    record, room = await job("first")
    await record.begin("anna")
    room.emit("disconnected", reason)
    await record.release()
    await until(book, state)
    assert await record.is_taken() == (state == "lost")
    assert await record.is_ours() == (state == "over")


async def test_a_job_that_wakes_finds_its_call_with_another(job: Any, book: CallBook) -> None:
    first, _ = await job("first")
    await first.begin("anna")
    assert await first.is_ours()
    await book.lose("room", "first")  # it sleeps
    assert not await first.is_ours()
    assert await book.call("room")
    assert not await first.is_ours()
    second, _ = await job("second")
    await second.begin("anna")
    assert not await first.is_ours()
    assert await second.is_ours()
    await second.release()
    assert await second.is_ours()  # its room is its own to close


async def test_a_job_that_is_ended_while_it_tries_to_come_back_has_lost_its_call(
    job: Any, book: CallBook
) -> None:
    record, room = await job("first")
    await record.begin("anna")
    room.connection_state = rtc.ConnectionState.CONN_RECONNECTING
    await record.release()
    await until(book, "lost")
    assert await record.is_taken()


async def test_a_job_whose_server_dies_leaves_and_has_another_called(
    job: Any, book: CallBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    sentinel, alive = os.pipe()
    monkeypatch.setattr(
        multiprocessing, "parent_process", lambda: SimpleNamespace(sentinel=sentinel)
    )
    _, room = await job("first")
    await asyncio.sleep(0.1)
    assert not room.left.is_set()
    os.close(alive)
    await asyncio.wait_for(room.left.wait(), 1)
    await until(book, "lost")
    at, _ = await book.read()
    assert not at.serves("server")
    os.close(sentinel)


async def test_a_job_that_livekit_cancels_first_says_so_all_the_same(
    job: Any, book: CallBook
) -> None:
    record, room = await job("first")
    await asyncio.sleep(0.1)
    record._task.cancel()
    await asyncio.wait_for(room.left.wait(), 1)
    await until(book, "lost")


async def test_a_store_that_fails_is_told_once_and_ends_no_call(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("in the way")
    book = CallBook(SqliteStore(tmp_path / "file" / "calls.sqlite3"))
    record = CallRecord(book, cast(rtc.Room, Room()), "room", "first")
    with caplog.at_level(logging.ERROR):
        record.start()
        assert await record.begin("anna") is None
        await hold_a_conversation(record, Agent(instructions=""), "Hello.", asked="Hello?")
        await record.aclose()
    assert caplog.messages == ["the call is not kept"]


@pytest.mark.parametrize(
    ("messages", "apology", "spoken", "asked"),
    [
        (["> Who are you?", "I'm Parley."], "go_on", [], []),
        (
            ["Hello!", "> Who are you?"],
            "cut_off",
            ["I'm Parley."],
            ["Hello!", "Who are you?"],
        ),
    ],
    ids=["it is the user's turn", "a question was left"],
)
@in_virtual_time
async def test_an_agent_that_goes_on_apologises_and_answers_what_was_left(
    messages: list[str],
    apology: Phrase,
    spoken: list[str],
    asked: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PARLEY_CACHE", str(tmp_path))  # where no voice has made prompts before
    profile = settings.load("gpu")
    prerecorded = Prerecorded(profile.tts)
    await prerecorded.load()
    model, voice = Llm("I'm Parley."), Tts()
    heard = bytearray()

    class Ear(Loudspeaker):
        async def capture_frame(self, frame: rtc.AudioFrame) -> None:
            heard.extend(frame.data.cast("b"))
            await super().capture_frame(frame)

    async with AgentSession[None](llm=model, tts=voice, vad=None) as session:
        session.output.audio = Ear(voice)
        Conduct(profile.conduct, session, language="en")
        floor = Floor(None, profile.turns.options)
        before = Continuation(said(*messages))
        parley = load_agent("parley")
        await session.start(Assistant(parley, profile, "en", floor, None, before))
        await asyncio.sleep(20)
    # The voice, which would take its time, is not asked for the apology.
    assert heard.startswith(bytes(prerecorded.sound(apology, "en").data))
    assert voice.said == spoken
    requests = [
        [m.text_content for m in ctx.messages() if m.role != "system"] for ctx in model.asked
    ]
    assert requests == ([asked] if asked else [])

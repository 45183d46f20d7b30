"""What a request took, and what of it a conversation keeps."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from types import SimpleNamespace
from typing import Any, cast

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from livekit.agents import llm
from livekit.plugins import qwen3_tts
from starlette.requests import Request

from agent import settings
from agent.bridge.conversations import (
    KEPT,
    KEPT_FOR,
    Conversation,
    Conversations,
    write_reply,
)
from agent.bridge.door import Door
from agent.bridge.exchange import Event, Exchange, Said
from agent.bridge.record import Record
from agent.bridge.requests import Refused
from agent.knowledge import Passage
from harness.scripted import Llm


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_times_are_those_of_the_first_occurrence() -> None:
    clock = Clock()
    record = Record("chat", warm=False, clock=clock)
    clock.now = 0.25
    record.mark("t_first_audio_out")
    clock.now = 1.0
    record.mark("t_first_audio_out")
    assert record.server_timing == "t_req_in;dur=0.0, t_first_audio_out;dur=250.0"
    assert record.since("t_first_audio_out") == 0.75


@pytest.mark.parametrize(
    ("units", "punct", "length", "end"),
    [
        ([], 0, 0, 0),
        (["好的，", "今天天气不错。"], 2, 0, 0),
        (["Rain falls in ", 'the sky, "really."'], 1, 1, 0),
        (["Sure, ", "here we go"], 1, 0, 1),
    ],
)
def test_how_units_were_cut_is_told_by_how_they_end(
    units: list[str], punct: int, length: int, end: int
) -> None:
    record = Record("speech", warm=True)
    for unit in units:
        record.unit(unit)
    counts = record.as_dict()["statistics"]
    assert (counts["flush_punct"], counts["flush_len"], counts["flush_end"]) == (punct, length, end)
    assert counts["chunks"] == len(units)


async def test_exchanges_at_once_count_each_its_own_units() -> None:
    async def speech(_: web.Request) -> web.Response:
        return web.Response(body=bytes(range(1, 101)) * 240, content_type="audio/pcm")

    async def said(text: str) -> AsyncGenerator[Event, None]:
        yield Said(text)

    app = web.Application()
    app.router.add_post("/v1/audio/speech", speech)
    async with TestServer(app) as server, aiohttp.ClientSession() as http:
        tts = qwen3_tts.TTS(base_url=str(server.make_url("/v1")), http_session=http)
        texts = ["One, two. Three and four.", "你好，我是小助手。今天天气很好！"]
        exchanges = [Exchange(tts, said(text), Record("speech", warm=True)) for text in texts]
        for exchange in exchanges:
            async for _ in exchange.events:
                pass
        for exchange, text in zip(exchanges, texts, strict=True):
            assert exchange.record.outcome == "done"
            assert "".join(exchange.record.units).replace(" ", "") == text.replace(" ", "")
            assert len(exchange.record.units) > 1
        # An exchange that never began leaves no listener behind either.
        unstarted = Exchange(tts, said("Five."), Record("speech", warm=True))
        await unstarted.stop()
        await unstarted.stop()
        assert not tts._events["unit_sent"]
        async with asyncio.timeout(5):
            assert [event async for event in unstarted.events] == []
        assert unstarted.record.outcome == "stopped"
        assert unstarted._speech._task.done()
        await tts.aclose()


class Spoken:
    """An exchange whose words end each second."""

    def __init__(self, words: list[str]) -> None:
        self.record = Record("chat", warm=True)
        self._words = words

    def said(self, played: float | None = None) -> str:
        return "".join(w for i, w in enumerate(self._words) if i + 1 <= (played or 0.0))

    async def stop(self) -> None:
        self.record.outcome = "stopped"


def conversation(words: list[str]) -> tuple[Conversation, Spoken]:
    found = Conversation(llm.ChatContext(), 0.0)
    found.ask("How?")
    spoken = Spoken(words)
    found.exchange = cast(Exchange, spoken)
    return found, spoken


def history(found: Conversation) -> list[tuple[str, str | None, bool]]:
    return [(m.role, m.text_content, m.interrupted) for m in found.context.messages()]


async def test_a_stopped_reply_leaves_what_was_heard() -> None:
    found, spoken = conversation(["Like ", "this ", "and that."])
    assert await found.stop(2.5) == "Like this "
    assert spoken.record.outcome == "stopped"
    assert history(found) == [("user", "How?", False), ("assistant", "Like this ", True)]
    assert await found.stop(9.0) is None


async def test_a_reply_made_whole_is_cut_to_what_was_played() -> None:
    found, spoken = conversation(["Like ", "this."])
    spoken.record.outcome = "done"
    found.finished()
    assert history(found)[-1] == ("assistant", "Like this.", False)
    assert await found.stop(1.0) == "Like "
    assert history(found)[-1] == ("assistant", "Like ", True)
    assert len(history(found)) == 2


async def test_nothing_heard_leaves_nothing() -> None:
    found, _ = conversation(["Like ", "this."])
    assert await found.stop(0.0) == ""
    assert history(found) == [("user", "How?", False)]


def test_old_conversations_are_forgotten() -> None:
    clock = Clock()
    known = Conversations(clock)
    known.enter("a", "Be kind.")
    clock.now = KEPT_FOR
    known.enter("b", "Be kind.")
    assert known.find("a") is None
    for i in range(KEPT):
        known.enter(str(i), "Be kind.")
    assert known.find("b") is None
    assert known.find("0") is not None


async def test_a_key_is_asked_for_where_one_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARLEY_BRIDGE__API_KEY", "hush")
    monkeypatch.setenv("PARLEY_BRIDGE__PER_MINUTE", "1")
    door = Door(settings.load("cpu").bridge)

    def request(key: str) -> Request:
        headers = [(b"authorization", f"Bearer {key}".encode())]
        return Request({"type": "http", "headers": headers, "client": ("192.0.2.1", 5)})

    with pytest.raises(Refused, match="key"):
        await door.check_key(request("wrong"))
    await door.check_key(request("hush"))
    await door.check_rate(request("hush"))
    with pytest.raises(Refused) as refused:
        await door.check_rate(request("hush"))
    assert refused.value.status == 429


class Shelf:
    """Documents that say one thing."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def search(self, query: str, limit: int) -> list[Passage]:
        self.asked.append(query)
        return [Passage("We open at nine.", "hours.md", 2.0)]


async def test_what_the_documents_say_stands_beside_the_question_and_not_in_the_history() -> None:
    model, shelf = Llm("At nine.", "Yes."), Shelf()
    engines = cast(Any, SimpleNamespace(llm=model))
    conversation = Conversations().enter("one", "You are the receptionist.")
    for question in ("When do you open?", "Also on Sundays at the same time?"):
        answer = write_reply(engines, conversation, question, recorded=False, documents=shelf)
        said = [event.text async for event in answer if isinstance(event, Said)]
        conversation.context.add_message(role="assistant", content="".join(said))
    assert shelf.asked == ["When do you open?", "Also on Sundays at the same time?"]
    shown = [asked.messages()[-1].text_content or "" for asked in model.asked]
    assert all("We open at nine." in text for text in shown)
    assert shown[0].endswith("When do you open?")
    assert [message.text_content for message in conversation.context.messages()] == [
        "You are the receptionist.",
        "When do you open?",
        "At nine.",
        "Also on Sundays at the same time?",
        "Yes.",
    ]


async def test_an_agent_without_documents_is_asked_as_it_was_said() -> None:
    model = Llm("At nine.")
    conversation = Conversations().enter("one", "You are the receptionist.")
    engines = cast(Any, SimpleNamespace(llm=model))
    answer = write_reply(engines, conversation, "When do you open?", recorded=False)
    assert [event async for event in answer] == [Said("At "), Said("nine.")]
    assert model.asked[0].messages()[-1].text_content == "When do you open?"

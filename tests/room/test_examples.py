"""Agents that come with Parley, by voice in a real room: a scenario each, with instant engines."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from livekit.agents import llm
from livekit.agents.llm import FunctionToolCall

from agent.definition.loading import PACKAGED, load_agent
from agent.stack import Server
from harness.caller import Caller, join
from harness.recording import SAMPLE_RATE, Samples
from harness.scripted import Llm, Tts

from .conftest import recorded
from .instant import hosting, room_for

pytestmark = [pytest.mark.room, pytest.mark.asyncio(loop_scope="session")]

LETTERS_PER_SECOND = 30
"""A fast voice: what it says is long, and how it sounds does not matter here."""


class Lines(Llm):
    """Says the line that is due, however often it is asked for it.

    Each turn of the caller's is answered by one, and each result of a tool.
    """

    def answer(self, chat_ctx: llm.ChatContext) -> str | FunctionToolCall:
        turns = sum(message.role == "user" for message in chat_ctx.messages())
        results = sum(item.type == "function_call_output" for item in chat_ctx.items)
        return self.answers[turns + results - 1]


def scenario(agent: str, name: str) -> tuple[list[str], Lines]:
    """What the caller says, and what the model does."""
    path = PACKAGED / agent / "scenarios" / f"{name}.yaml"
    content: dict[str, Any] = yaml.safe_load(path.read_text("utf-8"))
    lines = [
        line
        if isinstance(line, str)
        else FunctionToolCall(
            name=line["tool"], arguments=json.dumps(line["arguments"]), call_id=f"call-{number}"
        )
        for number, line in enumerate(content["agent"]["lines"])
    ]
    return content["caller"]["lines"], Lines(*lines)


def speech(begin: float, end: float) -> Samples:
    return recorded("jfk.wav")[int(begin * SAMPLE_RATE) : int(end * SAMPLE_RATE)]


def silence(seconds: float) -> Samples:
    return np.zeros(int(seconds * SAMPLE_RATE), np.int16)


# "And so, my fellow Americans", which sounds as if it went on, and "what your country can do for
# you", which does not.
UNFINISHED, FINISHED = speech(0.25, 2.1), speech(5.2, 7.55)


async def turn(caller: Caller, sound: Samples) -> None:
    """Say something once the agent has done, and hear the answer."""
    await caller.until("listening")
    await caller.answer(after=await caller.say(sound))


async def test_a_name_is_spelled_and_a_no_books_nothing(
    livekit: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    diary = tmp_path / "diary"
    monkeypatch.setenv("CLINIC_DIARY", str(diary))
    hears, model = scenario("clinic", "refusal")
    voice = Tts(LETTERS_PER_SECOND)
    async with (
        room_for(livekit) as name,
        join(livekit, name) as caller,
        hosting(
            livekit, name, hears=(*hears,), agent=load_agent("clinic"), model=model, tts=voice
        ) as host,
    ):
        await caller.answer(after=0.0)
        for _ in hears:
            await turn(caller, FINISHED)
        said = " ".join(voice.said)
        results = [i.output for i in host.session.history.items if i.type == "function_call_output"]
    assert said.index("W-H-I-T-E") < said.index("W-H-Y-T-E") < said.index("You are booked")
    assert "telephone 020 7946 0021" in said
    assert results[1] == "The user does not want that."
    with closing(sqlite3.connect(diary)) as file:
        assert file.execute("SELECT owner FROM diary").fetchall() == [("tom whyte 02079460021",)]


async def test_who_thinks_is_not_cut_off_and_what_they_talk_over_is_asked_again(
    livekit: Server,
) -> None:
    (first, second, third), model = scenario("interviewer", "thinking")
    hears = (first, second, "Along the canal, I mean.", third)
    model.answers.insert(2, "The canal.")
    voice = Tts(LETTERS_PER_SECOND)
    async with (
        room_for(livekit) as name,
        join(livekit, name) as caller,
        hosting(
            livekit, name, hears=hears, agent=load_agent("interviewer"), model=model, tts=voice
        ) as host,
    ):
        await caller.answer(after=0.0)
        # Two seconds and a half in the middle of an answer: it is one answer all the same.
        await turn(caller, np.concatenate([UNFINISHED, silence(2.5), FINISHED]))
        assert host.words[1:] == [
            f"> {first}",
            "From printing to paper that is kept. How do you get to work, and why that way?",
        ]
        await caller.until("listening")
        await caller.say(FINISHED)
        await caller.until("speaking")
        await caller.answer(after=await caller.say(FINISHED))
        await turn(caller, FINISHED)
        words = host.words
    assert "Tell me about the last" not in words[4]
    assert words[5:7] == [
        "> Along the canal, I mean.",
        "The canal. Tell me about the last time that something went wrong on the way.",
    ]
    assert words[-1] == (
        "A long way round. If you could change one thing about that journey, what would it be?"
    )

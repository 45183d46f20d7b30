"""The record of a real session of LiveKit's."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from livekit.agents import Agent, AgentSession, function_tool
from livekit.agents.llm import (
    ChatContext,
    ChatItem,
    ChatMessage,
    FunctionCall,
    FunctionCallOutput,
    FunctionToolCall,
)
from livekit.agents.testing import fake_job_context
from livekit.agents.voice.report import SessionReport

from agent.post_call import About, Outbox, call_record, hand_over
from agent.post_call_settings import PostCallSettings
from agent.recovery import continuation
from agent.transcript import transcript
from harness.scripted import Llm


@function_tool
async def book(room: int) -> str:
    """Book a room."""
    return f"Room {room} is booked."


async def report() -> SessionReport:
    """Of a call in which a tool was called."""
    model = Llm(
        FunctionToolCall(name="book", arguments='{"room": 7}', call_id="1"), "Room seven it is."
    )
    with fake_job_context(job_id="AJ_1") as job:
        session = AgentSession[None](llm=model, vad=None)
        await session.start(Agent(instructions="A secret prompt.", tools=[book]), record=False)
        await session.run(user_input="A room, please.")
        await session.aclose()
        return job.make_session_report(session)


async def test_a_record_tells_what_was_said_and_done_and_when() -> None:
    before = time.time()
    made = call_record(
        await report(),
        About(agent="clerk", channel="phone", language="en", number="+12025550143"),
    )
    assert [(said["who"], said["text"]) for said in made["transcript"]] == [
        ("caller", "A room, please."),
        ("agent", "Room seven it is."),
    ]
    (tool,) = made["tools"]
    assert (tool["name"], tool["arguments"], tool["failed"]) == ("book", {"room": 7}, False)
    assert tool["output"] == "Room 7 is booked."
    times = [made["transcript"][0]["at"], tool["at"], made["transcript"][1]["at"], made["seconds"]]
    assert times == sorted(times)
    assert 0.0 <= times[0] < times[-1] < time.time() - before + 0.1
    assert made["id"] == "call_AJ_1"
    assert made["caller"] == {"number": "+12025550143", "visitor": None}
    assert made["end"] == "CR_USER_INITIATED"
    assert made["errors"] == {"llm": 0, "stt": 0, "tts": 0, "realtime": 0, "interruption": 0}
    assert (made["agent"], made["channel"], made["direction"]) == ("clerk", "phone", "inbound")
    assert made["started_at"] < made["ended_at"]
    assert made["ended_at"].endswith("Z")


async def test_a_call_that_an_agent_has_taken_over_has_a_record_of_all_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PARLEY_STATE", str(tmp_path))
    began = time.time() - 60.0
    dead: list[ChatItem] = [
        ChatMessage(role="user", content=["Book room seven."], created_at=began),
        FunctionCall(call_id="0", name="book", arguments='{"room": 7}', created_at=began + 2.0),
        FunctionCallOutput(
            call_id="0", name="book", output="Booked.", is_error=False, created_at=began + 3.0
        ),
    ]
    before = continuation.read(continuation.written(dead))
    assert before
    with fake_job_context(job_id="AJ_1") as job:
        session = AgentSession[None](llm=Llm("You are welcome."), vad=None)
        await session.start(Agent(instructions=""), record=False)
        await session.run(user_input="Thank you.")
        await session.aclose()
        job._primary_agent_session = session
        said = ChatContext([*before.said.items, *session.history.items])
        settings = PostCallSettings(folder=tmp_path / "calls")
        await hand_over(job, settings, About(), said, "clerk")
    outbox = Outbox()
    record = (await outbox.waiting())[0].record
    await outbox.aclose()
    told = [(round(said["at"]), said["text"]) for said in record["transcript"]]
    assert told == [(0, "Book room seven."), (60, "Thank you."), (60, "You are welcome.")]
    (tool,) = record["tools"]
    assert (tool["at"], tool["name"], tool["output"]) == (2.0, "book", "Booked.")
    assert record["seconds"] == pytest.approx(60.0, abs=5.0)


async def test_the_prompt_is_not_in_the_record() -> None:
    assert "secret prompt" not in json.dumps(call_record(await report(), About()))


async def test_of_a_reply_that_was_cut_off_there_is_what_was_heard() -> None:
    made = await report()
    made.chat_history = ChatContext(
        [
            ChatMessage(role="assistant", content=["There are"], interrupted=True),
            ChatMessage(role="user", content=["  "]),
            ChatMessage(
                role="user",
                content=["Stop."],
                metrics={"started_speaking_at": made.timestamp - 0.5},
            ),
            FunctionCall(call_id="2", name="book", arguments="no JSON"),
        ]
    )
    record = call_record(made, About())
    assert [said["text"] for said in record["transcript"]] == ["There are", "Stop."]
    assert record["transcript"][0]["interrupted"]
    (tool,) = record["tools"]
    assert (tool["arguments"], tool["output"], tool["failed"]) == ("no JSON", None, None)


def test_spoken_words_have_the_time_at_which_they_began() -> None:
    spoken = ChatMessage(role="user", content=["Hi."], metrics={"started_speaking_at": 12.3456})
    (said,) = transcript(ChatContext([spoken]))
    assert said.record() == {"at": 12.346, "who": "caller", "text": "Hi.", "interrupted": False}
    assert said.line == "caller: Hi."

"""One record a turn, of what the session, the turn-taking and the engines tell."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from livekit import rtc
from livekit.agents import APIError, ConversationItemAddedEvent, UserInputTranscribedEvent
from livekit.agents.llm import ChatMessage
from livekit.agents.metrics import LLMMetrics
from livekit.agents.metrics.base import Metadata
from livekit.agents.voice.io import PlaybackStartedEvent
from livekit.plugins import qwen3_tts, vllm
from livekit.plugins.turn_taking import FALSE_STOP, Clause, Judged, Pause, TurnEnd

from agent.telemetry import (
    Answerer,
    Fallback,
    Fault,
    FirstWords,
    Overlap,
    Record,
    Turn,
    TurnRecorder,
)


class Emitter(rtc.EventEmitter[Any]):
    """Tells what a test says."""


class World:
    """A conversation in which everything happens when the test says so."""

    def __init__(self) -> None:
        self.now = 100.0
        self.records: list[Record] = []
        self.session, self.floor = Emitter(), Emitter()
        self.stt, self.llm, self.tts = Emitter(), Emitter(), Emitter()
        self.output = Emitter()
        self.session.output = SimpleNamespace(audio=self.output)  # type: ignore[attr-defined]
        self.recorder = TurnRecorder(
            self.session,  # type: ignore[arg-type]
            self.floor,  # type: ignore[arg-type]
            stt=self.stt,  # type: ignore[arg-type]
            llm=self.llm,  # type: ignore[arg-type]
            tts=self.tts,  # type: ignore[arg-type]
            take=[self.records.append],
            language=lambda: "en",
            since=99.0,
            clock=lambda: self.now,
        )
        self.session.emit("agent_state_changed", SimpleNamespace(new_state="listening"))

    @property
    def turns(self) -> list[Turn]:
        return [record for record in self.records if isinstance(record, Turn)]

    def after(self, seconds: float) -> World:
        self.now += seconds
        return self

    def ends(self, silence: float = 0.3) -> None:
        self.floor.emit("turn_ended", TurnEnd(silence, Pause(Clause.FINISHED, 0.9, 2.0, 0.6)))

    def reply(self, stage: str) -> None:
        self.floor.emit("reply", stage)

    def unit(self, index: int = 0) -> None:
        self.tts.emit("unit_sent", SimpleNamespace(index=index))

    def answers(self, engine: str, model: str, **where: Any) -> None:
        given = {"url": "", "choice": 0, "server": 0, "instead_of": None} | where
        plugin = qwen3_tts if engine == "tts" else vllm
        getattr(self, engine).emit("server_answered", plugin.Answered(model=model, **given))

    def fails(self, engine: str, kind: str) -> None:
        plugin = qwen3_tts if engine == "tts" else vllm
        failed = plugin.Failed(
            url="", model="big", choice=0, server=0, kind=kind, error=APIError("secret")
        )
        getattr(self, engine).emit("server_failed", failed)

    def plays(self) -> None:
        self.output.emit("playback_started", PlaybackStartedEvent(created_at=0.0))

    def message(self, role: Any, *, interrupted: bool = False) -> None:
        item = ChatMessage(role=role, content=["words"], interrupted=interrupted)
        self.session.emit("conversation_item_added", ConversationItemAddedEvent(item=item))

    def request(self, name: str = "r", *, cancelled: bool = False) -> None:
        self.llm.emit(
            "metrics_collected",
            LLMMetrics(
                label="",
                request_id=name,
                timestamp=0.0,
                duration=0.5,
                ttft=0.1,
                cancelled=cancelled,
                completion_tokens=5,
                prompt_tokens=50,
                prompt_cached_tokens=40,
                total_tokens=55,
                tokens_per_second=10.0,
                metadata=Metadata(model_name="qwen", model_provider="vllm"),
            ),
        )


@pytest.fixture
def world() -> World:
    return World()


def hold_a_turn(world: World, *, interrupted: bool = False) -> None:
    world.session.emit(
        "user_input_transcribed", UserInputTranscribedEvent(transcript="words", is_final=True)
    )
    world.after(0.1).ends(silence=0.3)
    world.reply("asked")
    world.message("user")
    world.after(0.05).reply("text")
    world.after(0.02).unit()
    world.unit(1)
    world.after(0.1).reply("audio")
    world.request()
    world.after(0.01).plays()
    world.after(2.0).message("assistant", interrupted=interrupted)


def test_a_turn_is_one_record_with_its_stages_and_reasons(world: World) -> None:
    hold_a_turn(world)
    (turn,) = world.turns
    assert turn.moments.stages() == pytest.approx(
        {"end_of_turn": 0.3, "llm": 0.05, "text": 0.02, "tts": 0.1, "playout": 0.01}
    )
    assert turn.waited == pytest.approx(0.48)
    assert turn.moments.since_speech(turn.moments.transcript) == pytest.approx(0.2)
    assert turn.decision is not None
    assert (turn.decision.clause, turn.decision.ending) == ("finished", 0.9)
    assert [(r.id, r.provider, r.cached_tokens) for r in turn.requests] == [("r", "vllm", 40)]
    assert turn.answered
    assert not turn.interrupted
    assert "words" not in str(turn.record())


def test_turns_are_numbered_within_their_conversation(world: World) -> None:
    hold_a_turn(world)
    hold_a_turn(world)
    first, second = [turn.id.rsplit("-", 1) for turn in world.turns]
    assert first[0] == second[0]
    assert (first[1], second[1]) == ("1", "2")


def test_the_time_to_the_first_words_is_told_once(world: World) -> None:
    world.after(0.5).plays()
    hold_a_turn(world)
    told = [record for record in world.records if isinstance(record, FirstWords)]
    assert [record.seconds for record in told] == [pytest.approx(1.5)]


def test_a_reply_begun_before_the_turn_was_certain_counts_from_where_it_was_begun_anew(
    world: World,
) -> None:
    world.reply("asked")
    world.after(0.05).reply("text")
    world.request("dropped", cancelled=True)
    world.after(0.2).reply("asked")
    world.after(0.1).reply("text")
    world.request("kept")
    world.unit()
    world.reply("audio")
    world.ends(silence=0.3)
    world.message("user")
    world.after(0.01).plays()
    world.message("assistant")
    (turn,) = world.turns
    assert [request.id for request in turn.requests] == ["kept"]
    assert turn.moments.since_speech(turn.moments.asked) == pytest.approx(0.2)
    assert turn.moments.stages()["llm"] == 0.0


def test_a_model_that_is_asked_again_after_a_tool_waits_from_the_first_time(world: World) -> None:
    world.ends()
    world.reply("asked")
    world.message("user")
    world.after(0.2).request("call")
    world.session.emit(
        "function_tools_executed",
        SimpleNamespace(function_calls=[SimpleNamespace(name="find_city")]),
    )
    world.reply("asked")
    world.after(0.3).reply("text")
    world.unit()
    world.request("answer")
    world.reply("audio")
    world.plays()
    world.message("assistant")
    (turn,) = world.turns
    assert turn.tools == ["find_city"]
    assert [request.id for request in turn.requests] == ["call", "answer"]
    assert turn.moments.stages()["llm"] == pytest.approx(0.5)


@pytest.mark.parametrize("filler", [False, True])
def test_the_sources_of_an_answer_are_in_its_record(world: World, filler: bool) -> None:
    world.ends()
    world.reply("asked")
    world.message("user")
    if filler:
        world.plays()
    world.recorder.found(["hours.md", "prices.md"])
    world.recorder.found(["hours.md", "people.md"])  # the model has looked twice
    if not filler:
        world.plays()
    world.message("assistant")
    assert world.turns[0].record()["sources"] == ["hours.md", "prices.md", "people.md"]


def test_the_sources_of_a_reply_that_was_thrown_away_are_not(world: World) -> None:
    world.reply("asked")
    world.recorder.found(["hours.md"])
    world.reply("asked")  # they went on: another reply is made
    world.recorder.found(["prices.md"])
    world.message("user")
    world.plays()
    world.message("assistant")
    world.reply("asked")
    world.message("user")
    world.plays()
    world.message("assistant")
    assert [turn.sources for turn in world.turns] == [["prices.md"], []]


def test_what_stopped_the_agent_is_in_the_record_of_the_turn_that_it_answered(
    world: World,
) -> None:
    world.ends()
    world.reply("asked")
    world.message("user")
    world.plays()
    world.floor.emit("judged", Judged("stop word", True, 0.2, 0.5))
    world.message("assistant", interrupted=True)
    (turn,) = world.turns
    assert turn.interrupted
    assert turn.stop is not None
    assert (turn.stop.verdict, turn.stop.decided) == ("stop word", 0.5)
    (overlap,) = [record for record in world.records if isinstance(record, Overlap)]
    assert overlap.record()["verdict"] == "stop word"


def test_a_stop_that_is_taken_back_is_none(world: World) -> None:
    world.ends()
    world.message("user")
    world.plays()
    world.floor.emit("judged", Judged("voice", True, 0.2, 0.9))
    world.floor.emit("judged", Judged(FALSE_STOP, False, 0.2, 3.0))
    world.message("assistant")
    assert world.turns[0].stop is None


def test_a_turn_without_an_answer_is_told_at_the_next_one_or_at_the_end(world: World) -> None:
    world.ends()
    world.message("user")
    assert not world.turns
    world.message("user")
    assert [turn.answered for turn in world.turns] == [False]
    world.recorder.close()
    world.recorder.close()
    assert [turn.answered for turn in world.turns] == [False, False]


FIRST = {"choice": "first", "server": 1}


def heard(world: World) -> None:
    event = UserInputTranscribedEvent(transcript="words", is_final=True)
    world.session.emit("user_input_transcribed", event)


def test_a_turn_says_who_heard_who_thought_and_who_spoke(world: World) -> None:
    world.answers("stt", "ears")
    heard(world)
    world.ends()
    world.reply("asked")
    world.answers("llm", "small", choice=1, instead_of="model")
    world.message("user")
    world.reply("text")
    world.answers("tts", "voice", server=1, instead_of="server")
    world.plays()
    world.answers("tts", "voice", server=1)
    world.answers("tts", "other voice", choice=1, instead_of="model")  # the rest of the reply
    world.message("assistant")
    (turn,) = world.turns
    assert turn.record()["engines"] == {
        "stt": [{"model": "ears", **FIRST}],
        "llm": [{"model": "small", "choice": "fallback", "server": 1}],
        "tts": [
            {"model": "voice", "choice": "first", "server": 2},
            {"model": "other voice", "choice": "fallback", "server": 1},
        ],
    }
    told = [record for record in world.records if isinstance(record, Fallback)]
    assert [(each.engine, each.instead_of) for each in told] == [
        ("llm", "model"),
        ("tts", "server"),
        ("tts", "model"),
    ]
    assert told[0].record()["by"] == {"model": "small", "choice": "fallback", "server": 1}


def test_who_made_a_reply_that_was_dropped_is_not_told(world: World) -> None:
    world.answers("stt", "ears")
    heard(world)
    world.reply("asked")
    world.answers("llm", "small", choice=1, instead_of="model")
    world.answers("tts", "other voice", choice=1, instead_of="model")
    world.reply("asked")  # the user went on
    world.answers("llm", "big")
    world.ends()
    world.message("user")
    world.answers("tts", "voice")
    world.plays()
    world.message("assistant")
    (turn,) = world.turns
    assert {engine: [by.model for by in turn.engines[engine]] for engine in turn.engines} == {
        "stt": ["ears"],
        "llm": ["big"],
        "tts": ["voice"],
    }


def test_who_answered_one_turn_is_not_told_of_the_next(world: World) -> None:
    world.answers("stt", "other ears", choice=1, instead_of="model")
    hold_a_turn(world)
    world.answers("stt", "ears")
    hold_a_turn(world)
    first, second = [turn.record()["engines"] for turn in world.turns]
    assert first["stt"] == [{"model": "other ears", "choice": "fallback", "server": 1}]
    assert second["stt"] == [{"model": "ears", **FIRST}]
    assert second["llm"] == second["tts"] == []


def test_a_fault_is_told_at_once_without_what_the_server_said(world: World) -> None:
    world.fails("llm", "timeout")
    world.fails("tts", "garbage")
    world.recorder.fault("stt", "late")
    server = Answerer("big", "first", 1)
    assert [(r.engine, r.fault, r.by) for r in world.records if isinstance(r, Fault)] == [
        ("llm", "timeout", server),
        ("tts", "garbage", server),
        ("stt", "late", None),
    ]
    assert "secret" not in str([record.record() for record in world.records])

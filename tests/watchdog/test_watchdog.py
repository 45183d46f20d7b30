"""What the caller hears when an engine fails, and what becomes of the turn."""

from __future__ import annotations

import asyncio

import pytest

from agent import telemetry
from agent.watchdog.nodes import unsaid
from harness.virtual_time import in_virtual_time, now

from .conversation import Fault, Talk, talk

QUESTION = "What is the capital of Japan?"


@in_virtual_time
async def test_nothing_is_said_while_all_is_well() -> None:
    async with talk() as call:
        end = await call.ask(QUESTION)
        await asyncio.sleep(20)
        assert call.words == [f"> {QUESTION}", "The answer."]
        [(start, stop)] = call.line.heard(end)
        assert start - end < 1.0
        assert stop - start < 1.2


@in_virtual_time
async def test_a_model_that_hangs_is_told_of_within_three_seconds_and_given_up_in_ten() -> None:
    async with talk() as call:
        call.llm.fault = Fault(hangs=True)
        end = await call.ask(QUESTION)
        await asyncio.sleep(20)
        starts = [start - end for start, _ in call.line.heard(end)]
        assert 2.0 < starts[0] <= 3.0
        assert 7.0 < starts[1] <= 8.0
        assert 9.5 < starts[2] <= 10.5
        assert len(starts) == 3
        assert call.words == [f"> {QUESTION}"]
        told = [(r.engine, r.fault, r.by) for r in call.records if isinstance(r, telemetry.Fault)]
        assert told == [("llm", "late", None), ("llm", "late", None), ("llm", "given_up", None)]
        call.llm.fault = None
        end = await call.ask("And of China?")
        await asyncio.sleep(10)
        assert call.words[-2:] == ["> And of China?", "The answer."]


@pytest.mark.parametrize("hangs", [True, False])
@pytest.mark.parametrize("answer", ["The answer.", "The first sentence. " * 20])
@in_virtual_time
async def test_a_model_that_fails_after_a_reply_was_stopped_is_told_of(
    answer: str, hangs: bool
) -> None:
    async with talk(answer) as call:
        end = await call.ask(QUESTION)
        await asyncio.sleep(end + 0.3 - now())
        call.llm.fault = Fault(hangs=hangs, refuses=not hangs)
        end = await call.ask("Stop, and what is the capital of China?")
        await asyncio.sleep(20)
        starts = [start - end for start, _ in call.line.heard(end) if start > end + 0.5]
        assert 2.0 < starts[0] <= 3.0
        assert 7.0 < starts[1] <= 8.0
        assert 9.5 < starts[2] <= 10.5
        assert len(starts) == 3
        call.llm.fault = None
        end = await call.ask("And of India?")
        await asyncio.sleep(10)
        assert "> And of India?" in call.words
        assert call.line.heard(end)[0][0] - end < 1.0


@in_virtual_time
async def test_a_voice_that_fails_after_a_reply_was_stopped_is_told_of() -> None:
    async with talk("The first sentence. " * 20) as call:
        end = await call.ask(QUESTION)
        await asyncio.sleep(end + 0.3 - now())
        call.tts.fault = Fault(hangs=True)
        end = await call.ask("Stop, and what is the capital of China?")
        await asyncio.sleep(20)
        starts = [start - end for start, _ in call.line.heard(end) if start > end + 0.5]
        assert 2.0 < starts[0] <= 3.0
        assert 7.0 < starts[1] <= 8.0
        told = [(r.engine, r.fault) for r in call.records if isinstance(r, telemetry.Fault)]
        assert told[:3] == [("tts", "late"), ("tts", "late"), ("tts", "given_up")]


@in_virtual_time
async def test_a_model_that_is_back_in_time_answers_the_turn() -> None:
    async with talk() as call:
        call.llm.fault = Fault(refuses=True)
        end = await call.ask(QUESTION)
        await asyncio.sleep(end + 7.0 - now())
        call.llm.fault = None
        await asyncio.sleep(20)
        assert call.words == [f"> {QUESTION}", "The answer."]
        starts = [start - end for start, _ in call.line.heard(end)]
        assert starts[0] <= 3.0
        assert len(starts) <= 3


@in_virtual_time
async def test_a_retry_that_succeeds_in_time_says_nothing() -> None:
    async with talk() as call:
        call.llm.fault = Fault(refuses=True)
        end = await call.ask(QUESTION)
        call.llm.fault = None
        await asyncio.sleep(20)
        assert call.words == [f"> {QUESTION}", "The answer."]
        assert len(call.line.heard(end)) == 1


@in_virtual_time
async def test_a_model_that_stops_in_the_middle_is_told_of_and_given_up() -> None:
    sentences = [f"This is sentence number {i} of them." for i in ("one", "two", "three", "four")]
    async with talk(" ".join(sentences)) as call:
        call.llm.fault = Fault(hangs=True, after=7 * 3 - 2)
        end = await call.ask(QUESTION)
        await asyncio.sleep(30)
        spans = call.line.heard(end)
        assert spans[0][0] - end < 1.0
        assert spans[1][0] - spans[0][1] <= 3.0
        # What was written is spoken, the sentence that was cut too.
        assert call.words[-1].split() == " ".join(sentences).split()[: 7 * 3 - 2]


@in_virtual_time
async def test_what_a_voice_that_is_refused_cannot_speak_is_in_the_history() -> None:
    async with talk() as call:
        call.tts.fault = Fault(refuses=True)
        end = await call.ask(QUESTION)
        await asyncio.sleep(20)
        assert call.line.heard(end)[0][0] - end <= 3.0
        assert call.words == [f"> {QUESTION}", "The answer."]
        call.tts.fault = None
        end = await call.ask("And now?")
        await asyncio.sleep(10)
        assert len(call.line.heard(end)) == 1


@in_virtual_time
async def test_a_voice_that_failed_before_is_not_waited_for_again() -> None:
    async with talk() as call:
        call.tts.fault = Fault(refuses=True)
        for wait, number in ((2.5, "one"), (0.5, "two"), (0.5, "three")):
            end = await call.ask(f"And number {number}?")
            await asyncio.sleep(18)
            assert wait - 0.5 < call.line.heard(end)[0][0] - end < wait + 0.5
            assert call.words[-1] == "The answer."


@in_virtual_time
async def test_the_rest_of_what_a_voice_began_is_in_the_history() -> None:
    answer = "This is the first of two sentences. And this is the second of them."
    async with talk(answer) as call:
        call.tts.fault = Fault(refuses=True, after=1)
        end = await call.ask(QUESTION)
        await asyncio.sleep(25)
        assert call.line.heard(end)[0][0] - end < 1.5
        assert call.words == [f"> {QUESTION}", answer]


@in_virtual_time
async def test_a_user_who_speaks_ends_the_wait_and_is_answered() -> None:
    async with talk() as call:
        call.llm.fault = Fault(hangs=True)
        end = await call.ask(QUESTION)
        await asyncio.sleep(end + 2.7 - now())  # "One moment, please."
        call.llm.fault = None
        end = await call.ask("Never mind, and of China?")
        await asyncio.sleep(10)
        assert call.words[-1] == "The answer."
        assert len(call.line.heard(end)) == 1


@in_virtual_time
async def test_a_voice_that_hangs_is_given_up_too() -> None:
    async with talk() as call:
        call.tts.fault = Fault(hangs=True)
        end = await call.ask(QUESTION)
        await asyncio.sleep(20)
        starts = [start - end for start, _ in call.line.heard(end)]
        assert starts[0] <= 3.0
        assert 9.5 < starts[-1] <= 10.5
        assert call.words == [f"> {QUESTION}", "The answer."]


@in_virtual_time
async def test_a_recogniser_that_hears_nothing_is_told_of() -> None:
    async with talk() as call:
        end = await call.ask(None)
        await asyncio.sleep(20)
        starts = [start - end for start, _ in call.line.heard(end)]
        assert 2.0 < starts[0] <= 3.0
        assert starts[-1] <= 11.0
        assert call.words == []


@in_virtual_time
async def test_a_recogniser_that_finds_no_words_in_a_noise_is_not() -> None:
    async with talk() as call:
        end = await call.ask("")
        await asyncio.sleep(20)
        assert call.line.heard(end) == []


@in_virtual_time
async def test_what_is_recognised_late_is_answered() -> None:
    async with talk() as call:
        end = await call.ask(None)
        await asyncio.sleep(5)
        call.stt.hears(QUESTION)
        await asyncio.sleep(20)
        assert call.words == [f"> {QUESTION}", "The answer."]
        assert call.line.heard(end)[0][0] - end <= 3.0


@in_virtual_time
async def test_nobody_is_hung_up_on_without_a_goodbye() -> None:
    async with talk(goodbye_after=3) as call:
        call.llm.fault = Fault(refuses=True)
        for i in range(3):
            assert not call.closed
            await call.ask(f"{QUESTION} {i}")
            await asyncio.sleep(18)
        assert call.closed
        start, stop = call.line.heard(0.0)[-1]
        assert stop - start > 1.0
        assert call.closed[0] >= stop


def _engines(call: Talk, kind: str) -> list[str]:
    return [r.engine for r in call.records if isinstance(r, telemetry.Fault) and r.fault == kind]


SENTENCES = [f"This is sentence number {i} of them." for i in ("one", "two", "three", "four")]


@in_virtual_time
async def test_a_voice_that_waits_for_a_model_that_comes_back_is_not_blamed() -> None:
    async with talk(" ".join(SENTENCES)) as call:
        call.llm.fault = fault = Fault(hangs=True, after=7 * 3 - 2)
        call.tts.delay = 1.4  # as on a busy machine
        end = await call.ask(QUESTION)
        while not call.line.heard(end) or now() - call.line.heard(end)[-1][1] < 1.0:
            await asyncio.sleep(0.1)
        silent = call.line.heard(end)[-1][1]
        await asyncio.sleep(silent + 8.7 - now())
        fault.over()
        await asyncio.sleep(30)
        assert set(_engines(call, "late")) == {"llm"}
        assert _engines(call, "given_up") == []
        assert call.words[-1].split() == " ".join(SENTENCES).split()
        assert call.conversation.session.agent_state == "listening"


@in_virtual_time
async def test_a_model_that_stops_in_the_middle_is_the_only_one_that_is_given_up() -> None:
    async with talk(" ".join(SENTENCES)) as call:
        call.llm.fault = Fault(hangs=True, after=5)
        end = await call.ask(QUESTION)
        await asyncio.sleep(30)
        assert _engines(call, "late") == ["llm", "llm"]
        assert _engines(call, "given_up") == ["llm"]
        assert call.conversation.session.agent_state == "listening"
        start, stop = call.line.heard(end)[-1]  # "Sorry, I can't answer right now. ..."
        assert stop - start > 1.0


@in_virtual_time
async def test_a_reply_without_a_voice_ends_when_its_model_stops_too() -> None:
    async with talk(" ".join(SENTENCES)) as call:
        call.llm.fault = Fault(hangs=True, after=7 * 3 - 2, drips=0.9)
        call.tts.fault = Fault(hangs=True)
        await call.ask(QUESTION)
        await asyncio.sleep(60)
        assert _engines(call, "given_up") == ["tts", "llm"]
        assert call.conversation.session.agent_state == "listening"


@pytest.mark.parametrize(
    ("written", "said", "rest"),
    [
        ("One. Two.", "One. ", " Two."),
        ("One. Two.", "One. Two.", ""),
        ("One. Two. :-)", "One. Two.", ""),
        ("**One**, two.", "One, ", " two."),
        ("One. Two.", "", "One. Two."),
        ("1 km", "one kilometre", None),
        ("From ten to two. Shut on Sunday.", "From ten to two", ". Shut on Sunday."),
        ("**Ten to two**, daily.", "Ten to two", ", daily."),
        ("十点。关门。", "十点", "。关门。"),
        ("One.", "One. Two.", None),
    ],
)
def test_what_is_left_unsaid(written: str, said: str, rest: str | None) -> None:
    assert unsaid(written, said) == rest

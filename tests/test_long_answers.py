from __future__ import annotations

import asyncio
import contextlib

import pytest
from livekit.plugins.turn_taking import Floor
from livekit.plugins.turn_taking.conduct.long_answers import Plan
from livekit.plugins.turn_taking.conduct.parts import Parts, left_to_say

from agent import settings
from agent.assistant import Assistant
from agent.conduct import Conduct
from harness.agents import silent
from harness.stage import Stage, about, lasting, stage
from harness.virtual_time import in_virtual_time

PAUSE = 1.0
OUTLINE = "Tea is made in two steps."
FIRST = "First you boil the water. That takes a while."
SECOND = "Then you pour it over the leaves."
TEA = f"{OUTLINE}\n\n{FIRST}\n\n{SECOND}"


def lecture(
    *answers: str, preemptive: bool = False
) -> contextlib.AbstractAsyncContextManager[Stage]:
    profile = settings.load("gpu")
    plan = profile.conduct.plan.model_copy(update={"pause": PAUSE})
    conduct = profile.conduct.model_copy(update={"plan": plan})
    lecturer = Assistant(silent("parley"), profile, "en", Floor(None, profile.turns.options))
    return stage(
        *answers,
        agent=lecturer,
        preemptive=preemptive,
        before=lambda session: Conduct(conduct, session, language="en"),
    )


def spoken(talk: Stage) -> list[float]:
    return [at for at, state in talk.states if state == "speaking"]


async def ask(talk: Stage, text: str) -> None:
    talk.user_speaks()
    await asyncio.sleep(1.0)
    talk.user_pauses(text)
    await asyncio.sleep(0.5)  # the end of the turn


@in_virtual_time
async def test_the_parts_follow_each_other_with_a_pause() -> None:
    async with lecture(TEA) as talk:
        await ask(talk, "How is tea made?")
        await asyncio.sleep(30)
    assert talk.words == ["> How is tea made?", OUTLINE, FIRST, SECOND]
    first = 1.5 + lasting(OUTLINE) + PAUSE
    assert spoken(talk) == [about(1.5), about(first), about(first + lasting(FIRST) + PAUSE)]
    assert len(talk.llm.asked) == 1


@in_virtual_time
async def test_go_on_takes_up_the_sentence_that_was_cut() -> None:
    async with lecture(TEA) as talk:
        await ask(talk, "How is tea made?")
        await talk.at(1.5 + lasting(OUTLINE) + PAUSE + 3.5)  # in "That takes a while."
        await talk.session.interrupt()
        talk.user_speaks()
        await asyncio.sleep(1.0)
        talk.user_pauses("Wait a moment.")
        talk.llm.answers = ["Sure."]
        await asyncio.sleep(20)
        assert talk.words[-1] == "Sure."  # and no more until the user says so
        await ask(talk, "Okay, go on.")
        await asyncio.sleep(20)
    assert talk.words[-3:] == ["> Okay, go on.", "That takes a while.", SECOND]
    assert len(talk.llm.asked) == 2


@in_virtual_time
async def test_a_nod_between_two_parts_does_not_stop_them() -> None:
    async with lecture(TEA) as talk:
        await ask(talk, "How is tea made?")
        await talk.at(1.5 + lasting(OUTLINE) + 0.2)
        await ask(talk, "Mm-hm.")
        await asyncio.sleep(30)
    assert talk.words == ["> How is tea made?", OUTLINE, "> Mm-hm.", FIRST, SECOND]


@in_virtual_time
async def test_a_question_about_it_keeps_the_plan() -> None:
    async with lecture(TEA, "So that it is hot.") as talk:
        await ask(talk, "How is tea made?")
        await talk.at(1.5 + lasting(OUTLINE) + 0.2)
        await ask(talk, "Why boil the water?")
        await asyncio.sleep(20)
        assert talk.words[-1] == "So that it is hot."
        await ask(talk, "Go on, please.")
        await asyncio.sleep(20)
    assert talk.words[-2:] == [FIRST, SECOND]


@in_virtual_time
async def test_another_topic_drops_it() -> None:
    async with lecture(TEA, "In Paris.", "With what?") as talk:
        await ask(talk, "How is tea made?")
        await talk.at(1.5 + lasting(OUTLINE) + 0.2)
        await ask(talk, "Where is the Eiffel Tower?")
        await asyncio.sleep(20)
        await ask(talk, "Go on.")
        await asyncio.sleep(20)
    assert talk.words[-3:] == ["In Paris.", "> Go on.", "With what?"]


@in_virtual_time
async def test_replies_begun_too_early_leave_no_plan() -> None:
    async with lecture(TEA, TEA, preemptive=True) as talk:
        talk.user_speaks()
        await asyncio.sleep(1.0)
        talk.user_pauses("How is tea")
        await asyncio.sleep(0.3)
        talk.user_speaks()
        await asyncio.sleep(0.5)
        talk.user_pauses("made?")
        await asyncio.sleep(30)
    assert len(talk.llm.asked) == 2
    assert talk.words == ["> How is tea made?", OUTLINE, FIRST, SECOND]


@pytest.mark.parametrize(
    ("words", "kept"),
    [
        ("为什么要烧水？", True),
        ("为什么？", True),
        ("等一下。", True),
        ("今天天气怎么样？", False),
        ("换个话题吧，聊聊足球。", False),
    ],
)
@in_virtual_time
async def test_in_chinese(words: str, kept: bool) -> None:
    answer = "泡茶分两步。\n\n先把水烧开，水要滚。\n\n再把水倒在茶叶上。"
    async with lecture(answer, "好。", "继续什么？") as talk:
        await ask(talk, "怎么泡茶？")
        await talk.at(1.5 + 0.6 + 0.2)
        await ask(talk, words)
        await asyncio.sleep(20)
        await ask(talk, "继续说吧。")
        await asyncio.sleep(20)
    expected = ["先把水烧开，水要滚。", "再把水倒在茶叶上。"] if kept else ["继续什么？"]
    assert talk.words[talk.words.index("> 继续说吧。") + 1 :] == expected


def parts_of(text: str, step: int) -> list[str]:
    plan, cutter = Plan(), Parts()
    for i in range(0, len(text), step):
        for part, piece in cutter.push(text[i : i + step]):
            plan.write(part, piece)
    return plan.parts


ZH = "这句话有十个字左右吧。"
LONG = "This sentence, of Dr. Smith and 3.5 others, has some seventy letters in it. "


@pytest.mark.parametrize("step", [1, 3, 1000])
@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("Hello there. How are you?", ["Hello there. How are you?"]),
        (f"\n\n{TEA}\n\n", [OUTLINE, FIRST, SECOND]),
        (LONG * 5, [(LONG * 3).strip(), (LONG * 2).strip()]),
        (
            "这句话有十个字左右吧。" * 7,
            ["这句话有十个字左右吧。" * 5, "这句话有十个字左右吧。" * 2],
        ),
        ("一、二、三，" * 20, ["一、二、三，" * 20]),
        ("一、二、三，" * 40, ["一、二、三，" * 22, "一、二、三，" * 18]),
    ],
)
def test_a_text_has_the_same_parts_however_it_arrives(
    text: str, parts: list[str], step: int
) -> None:
    assert parts_of(text, step) == parts


@pytest.mark.parametrize(
    ("text", "heard", "left"),
    [
        (
            "One is red. Two is blue. Three is green.",
            "One is red. Two is",
            "Two is blue. Three is green.",
        ),
        ("One is red. Two is blue.", "One", "One is red. Two is blue."),
        ("One is red.", "One is red.", ""),
        ("先烧水。再泡茶。", "先烧水。再", "再泡茶。"),
    ],
)
def test_what_is_left_begins_with_the_sentence_that_was_cut(
    text: str, heard: str, left: str
) -> None:
    assert left_to_say(text, heard) == left

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Sequence

import pytest
from livekit.agents import Agent, AgentSession, RunResult, ToolError, llm
from livekit.agents.llm import ChatContext, FunctionToolCall

from agent.knowledge import KnowledgeError, Passage, informed_answer, lookup_tool
from agent.knowledge import lookup as lookup_module
from harness.scripted import Llm


class Shelf:
    """A search service of one's own."""

    def __init__(self, *passages: Passage, error: Exception | None = None) -> None:
        self.passages, self.error = list(passages), error
        self.asked: list[str] = []

    async def search(self, query: str, limit: int) -> list[Passage]:
        self.asked.append(query)
        if self.error:
            raise self.error
        return self.passages[:limit]


class Endless:
    async def search(self, query: str, limit: int) -> list[Passage]:
        await asyncio.Event().wait()
        return []


HOURS = Passage("We open at nine.", "hours.md › Hours", 2.0)
PRICES = Passage("A room is 90 pounds.", "prices.md", 1.5)
DOGS = Passage("No dogs.", "dogs.md", 0.5)


async def test_a_model_that_calls_tools_looks_it_up_and_answers(
    caplog: pytest.LogCaptureFixture,
) -> None:
    shelf, found = Shelf(HOURS, PRICES), list[Passage]()
    model = Llm(
        FunctionToolCall(name="look_up", arguments='{"query": "opening hours"}', call_id="1"),
        "At nine.",
    )
    tool = lookup_tool(shelf, about="opening hours and prices", found=found.extend)
    with caplog.at_level(logging.INFO, "parley"):
        async with AgentSession[None](llm=model, vad=None) as session:
            await session.start(Agent(instructions="", tools=[tool]))
            result: RunResult[None] = await session.run(user_input="When do you open?")
    result.expect.next_event().is_function_call(name="look_up")
    output = result.expect.next_event().is_function_call_output().event().item.output
    assert output.startswith("[hours.md › Hours]\nWe open at nine.\n\n[prices.md]\nA room")
    assert "say that you do not know" in output
    assert shelf.asked == ["opening hours"]
    assert found == [HOURS, PRICES]
    (record,) = [r for r in caplog.records if r.message == "looked up"]
    assert record.sources == ["hours.md › Hours", "prices.md"]  # type: ignore[attr-defined]
    assert "When do you open" not in caplog.text  # what callers say is not logged


def test_the_model_is_told_what_there_is_to_look_up() -> None:
    (schema,) = llm.ToolContext([lookup_tool(Shelf(), about="prices")]).parse_function_tools(
        "openai"
    )
    assert schema["function"]["name"] == "look_up"
    assert "(prices)" in schema["function"]["description"]
    assert "other words" in schema["function"]["parameters"]["properties"]["query"]["description"]


async def test_what_nothing_is_found_about_is_not_guessed() -> None:
    told = await lookup_tool(Shelf())("zebra")  # type: ignore[operator]
    assert "Do not guess" in told


@pytest.mark.parametrize("shelf", [Shelf(error=KnowledgeError("no")), Endless()])
async def test_a_search_that_fails_or_hangs_is_a_sentence_for_the_model(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lookup_module, "DEADLINE", 0.01)
    with pytest.raises(ToolError, match="cannot be searched now"):
        await lookup_tool(shelf)("hours")  # type: ignore[operator]


async def test_an_answer_keeps_to_its_budget() -> None:
    long = [Passage("word " * 80, f"{i}.md") for i in range(8)]  # 100 tokens each
    found: list[Passage] = []
    await lookup_tool(Shelf(*long), budget=250, found=found.extend)("word")  # type: ignore[operator]
    assert [passage.source for passage in found] == ["0.md", "1.md"]


async def test_what_is_longer_than_the_budget_is_told_from_its_beginning() -> None:
    found: list[Passage] = []
    long = Shelf(Passage("word " * 800, "long.md"), HOURS)
    await lookup_tool(long, budget=100, found=found.extend)("word")  # type: ignore[operator]
    (passage,) = found
    assert passage.text == "word " * 20 + "…"


class Model:
    """Answers in two parts, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[ChatContext] = []

    async def __call__(self, chat_ctx: ChatContext) -> AsyncGenerator[str, None]:
        self.asked.append(chat_ctx)
        yield "At "
        yield "nine."


async def answered(
    chat_ctx: ChatContext, shelf: Shelf | Endless, found: list[Sequence[Passage]] | None = None
) -> ChatContext:
    model = Model()
    take = found.append if found is not None else lambda _: None
    parts = [part async for part in informed_answer(model, chat_ctx, shelf, found=take)]
    assert parts == ["At ", "nine."]
    (asked,) = model.asked
    return asked


def conversation(*questions: str) -> ChatContext:
    chat_ctx = ChatContext.empty()
    chat_ctx.add_message(role="system", content="You are a clerk.")
    for question in questions:
        chat_ctx.add_message(role="assistant", content="Yes?")
        chat_ctx.add_message(role="user", content=question)
    return chat_ctx


async def test_a_model_without_tools_is_given_passages_beside_the_question() -> None:
    chat_ctx, found = conversation("When do you open your door?"), list[Sequence[Passage]]()
    asked = await answered(chat_ctx, Shelf(HOURS, PRICES, DOGS), found)
    assert asked.items[:-1] == chat_ctx.items[:-1]  # for the server's prefix cache
    last = asked.items[-1]
    assert last.type == "message"
    assert last.text_content == (
        "From the documents, if they answer the question:\n\nA room is 90 pounds.\n\n"
        "We open at nine.\n\nWhen do you open your door?"
    )
    (question,) = [m for m in chat_ctx.messages() if m.role == "user"]
    assert question.text_content == "When do you open your door?"  # the history stays as it was
    assert found == [[HOURS, PRICES]]


async def test_the_words_around_the_passages_are_in_the_language_of_the_question() -> None:
    asked = await answered(conversation("你们几点开门营业？"), Shelf(HOURS))
    assert (asked.messages()[-1].text_content or "").startswith("以下是资料")


async def test_a_picture_beside_the_question_stays() -> None:
    chat_ctx = conversation()
    picture = llm.ImageContent(image="data:picture")
    chat_ctx.add_message(role="user", content=["What does this room cost me?", picture])
    asked = await answered(chat_ctx, Shelf(PRICES))
    assert asked.messages()[-1].content[1] == picture


async def test_a_question_of_few_words_is_looked_for_with_the_one_before() -> None:
    shelf = Shelf(HOURS)
    await answered(conversation("When do you open?", "And on Sundays?"), shelf)
    await answered(conversation("你们几点开门？", "周日呢？"), shelf)
    await answered(conversation("When do you open?", "What does a double room cost?"), shelf)
    await answered(conversation("你们几点开门？", "双人间多少钱一晚？"), shelf)
    assert shelf.asked == [
        "When do you open? And on Sundays?",
        "你们几点开门？ 周日呢？",
        "What does a double room cost?",
        "双人间多少钱一晚？",
    ]


@pytest.mark.parametrize("shelf", [Shelf(), Shelf(error=KnowledgeError("no")), Endless()])
async def test_without_passages_the_model_is_asked_all_the_same(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lookup_module, "DEADLINE", 0.01)
    chat_ctx, found = conversation("When do you open?"), list[Sequence[Passage]]()
    assert (await answered(chat_ctx, shelf, found)).items == chat_ctx.items
    assert found == [()]


async def test_what_is_no_question_is_not_looked_up() -> None:
    shelf, chat_ctx = Shelf(HOURS), conversation("When do you open?")
    chat_ctx.add_message(role="assistant", content="At nine.")
    assert (await answered(chat_ctx, shelf)).items == chat_ctx.items
    assert await answered(ChatContext.empty(), shelf)
    assert shelf.asked == []

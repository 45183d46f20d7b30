"""How the passages reach the model: by a tool that it calls, or beside the question."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import TypeVar

from livekit.agents import ToolError, function_tool, llm

from ..languages import Language
from ..tokens import tokens
from .passage import Knowledge, KnowledgeError, Passage
from .words import says_little

logger = logging.getLogger("parley")

T = TypeVar("T")

DEADLINE = 3.0
"""Seconds that a search may take: the caller waits for it in silence."""

_CANDIDATES = 8
"""Passages that are asked for; the budget says how many of them are told."""

_LONGEST_QUERY = 500
"""Characters: a question, and not a story."""

_BESIDE: dict[Language, str] = {
    "en": "From the documents, if they answer the question:\n\n{passages}\n\n{question}",
    "zh": "以下是资料，能回答问题就据此回答：\n\n{passages}\n\n{question}",
}

_NEARLY = 0.6
"""Of the best passage's score, what another has to have to be put beside a question. A model that
calls no tools is a small one, and answers from whatever it reads: of two passages with 11.5 and 4.1
it told the second. With this, and the best passage last, Qwen2.5 0.5B answers 9 of the 20 questions
of ``bench/lookup.yaml`` right."""

Found = Callable[[Sequence[Passage]], None]
"""Is told of the passages that the model was given."""


def lookup_tool(
    knowledge: Knowledge, *, about: str = "", budget: int = 400, found: Found = lambda _: None
) -> llm.Tool:
    """The tool by which a model looks something up.

    Args:
        knowledge: Where.
        about: What there is to be found, in a few words, for the model to know when to look.
        budget: Most tokens of an answer.
        found: Is told what the model was given.
    """

    async def look_up(query: str) -> str:
        try:
            passages = await _search(knowledge, query, budget)
        except KnowledgeError as e:
            logger.warning("a lookup failed", extra={"reason": str(e)})
            raise ToolError("The documents cannot be searched now.") from e
        found(passages)
        if not passages:
            return "The documents say nothing about that. Do not guess: say that you do not know."
        told = "\n\n".join(f"[{passage.source}]\n{passage.text}" for passage in passages)
        return f"{told}\n\nAnswer from this alone. If it does not say, say that you do not know."

    look_up.__doc__ = f"""Look something up in the documents{f" ({about})" if about else ""}.

    Use it for every question that they may answer, before you answer.

    Args:
        query: The important words of the question, and other words for the same things, such as
            "car parking garage", in the language of the documents.
    """
    return function_tool(look_up)


async def informed_answer(
    ask: Callable[[llm.ChatContext], AsyncGenerator[T, None]],
    chat_ctx: llm.ChatContext,
    knowledge: Knowledge,
    *,
    question: str | None = None,
    budget: int = 200,
    found: Found = lambda _: None,
) -> AsyncGenerator[T, None]:
    """The answer of a model that calls no tools, asked with what the documents say.

    Args:
        ask: Asks the model.
        chat_ctx: The conversation; it stays as it is.
        knowledge: Where to look.
        question: What is looked up, if the last message says more than was asked.
        budget: Most tokens of the passages.
        found: Is told what the model was given, when its answer begins.
    """
    shown, passages = await _informed(chat_ctx, knowledge, budget, question)
    told = False
    async with aclosing(ask(shown)) as parts:
        async for part in parts:
            if not told:
                told = True
                found(passages)
            yield part


async def _informed(
    chat_ctx: llm.ChatContext, knowledge: Knowledge, budget: int, said: str | None
) -> tuple[llm.ChatContext, Sequence[Passage]]:
    """The conversation with passages beside the last question, and these passages.

    All of the prompt before that question stays as it is, so the server's prefix cache holds it.
    They are in the user's message: many models' templates take no other system message than the
    first.
    """
    asked = [
        (at, item)
        for at, item in enumerate(chat_ctx.items)
        if item.type == "message" and item.role == "user" and item.text_content
    ]
    if not asked or asked[-1][0] != len(chat_ctx.items) - 1:
        return chat_ctx, ()  # nothing was asked
    at, question = asked[-1]
    text = question.text_content or ""
    query = said = said or text
    if says_little(said) and len(asked) > 1:
        query = f"{asked[-2][1].text_content} {said}"
    try:
        passages = await _search(knowledge, query, budget)
    except KnowledgeError as e:
        logger.warning("a lookup failed", extra={"reason": str(e)})
        return chat_ctx, ()
    if not passages:
        return chat_ctx, ()
    passages = [one for one in passages if one.score >= _NEARLY * passages[0].score]
    language: Language = "zh" if any("\u3400" <= c <= "\u9fff" for c in said) else "en"
    # The best is next to the question.
    written = "\n\n".join(passage.text for passage in reversed(passages))
    told = _BESIDE[language].format(passages=written, question=text)
    rest = [part for part in question.content if not isinstance(part, str)]
    beside = question.model_copy(update={"content": [told, *rest]})
    return llm.ChatContext([*chat_ctx.items[:at], beside]), passages


async def _search(knowledge: Knowledge, query: str, budget: int) -> list[Passage]:
    """The best passages that fit into a budget, without any of them twice.

    Raises:
        KnowledgeError: The search failed or took too long.
    """
    try:
        async with asyncio.timeout(DEADLINE):
            passages = await knowledge.search(query[:_LONGEST_QUERY], _CANDIDATES)
    except TimeoutError as e:
        raise KnowledgeError(f"The search took longer than {DEADLINE:g} s.") from e
    told: list[Passage] = []
    for passage in passages:
        length = tokens(passage.text)
        if length > budget and not told:
            # Of one that is longer than all that may be told, its beginning.
            passage, length = replace(passage, text=f"{passage.text[:budget]}…"), budget
        if length <= budget:
            told.append(passage)
            budget -= length
    logger.info("looked up", extra={"sources": [passage.source for passage in told]})
    return told

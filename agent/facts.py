"""What a model without tools is told beside a question: the time, the result of a sum.

A small model invents both. What it would call a tool for is looked up before it is asked, with the
tools' own code, and only where the question is plainly one for them: a model of half a billion
parameters repeats whatever stands beside a question.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Collection
from datetime import datetime

from livekit.agents import ToolError, llm

from .definition.settings import BuiltinTool
from .languages import LANGUAGES, Language, any_of, words
from .languages.guess import language_of
from .spoken_sums import sum_in
from .tools import calculate, now_in

logger = logging.getLogger("parley")

_LONGEST = 200
"""Characters of a question: in a story figures and "what time is it" are part of it."""

_WEEKDAYS = "一二三四五六日"


async def told(chat_ctx: llm.ChatContext, tools: Collection[BuiltinTool]) -> llm.ChatContext | None:
    """The conversation with what was looked up before its last question; None if nothing was.

    All that stands before the question stays as it is, for the server's prefix cache.

    Args:
        chat_ctx: The conversation; it stays as it is.
        tools: The tools that the agent has, and that its model is not offered.
    """
    if not chat_ctx.items:
        return None
    asked = chat_ctx.items[-1]
    if asked.type != "message" or asked.role != "user" or not asked.text_content:
        return None
    text = asked.text_content
    if (fact := await fact_for(text, tools)) is None:
        return None
    rest = [part for part in asked.content if not isinstance(part, str)]
    beside = asked.model_copy(update={"content": [f"{fact}\n\n{text}", *rest]})
    return llm.ChatContext([*chat_ctx.items[:-1], beside])


async def fact_for(text: str, tools: Collection[BuiltinTool]) -> str | None:
    """What there is to know for a question, in a sentence of its language; None if nothing is.

    Args:
        text: What the user said or typed.
        tools: The tools that may be used for it.
    """
    if len(text) > _LONGEST:
        return None
    try:
        if "get_time" in tools and (asked := _asks_time(text)):
            language, place = asked
            now = _written(await now_in(place), language)
            where = f"{place}: " if place else ""
            return words(language).facts.clock.format(time=where + now)
        language = language_of(text)
        if "calculate" in tools and (expression := sum_in(text, language)):
            result = await calculate(expression)
            shown = f"{expression.replace('*', '×').replace('/', '÷')} = {result}"
            return words(language).facts.calculator.format(sum=shown)
    except ToolError as e:
        logger.info("nothing was looked up", extra={"reason": str(e)})
    return None


def _asks_time(text: str) -> tuple[Language, str | None] | None:
    """The language of a question for the time, and the place that it names."""
    for language in dict.fromkeys((language_of(text), *LANGUAGES)):
        facts = words(language).facts
        if any_of(facts.asks_time).search(text):
            named = (re.search(each, text.strip(), re.IGNORECASE) for each in facts.place)
            return language, next((found["place"].strip() for found in named if found), None)
    return None


def _written(now: datetime, language: Language) -> str:
    if language == "zh":
        # The hour first: a small model tells what it reads first.
        return f"{now:%-H点%-M分}，星期{_WEEKDAYS[now.weekday()]}，{now:%Y年%-m月%-d日}"
    return f"{now:%A, %-d %B %Y, %H:%M}"

"""What a model without tools is told beside a question: the time, the result of a sum, its name.

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
from .languages import LANGUAGES, Language, words
from .spoken_sums import sum_in
from .tools import calculate, now_in
from .whole_questions import asked

logger = logging.getLogger("parley")

_LONGEST = 200
"""Characters of a question: in a story figures and "what time is it" are part of it."""


async def told(
    chat_ctx: llm.ChatContext,
    tools: Collection[BuiltinTool],
    spoken: Language = "en",
    model: str | None = None,
) -> llm.ChatContext | None:
    """The conversation with what was looked up before its last question; None if nothing was.

    All that stands before the question stays as it is, for the server's prefix cache.

    Args:
        chat_ctx: The conversation; it stays as it is.
        tools: The tools that the agent has, and that its model is not offered.
        spoken: The language that is spoken; a question may be in another all the same.
        model: Name of the model; None if it is not known.
    """
    if not chat_ctx.items:
        return None
    last = chat_ctx.items[-1]
    if last.type != "message" or last.role != "user" or not last.text_content:
        return None
    text = last.text_content
    if (fact := await fact_for(text, tools, spoken, model)) is None:
        return None
    rest = [part for part in last.content if not isinstance(part, str)]
    beside = last.model_copy(update={"content": [f"{fact}\n\n{text}", *rest]})
    return llm.ChatContext([*chat_ctx.items[:-1], beside])


async def fact_for(
    text: str,
    tools: Collection[BuiltinTool],
    spoken: Language = "en",
    model: str | None = None,
) -> str | None:
    """What there is to know for a question, in a sentence of its language; None if nothing is.

    Args:
        text: What the user said or typed.
        tools: The tools that may be used for it.
        spoken: The language that is spoken; the text may be in another all the same.
        model: Name of the model; None if it is not known.
    """
    if len(text) > _LONGEST:
        return None
    try:
        if "get_time" in tools and (question := _asks_time(text, spoken)):
            language, place = question
            now = _written(await now_in(place), text, language)
            where = f"{place}: " if place else ""
            return words(language).facts.clock.format(time=where + now)
        if "calculate" in tools and (found := sum_in(text, spoken)):
            language, expression = found
            result = await calculate(expression)
            shown = f"{expression.replace('*', '×').replace('/', '÷')} = {result}"
            facts = words(language).facts
            return facts.calculator.format(sum=shown.replace(".", facts.decimal_mark))
        if model and "get_model" in tools:
            for language in dict.fromkeys((spoken, *LANGUAGES)):
                facts = words(language).facts
                if any(asked(text, language, facts.asks_model)):
                    return facts.model.format(model=model)
    except ToolError as e:
        # Its sentence has the user's words in it.
        logger.debug("nothing was looked up", extra={"reason": str(e)})
    return None


def _asks_time(text: str, spoken: Language) -> tuple[Language, str | None] | None:
    """The language of a question for the time, and the place that it names."""
    for language in dict.fromkeys((spoken, *LANGUAGES)):
        facts = words(language).facts
        questions = [each.replace("{place}", facts.place) for each in facts.asks_time]
        places = [each.groupdict().get("place") for each in asked(text, language, questions)]
        if places:
            # What can be read without a place names none: "what time is it right now".
            return language, None if None in places else places[0]
    return None


def _written(now: datetime, question: str, language: Language) -> str:
    facts = words(language).facts
    names_date = facts.names_date and re.search(facts.names_date, question, re.IGNORECASE)
    form = facts.date if names_date and facts.date else facts.now
    return form.format(
        weekday=facts.weekdays[now.weekday()],
        day=now.day,
        month=facts.months[now.month - 1],
        year=now.year,
        hour=now.hour,
        minute=now.minute,
    )

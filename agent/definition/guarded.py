"""What every tool of an agent's keeps to, whoever wrote it: a deadline, errors as sentences, a yes.

None of it depends on the prompt, and nothing that the model writes gets around it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from livekit.agents import RunContext, StopResponse, ToolError

from agent.conduct import Conduct
from agent.telephony.consent import Consent

from .question import Question, placeholders

logger = logging.getLogger("parley")

T = TypeVar("T")

DEADLINE = 10.0
"""Seconds that a tool may take unless it says otherwise: the caller waits for it."""
_ANSWER_SECONDS = 8.0
"""Silence after a question before it is asked again."""
_LONGEST_VALUE = 200
"""Characters of a value that a question reads out: 15 seconds, which somebody can still judge."""
_LONGEST_QUESTION = 400
"""Characters of a question that a function gives, with all values in it."""


async def in_time(name: str, seconds: float, work: Callable[[], Awaitable[T]]) -> T:
    """Do what a tool does.

    Args:
        name: Name of the tool.
        seconds: How long it may take.
        work: What it does. A ``ValueError`` of it says in a sentence what the model got wrong.

    Raises:
        ToolError: It failed or took too long; the text is for the model.
    """
    deadline = asyncio.timeout(seconds)
    try:
        async with deadline:
            return await work()
    except (ToolError, StopResponse):
        raise
    except TimeoutError as e:
        if deadline.expired():
            raise ToolError(f"{name} took longer than {seconds:g} seconds.") from e
        logger.exception("a tool failed", extra={"tool": name})
        raise ToolError(f"{name} got no answer in time.") from e
    except ValueError as e:
        raise ToolError(f"{name} cannot do that: {_line(str(e)) or 'a value is wrong'}") from e
    except Exception as e:
        # What went wrong inside is for the log: a caller need not hear of paths and addresses.
        logger.exception("a tool failed", extra={"tool": name})
        raise ToolError(f"{name} failed, through no fault of the user's.") from e


async def agreed(
    context: RunContext[Conduct], question: Question, values: Mapping[str, Any] | None = None
) -> None:
    """Ask the caller for a yes, in a turn of their own.

    Args:
        context: Of the tool's call.
        question: What they are asked.
        values: The arguments of the call, which it reads out; None if they stand in it already.

    Raises:
        ToolError: They said no, gave no answer, or a value is too long to be read out.
    """
    conduct = context.userdata
    language = conduct.spoken_language()
    asked = question.get(language) or question.get("any") or next(iter(question.values()))
    if values is not None:
        spoken = {name: _line(str(value)) for name, value in values.items()}
        for name in placeholders(asked):
            if name not in spoken:
                raise ToolError(f"{name} is needed, for the user is asked about it.")
            if len(spoken[name]) > _LONGEST_VALUE:
                raise ToolError(f"{name} must have {_LONGEST_VALUE} characters at most.")
        asked = asked.format_map(spoken)
    elif len(asked) > _LONGEST_QUESTION:
        raise ToolError("The arguments are too long to be read out: give them in fewer words.")
    with conduct.asking():
        consent = Consent(
            _line(asked),
            language=language,
            keys=conduct.keys,
            answer_timeout=_ANSWER_SECONDS,
        )
        try:
            wanted = await consent
        except RuntimeError as e:  # by which LiveKit says that the turn of the call is over
            raise ToolError("The user said something else before they could be asked.") from e
        if not wanted:
            raise ToolError("The user does not want that.")


def _line(text: str) -> str:
    """A text as one line that can be read out."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())

"""A language model fills in a form: JSON by a schema, from data that it is shown."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any

from jsonschema import Draft202012Validator
from livekit.agents import APIConnectOptions, APIError, llm

from agent.foreign_json import read_json

from .tokens import tokens

DEADLINE = 120.0
"""Seconds: on 2 cores the CPU profile's model writes 30 tokens a second beside nothing else."""

_OPTIONS = APIConnectOptions(max_retry=1, retry_interval=2.0, timeout=60.0)

_PART = 8
"""A line has at most this part of the tokens for all: 150 of 1,200, about a hundred words."""

_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_BRACKET = re.compile(r"[<>\[\]]")


class UnfilledError(Exception):
    """The model did not give what the schema asks for; the text says why."""


async def fill(
    model: llm.LLM[Any], task: str, data: object, schema: dict[str, Any]
) -> dict[str, Any]:
    """Have a model fill in a form.

    Servers that guide decoding (vLLM, llama.cpp) let it write nothing that the schema does not
    allow; whatever the server, the answer is checked.

    Args:
        model: The language model.
        task: What it is to do with the data, in sentences.
        data: What it is shown, as JSON, in which nothing ends a message or begins another.
        schema: JSON schema of an object.

    Raises:
        UnfilledError: The model failed, took too long, or gave something else.
    """
    chat_ctx = llm.ChatContext.empty()
    # Guided decoding keeps to the schema, but shows the model nothing of it.
    written = json.dumps(schema, ensure_ascii=False)
    chat_ctx.add_message(role="system", content=f"{task} Answer in JSON by this schema: {written}")
    chat_ctx.add_message(role="user", content=as_data(data))
    form = {
        "type": "json_schema",
        "json_schema": {"name": "form", "schema": schema, "strict": True},
    }
    try:
        async with asyncio.timeout(DEADLINE):
            stream = model.chat(
                chat_ctx=chat_ctx,
                conn_options=_OPTIONS,
                extra_kwargs={
                    "response_format": form,
                    "temperature": 0.0,
                    # A small model repeats a sentence up to the longest text that the form allows.
                    "frequency_penalty": 0.5,
                },
            )
            async with stream:
                answer = "".join(
                    [chunk.delta.content or "" async for chunk in stream if chunk.delta]
                )
    except TimeoutError as e:
        raise UnfilledError(f"The model took longer than {DEADLINE:g} s.") from e
    except APIError as e:
        raise UnfilledError(f"The model failed: {e.message}") from e
    try:
        filled = read_json(answer)
    except ValueError as e:
        raise UnfilledError(f"The model's answer does not fit the schema: {e}") from e
    if error := next(iter(Draft202012Validator(schema).iter_errors(filled)), None):
        # Where, and not what: the reason is logged, and what callers say is not.
        rule = ".".join(map(str, error.absolute_schema_path))
        raise UnfilledError(f"The model's answer does not fit the schema: {rule}")
    assert isinstance(filled, dict)  # the schema is of an object
    return filled


def as_data(value: object) -> str:
    """JSON for a prompt, whose texts hold none of the brackets that models' templates mark with."""
    told = json.dumps(value, ensure_ascii=False)
    return _STRING.sub(lambda text: _BRACKET.sub(_escaped, text.group()), told)


def _escaped(bracket: re.Match[str]) -> str:
    return f"\\u{ord(bracket.group()):04x}"


def _cut(line: str, most: int) -> str:
    """A line without its middle, if it has more tokens."""
    cut, half = line, len(line) // 2
    while half and tokens(cut) > most:
        half = half * 7 // 8
        cut = f"{line[:half]} … {line[len(line) - half :]}"
    return cut


def shortened(lines: list[str], most: int) -> list[str]:
    """Lines of a conversation that fit into some tokens: its beginning, and more of its end.

    If they do not fit as they are, long lines lose their middle first: what a tool has looked up
    leaves room for what was answered.

    Args:
        lines: What was said, in order.
        most: Tokens.
    """
    if sum(map(tokens, lines)) <= most:
        return lines
    lines = [_cut(line, most // _PART) for line in lines]
    if sum(map(tokens, lines)) <= most:
        return lines
    head: list[str] = []
    left = most
    for line in lines:
        left -= tokens(line)
        if left < most * 3 // 4:
            break
        head.append(line)
    left = most - sum(map(tokens, head))
    tail: list[str] = []
    for line in reversed(lines[len(head) :]):
        left -= tokens(line)
        if left < 0:
            break
        tail.append(line)
    return [*head, "…", *reversed(tail)]

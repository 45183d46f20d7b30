"""What a chunk of a stream says, whatever the server's idea of OpenAI's format.

Any field may be missing, null or of another type: a field that cannot be read is passed over, so
that it costs its own content at most and never the reply.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

# No count of tokens or milliseconds comes near it; a longer integer does not fit into a float.
_LARGEST = 10**15


@dataclass(frozen=True)
class CallPiece:
    """A piece of a tool call.

    Attributes:
        index: Which of the calls, None if the server does not number them.
        id: The call's id, "" if this piece has none.
        name: The tool's name, "" if this piece has none.
        arguments: More of the arguments' JSON.
    """

    index: int | None
    id: str
    name: str
    arguments: str


@dataclass(frozen=True)
class Usage:
    """Tokens counted by the server so far.

    Attributes:
        prompt: Length of the prompt; 0 if it is not told.
        completion: Length of the reply; None if it is not told.
        cached: How much of the prompt the prefix cache had.
        reasoning: How much of the reply was reasoning.
    """

    prompt: int = 0
    completion: int | None = None
    cached: int = 0
    reasoning: int = 0


@dataclass(frozen=True)
class Chunk:
    """One event of a stream.

    Attributes:
        id: The server's id of the reply.
        text: More of the reply.
        whole: Whether the text is a whole message instead, which may have been streamed before.
        reasons: Whether there is reasoning in a field of its own.
        calls: Pieces of tool calls.
        finish_reason: Why the reply has ended, if it has.
        usage: Tokens so far, if they are told.
        queue_time: Milliseconds in the server's queue, if they are told.
    """

    id: str = ""
    text: str = ""
    whole: bool = False
    reasons: bool = False
    calls: tuple[CallPiece, ...] = ()
    finish_reason: str | None = None
    usage: Usage | None = None
    queue_time: float | None = None


def read(data: object) -> Chunk:
    """Read an event of a chat stream; one that is not an object says nothing."""
    event = _dict(data)
    choice = _first_choice(event)
    whole = "delta" not in choice and bool(choice.keys() & {"message", "text"})
    delta = _delta(choice)
    content, thinking = _content(delta.get("content"))
    reason = choice.get("finish_reason")
    calls = [_call(call) for call in _list(delta.get("tool_calls"))]
    if legacy := _dict(delta.get("function_call")):
        calls.append(_call({"index": 0, "function": legacy}))
    named = ("reasoning", "reasoning_content", "thinking")
    return Chunk(
        id=event["id"] if isinstance(event.get("id"), str) else "",
        text=content,
        whole=whole,
        reasons=thinking or any(delta.get(name) for name in named),
        calls=tuple(calls),
        finish_reason=reason if isinstance(reason, str) and reason else None,
        usage=_usage(event.get("usage")),
        queue_time=_number(_dict(event.get("metrics")).get("queue_time_ms")),
    )


def _first_choice(event: dict[str, Any]) -> dict[str, Any]:
    # One reply is asked for: of several, the others would be said in between.
    choices = [_dict(choice) for choice in _list(event.get("choices"))]
    return next((choice for choice in choices if choice.get("index") in (0, "0", None)), {})


def _delta(choice: dict[str, Any]) -> dict[str, Any]:
    """What a choice adds: a server that does not stream has a message instead, or bare text."""
    named = ("delta", "message", "text")
    delta = next((choice[name] for name in named if choice.get(name) is not None), None)
    return {"content": delta} if isinstance(delta, str) else _dict(delta)


def _content(content: object) -> tuple[str, bool]:
    """The text of a content, which may come in typed parts, and whether one of them is thought."""
    if isinstance(content, str):
        return content, False
    text, thinking = "", False
    for part in _list(content):
        if isinstance(part, str):
            text += part
        elif isinstance(part, dict) and part.get("type") in ("thinking", "reasoning"):
            thinking = True
        elif isinstance(part, dict):
            inner = part.get("text")
            inner = inner.get("value") if isinstance(inner, dict) else inner
            text += inner if isinstance(inner, str) else ""
        elif isinstance(part, int | float) and not isinstance(part, bool):
            text += str(part)
    return text, thinking


def _call(piece: object) -> CallPiece:
    call = _dict(piece)
    function = _dict(call.get("function")) or call
    if isinstance(call.get("function"), str):
        function = {**call, "name": call["function"]}
    index, name, arguments = call.get("index"), function.get("name"), function.get("arguments")
    if arguments is None:
        arguments = ""
    elif not isinstance(arguments, str):
        arguments = json.dumps(arguments, ensure_ascii=False)
    if isinstance(index, str) and index.isdecimal():
        index = int(index)
    named = call.get("id")
    return CallPiece(
        index=index if isinstance(index, int) and not isinstance(index, bool) else None,
        id=str(named) if isinstance(named, str | int) and named else "",
        name=name if isinstance(name, str) else "",
        arguments=arguments,
    )


def _usage(usage: object) -> Usage | None:
    if not isinstance(usage, dict):
        return None
    prompt = _dict(usage.get("prompt_tokens_details"))
    completion = _dict(usage.get("completion_tokens_details"))
    return Usage(
        prompt=_count(usage.get("prompt_tokens")) or 0,
        completion=_count(usage.get("completion_tokens")),
        cached=_count(prompt.get("cached_tokens")) or 0,
        reasoning=_count(completion.get("reasoning_tokens")) or 0,
    )


def _count(value: object) -> int | None:
    number = _number(value)
    return int(number) if number is not None and number >= 0 else None


def _number(value: object) -> float | None:
    # NaN and infinity are numbers to Python's JSON, but count nothing.
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    return float(value) if abs(value) < _LARGEST else None


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    if isinstance(value, list | tuple):
        return list(value)
    # A single one without its list.
    return [] if value is None else [value]

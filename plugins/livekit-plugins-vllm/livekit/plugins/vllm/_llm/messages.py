"""A LiveKit chat context as the messages that chat templates accept.

Templates of open models are stricter than OpenAI's API: several refuse a system message after
the first, two messages of one role in a row, a conversation without a user, or tool arguments
that are not a JSON object. One refused message would otherwise end every later turn too.
"""

from __future__ import annotations

import json
from typing import Any, TypeAlias

from livekit.agents import llm

from .._text import whole_deep
from ..models import AudioInput
from .audio import input_audio

Message: TypeAlias = dict[str, Any]

_INSTRUCTIONS = "<instructions>\n{}\n</instructions>"
_SYSTEM = ("system", "developer")


def render(chat_ctx: llm.ChatContext, *, audio: AudioInput = "off") -> list[Message]:
    """The messages of a chat request for a context: one system message, then turns.

    The same items give the same bytes every time, so that the server's prefix cache hits. Only
    the last user's message has images and sound: earlier ones would soon fill the context.

    Args:
        chat_ctx: The conversation.
        audio: Whether the sound in the last user's message is sent.
    """
    rendered, _ = chat_ctx.to_provider_format("openai")
    _limit_media(rendered, _last_speech(chat_ctx) if audio != "off" else None, audio)
    system: list[str] = []
    messages: list[Message] = []
    for message in rendered:
        message = dict(message)
        if message["role"] in _SYSTEM:
            if not messages:
                system.append(message["content"])
                continue
            message = {"role": "user", "content": _INSTRUCTIONS.format(message["content"])}
        if calls := message.get("tool_calls"):
            message["tool_calls"] = [_with_object_arguments(call) for call in calls]
        elif not message.get("content"):
            continue
        if messages and _mergeable(messages[-1], message):
            messages[-1] = _merged(messages[-1], message)
        else:
            messages.append(message)
    if not any(m["role"] == "user" for m in messages):
        # Some templates refuse to render without a user (LiveKit's formatters do the same).
        messages.append({"role": "user", "content": "."})
    if system:
        messages.insert(0, {"role": "system", "content": "\n\n".join(system)})
    # Half a character from a tool or a transcript would fail this request and every later one.
    return [whole_deep(message) for message in messages]


def render_tools(tools: list[llm.Tool]) -> list[dict[str, Any]]:
    """Function schemas, ordered by name so that the prompt is the same every time.

    The plain form, not OpenAI's ``strict`` one: that makes every optional parameter required and
    nullable, which costs small models tokens and mistakes, and older servers refuse the field.
    """
    schemas: list[dict[str, Any]] = llm.ToolContext(tools).parse_function_tools(
        "openai", strict=False
    )
    return sorted(whole_deep(schemas), key=lambda schema: str(schema["function"]["name"]))


def text_of(message: Message) -> str:
    """The words of a message, without images and sound."""
    content = message.get("content") or ""
    if isinstance(content, str):
        return content
    return "\n".join(part["text"] for part in content if part.get("type") == "text")


def _last_speech(chat_ctx: llm.ChatContext) -> dict[str, Any] | None:
    """The sound of the last user's message, as a content part."""
    for item in reversed(chat_ctx.items):
        if item.type == "message" and item.role == "user":
            sounds = [part for part in item.content if isinstance(part, llm.AudioContent)]
            return input_audio(frame for sound in sounds for frame in sound.frame)
    return None


def _limit_media(messages: list[Message], speech: dict[str, Any] | None, audio: AudioInput) -> None:
    users = [message for message in messages if message["role"] == "user"]
    for message in users[:-1]:
        message["content"] = text_of(message)
    if users and speech is not None:
        parts = _parts(users[-1]["content"] or [])
        if audio == "instead":
            parts = [part for part in parts if part["type"] != "text"]
        users[-1]["content"] = [speech, *parts]


def _with_object_arguments(call: dict[str, Any]) -> dict[str, Any]:
    function = call["function"]
    return {**call, "function": {**function, "arguments": _object_arguments(function["arguments"])}}


def _object_arguments(arguments: str) -> str:
    """The arguments if they are an object, without halves of characters written as escapes."""
    try:
        parsed = json.loads(arguments)
    except (ValueError, RecursionError):
        return "{}"
    if not isinstance(parsed, dict):
        return "{}"
    mended = whole_deep(parsed)
    return arguments if mended == parsed else json.dumps(mended, ensure_ascii=False)


def _mergeable(last: Message, message: Message) -> bool:
    return (
        last["role"] == message["role"]
        and message["role"] in ("user", "assistant")
        and not (last.get("tool_calls") or message.get("tool_calls"))
    )


def _merged(last: Message, message: Message) -> Message:
    a, b = last["content"], message["content"]
    if isinstance(a, str) and isinstance(b, str):
        return {**last, "content": f"{a}\n{b}"}
    return {**last, "content": [*_parts(a), *_parts(b)]}


def _parts(content: str | list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content

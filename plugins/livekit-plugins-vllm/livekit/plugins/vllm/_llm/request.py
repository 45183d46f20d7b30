"""What to ask a server: the options of the model and of one request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from livekit.agents import DEFAULT_API_CONNECT_OPTIONS
from livekit.agents.llm import ChatContext, Tool, ToolChoice

from ..models import AudioInput
from .messages import Message, render, render_tools


@dataclass
class LLMOptions:
    """The arguments that :class:`LLM` was made with, which describes them."""

    model: str | None
    temperature: float | None
    top_p: float | None
    max_completion_tokens: int
    thinking: bool
    tool_choice: ToolChoice | None
    parallel_tool_calls: bool | None
    priority: int | None
    cache_salt: str | None
    audio_input: AudioInput
    image_input: bool
    extra_body: dict[str, Any]
    first_token_timeout: float | None
    startup_timeout: float


@dataclass(frozen=True, kw_only=True)
class Request:
    """What the caller asked for.

    Attributes:
        model: Name of the model; the server's first when None.
        messages: The conversation.
        tools: Schemas of the tools on offer.
        body: Further fields of the request, vLLM's own among them.
        headers: Further headers.
        max_tokens: Longest reply, in tokens.
        warm: Only the prompt matters: one token is generated, for the server's prefix cache.
        continue_final: Go on with the last message, the assistant's, instead of a new one.
        conversation: Id that is the same for every request of a conversation.
        first_token_timeout: Seconds to wait for the first chunk.
        patient: Whether this time runs from the sending of the request, after what has to be asked
            of the server before it.
        timeout: Seconds to wait for an answer while the model is discovered, and for each later
            chunk.
        hurried: Whether a server that is not there is not waited for: there is another model.
    """

    model: str | None
    messages: list[Message]
    tools: list[dict[str, Any]]
    body: dict[str, Any]
    headers: dict[str, str]
    max_tokens: int
    warm: bool
    continue_final: bool
    conversation: str | None
    first_token_timeout: float
    patient: bool
    timeout: float
    hurried: bool = False


def build(
    options: LLMOptions,
    chat_ctx: ChatContext,
    tools: list[Tool],
    extra: dict[str, Any],
    *,
    timeout: float,
    continue_final: bool = False,
    warm: bool = False,
) -> Request:
    """Put a request together.

    Args:
        options: Options of the model.
        chat_ctx: The conversation.
        tools: Tools that the model may call.
        extra: Further fields of the body; ``extra_headers`` and ``extra_body`` as in the SDK.
        timeout: Seconds for which the stream may pause.
        continue_final: Go on with the last message.
        warm: Only fill the server's prefix cache.

    Raises:
        ValueError: There is no assistant message to continue.
    """
    messages = render(chat_ctx, audio=options.audio_input)
    if continue_final and messages[-1]["role"] != "assistant":
        raise ValueError("continue_final_message needs an assistant message at the end")
    extra = dict(extra)
    if not tools:  # a choice among none would be refused
        extra = {k: v for k, v in extra.items() if k not in ("tool_choice", "parallel_tool_calls")}
    headers = extra.pop("extra_headers", {})
    body = fields(options) | extra.pop("extra_body", {}) | extra
    # Whoever sets a limit that is shorter than LiveKit's ordinary one means it.
    patient = timeout >= DEFAULT_API_CONNECT_OPTIONS.timeout
    first_token = options.first_token_timeout
    if first_token is None:
        first_token, patient = timeout, False
    limits = [body.pop("max_completion_tokens", None), body.pop("max_tokens", None)]
    return Request(
        model=options.model,
        messages=messages,
        tools=render_tools(tools),
        body=body,
        headers=headers,
        max_tokens=next(filter(None, limits), options.max_completion_tokens),
        warm=warm,
        continue_final=continue_final,
        conversation=_conversation(chat_ctx),
        first_token_timeout=first_token if patient else min(first_token, timeout),
        patient=patient,
        timeout=timeout,
    )


def fields(options: LLMOptions) -> dict[str, Any]:
    """Fields of every request's body."""
    # Qwen and GLM call the switch enable_thinking, DeepSeek and Granite thinking; a template
    # that knows neither ignores both.
    thinking = {"enable_thinking": options.thinking, "thinking": options.thinking}
    body: dict[str, Any] = {"chat_template_kwargs": thinking}
    for name in ("temperature", "top_p", "priority", "cache_salt"):
        if (value := getattr(options, name)) is not None:
            body[name] = value
    return body | options.extra_body


def tool_fields(choice: ToolChoice | None, parallel: bool | None) -> dict[str, Any]:
    """LiveKit's choice of tools in the API's form."""
    options: dict[str, Any] = {}
    if isinstance(choice, dict):
        name = choice["function"]["name"]
        options["tool_choice"] = {"type": "function", "function": {"name": name}}
    elif choice is not None:
        options["tool_choice"] = choice
    if parallel is not None:
        options["parallel_tool_calls"] = parallel
    return options


def _conversation(chat_ctx: ChatContext) -> str | None:
    """Id of the first item that is said: LiveKit's id of the instructions is everybody's."""
    for item in chat_ctx.items:
        if item.type == "message" and item.role in ("user", "assistant"):
            return item.id
    return None

"""A conversation that fits into the model's context, whatever its length.

Whole turns are left out, the oldest first. A turn is everything from one user message to the
next, so a tool call never loses its result. The system prompt and the tools never change. How
far the cut goes is rounded up to an eighth of the context: the beginning of the prompt then
stays the same for many turns, and the server finds it in its prefix cache.
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from livekit.agents import APIStatusError

from ..log import logger
from .messages import Message, text_of

Counter = Callable[[list[Message]], Awaitable[int | None]]
"""Counts the tokens of a prompt exactly, or returns None if the server cannot."""

# Tokens that a chat template puts around a message, and around the description of the tools.
_PER_MESSAGE = 5
_PER_TOOLS = 150
# An image of 1280 × 720 has 1,196 tokens for Qwen-VL; a second of sound 25 for Qwen2-Audio.
_PER_IMAGE = 1200
_PER_SOUND_SECOND = 25
_SOUND_BYTES_PER_SECOND = 16_000 * 2 * 4 / 3  # PCM16 at 16 kHz in base64

# An estimate is trusted without asking the server if it fills less than this share of the context.
_SURE = 0.8
# Where the server cannot count, an estimate may fill this share.
_MARGIN = 0.95
# What a text that is cut in the middle keeps at least, in characters.
_SHORTEST = 200

# "context length is only 4096", "context size (4096 tokens)", "max_model_len of 4,096"
_LENGTH = re.compile(
    r"(?:context|model)[ _](?:length|size|window|len)\b\D{0,40}?(\d{1,3}(?:,\d{3})+|\d{3,})", re.I
)

# Letters come some five to a token, digits singly, Chinese characters one each or better.
_PIECES = re.compile(r"[A-Za-z]+|[^\sA-Za-z]|\n")


@dataclass(frozen=True)
class Fitted:
    """A prompt that fits.

    Attributes:
        messages: The messages to send.
        estimate: Their estimated length in tokens, before correction by what servers counted.
        left_out: Messages that were left out, the oldest of the conversation.
        max_tokens: Room for the reply, in tokens.
    """

    messages: list[Message]
    estimate: int
    left_out: list[Message]
    max_tokens: int


class ContextFitter:
    """Fits prompts for one model, and learns how its tokeniser counts.

    Args:
        base_url: Address of the server, for error messages.
    """

    def __init__(self, base_url: str) -> None:
        self._base_url = base_url
        self._scale = 1.0  # tokens counted by the server for each that was estimated
        self._told: int | None = None  # the context's length, from a refusal

    def learn(self, estimate: int, counted: int) -> None:
        """Correct later estimates by what the server counted for this one."""
        if estimate and counted:
            self._scale = min(max(counted / estimate, 0.3), 3.0)

    def overflowed(self, message: str) -> None:
        """The server refused a prompt as too long: estimate more cautiously.

        Args:
            message: The server's message, which usually names the length of the context.
        """
        self._scale = min(max(self._scale, 1.0) * 1.25, 6.0)
        if match := _LENGTH.search(message):
            self._told = int(match.group(1).replace(",", ""))

    async def fit(
        self,
        messages: list[Message],
        tools: list[dict[str, Any]],
        *,
        max_model_len: int | None,
        max_tokens: int,
        count: Counter,
    ) -> Fitted:
        """Leave out as many of the oldest turns as necessary.

        Args:
            messages: The conversation.
            tools: Schemas of the tools that are sent with it.
            max_model_len: Longest prompt and reply together, in tokens.
            max_tokens: Longest reply, in tokens.
            count: Called to count the tokens when the estimate comes near the limit.

        Raises:
            APIStatusError: Not even the system prompt and the tools leave room for a reply.
        """
        max_model_len = max_model_len or self._told
        if max_model_len is None:
            return Fitted(messages, estimate(messages, tools), [], max_tokens)
        # The reply takes at most half of a small context.
        max_tokens = min(max_tokens, max_model_len // 2)
        budget = max_model_len - max_tokens
        for _ in range(5):
            fitted = self._fit(messages, tools, budget, max_model_len)
            if fitted.estimate * self._scale < _SURE * budget:
                break
            counted = await count(fitted.messages)
            if counted is None:
                fitted = self._fit(messages, tools, int(_MARGIN * budget), max_model_len)
                break
            self.learn(fitted.estimate, counted)
            if counted <= budget:
                break
            self._scale *= 1.02  # or it might come out one token too long again
        if fitted.left_out:
            logger.debug(
                "history trimmed",
                extra={"left_out": len(fitted.left_out), "kept": len(fitted.messages)},
            )
        return replace(fitted, max_tokens=max_tokens)

    def _fit(
        self, messages: list[Message], tools: list[dict[str, Any]], budget: int, length: int
    ) -> Fitted:
        head = messages[:1] if messages[0]["role"] == "system" else []
        turns = _turns(messages[len(head) :])
        fixed = estimate(head, tools)
        sizes = [estimate(turn, []) for turn in turns]
        room = int(budget / self._scale) - fixed
        excess = sum(sizes) - room
        kept = turns
        if excess > 0:
            # In steps: the prompt's beginning changes only when a step is passed.
            step = max(1, length // 8)
            target = -(-excess // step) * step
            first = dropped = 0
            while first < len(turns) - 1 and dropped < target:
                dropped += sizes[first]
                first += 1
            kept = turns[first:]
            still = sum(sizes[first:]) - room
            if still > 0:
                kept = [*kept[:-1], self._shortened(kept[-1], still)]
        flat = [message for turn in kept for message in turn]
        left_out = [message for turn in turns[: len(turns) - len(kept)] for message in turn]
        return Fitted([*head, *flat], estimate([*head, *flat], tools), left_out, 0)

    def _shortened(self, turn: list[Message], excess: int) -> list[Message]:
        """The only turn left, with its longest texts cut in the middle."""
        turn = list(turn)
        while excess > 0:
            index = max(range(len(turn)), key=lambda i: len(_plain(turn[i])))
            text = _plain(turn[index])
            if len(text) <= _SHORTEST:
                raise APIStatusError(
                    f"The system prompt and the tools alone fill the context of {self._base_url}: "
                    "shorten them, or start vLLM with a larger --max-model-len.",
                    status_code=400,
                )
            keep = max(_SHORTEST, len(text) - max(excess, len(text) // 4))
            short = f"{text[: keep * 2 // 3]} … {text[-(keep // 3) :]}"
            turn[index] = {**turn[index], "content": short}
            excess -= tokens_in(text) - tokens_in(short)
        return turn


def estimate(messages: list[Message], tools: list[dict[str, Any]]) -> int:
    """Tokens of a prompt, estimated from its characters."""
    total = sum(_message_tokens(message) for message in messages)
    if tools:
        total += _PER_TOOLS + tokens_in(json.dumps(tools, ensure_ascii=False))
    return total


@lru_cache(maxsize=4096)
def tokens_in(text: str) -> int:
    """Tokens of a text, estimated on the high side for Qwen's and Llama's tokenisers."""
    return sum(
        1 + (len(piece) - 1) // 5 if piece.isascii() else 1 for piece in _PIECES.findall(text)
    )


def _message_tokens(message: Message) -> int:
    total = _PER_MESSAGE + tokens_in(text_of(message))
    if calls := message.get("tool_calls"):
        total += tokens_in(json.dumps([call["function"] for call in calls], ensure_ascii=False))
    if isinstance(message.get("content"), list):
        for part in message["content"]:
            if part["type"] == "image_url":
                total += _PER_IMAGE
            elif part["type"] == "input_audio":
                seconds = len(part["input_audio"]["data"]) / _SOUND_BYTES_PER_SECOND
                total += int(_PER_SOUND_SECOND * seconds) + 1
    return total


def _plain(message: Message) -> str:
    content = message.get("content")
    return content if isinstance(content, str) else ""


def _turns(messages: list[Message]) -> list[list[Message]]:
    turns: list[list[Message]] = []
    for message in messages:
        if message["role"] == "user" or not turns:
            turns.append([])
        turns[-1].append(message)
    return turns

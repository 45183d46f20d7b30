"""The gist of the turns that no longer fit into the context."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from livekit.agents import APIError

from ..log import logger
from .context import tokens_in
from .dialects import SpeechFilter
from .messages import Message, text_of

SUMMARY_TOKENS = 200
"""Longest summary, for which room is kept in the context."""

_MOST_TOKENS_READ = 1200
_REMEMBERED = 256

_INSTRUCTIONS = (
    "You keep the notes of a spoken conversation. Rewrite the notes so that they cover what was "
    "said since: names, numbers, wishes, decisions and open questions, in at most 100 words, in "
    "the language of the conversation. Answer with the notes alone."
)


@dataclass
class _Notes:
    covered: int  # messages of the conversation, from its beginning
    text: str


class Summarizer:
    """Keeps notes of each conversation, rewritten in the background when more is left out.

    A reply never waits for them: until new notes are written it goes with the old ones.

    Args:
        ask: Function that asks the model, at a lower priority than any reply.
    """

    def __init__(self, ask: Callable[[list[Message]], Awaitable[str]]) -> None:
        self._ask = ask
        self._notes: OrderedDict[str, _Notes] = OrderedDict()
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def notes(self, conversation: str, left_out: list[Message]) -> str | None:
        """What is noted of the messages that were left out."""
        known = self._notes.get(conversation) or _Notes(0, "")
        if known.covered < len(left_out) and conversation not in self._tasks:
            task = asyncio.create_task(
                self._rewrite(conversation, known, list(left_out)), name="vllm-summary"
            )
            self._tasks[conversation] = task
            task.add_done_callback(lambda _: self._tasks.pop(conversation, None))
        # Notes of what is still in the prompt would only repeat it.
        return known.text if known.text and known.covered <= len(left_out) else None

    async def aclose(self) -> None:
        """Cancel the summaries being written. May be called twice."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _rewrite(self, conversation: str, known: _Notes, left_out: list[Message]) -> None:
        said = _transcript(left_out[known.covered :])
        try:
            text = await self._ask(
                [
                    {"role": "system", "content": _INSTRUCTIONS},
                    {"role": "user", "content": f"Notes: {known.text or '-'}\n\nSaid:\n{said}"},
                ]
            )
        except APIError as e:
            logger.warning("no summary", extra={"reason": e.message})
            return
        speech = SpeechFilter()
        text = speech.feed(text) + speech.finish(cut_off=False)
        if text.strip():
            self._notes[conversation] = _Notes(len(left_out), text.strip())
            self._notes.move_to_end(conversation)
            if len(self._notes) > _REMEMBERED:
                self._notes.popitem(last=False)


def with_notes(messages: list[Message], notes: str) -> list[Message]:
    """The messages with the notes before the first user's words.

    Not as a message of their own, which many templates would refuse, and not in the system
    prompt, which stays the same for the prefix cache.
    """
    messages = list(messages)
    for index, message in enumerate(messages):
        if message["role"] == "user":
            noted = f"<earlier>\n{notes}\n</earlier>\n"
            content = message["content"]
            if isinstance(content, str):
                content = noted + content
            else:
                content = [{"type": "text", "text": noted}, *content]
            messages[index] = {**message, "content": content}
            break
    return messages


def _transcript(messages: list[Message]) -> str:
    lines: list[str] = []
    room = _MOST_TOKENS_READ
    for message in reversed(messages):
        line = f"{message['role']}: {text_of(message)}"
        room -= tokens_in(line)
        if room < 0:
            break
        if text_of(message):
            lines.append(line)
    return "\n".join(reversed(lines))

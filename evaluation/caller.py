"""Who calls: lines of a script, or a model that plays a person."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from livekit.agents import APIConnectOptions, llm

from agent.languages import words
from agent.transcript import Said

from .scenario import Scenario

HANG_UP = "[HANG UP]"
"""What a model writes when the person that it plays puts the phone down."""

_OPTIONS = APIConnectOptions(max_retry=1, retry_interval=2.0, timeout=60.0)
_LONGEST = 600
"""Characters of one turn: 40 seconds of speech. Small models do not always come to an end."""
_ALIKE = 3
"""The same words so often in a row: small models cannot always leave a circle."""


class Caller(Protocol):
    """Somebody who calls."""

    async def says(self, before: Sequence[Said]) -> str | None:
        """What they say next; None if they put the phone down.

        Args:
            before: What was said so far.

        Raises:
            livekit.agents.APIError: The model that plays them failed.
        """

    def interrupts(self) -> None:
        """They have said something over the agent, in place of what they were to say next."""

    @property
    def left(self) -> list[str]:
        """What they would still have said."""


def unsaid(when: str, caller: Caller) -> str:
    """That a call ended before a caller had done; empty if they had.

    Args:
        when: How it ended, and "the caller had".
        caller: Who called.
    """
    return f"{when} still to say {caller.left[0]!r}" if caller.left else ""


class ScriptedCaller:
    """Says its lines, whatever the answers are.

    Args:
        lines: What it says, turn by turn.
    """

    def __init__(self, lines: Sequence[str]) -> None:
        self._lines = list(lines)

    async def says(self, before: Sequence[Said]) -> str | None:
        """The next line."""
        return self._lines.pop(0) if self._lines else None

    def interrupts(self) -> None:
        """Leave a line out."""
        del self._lines[:1]

    @property
    def left(self) -> list[str]:
        """The lines that were not said."""
        return list(self._lines)


class ModelCaller:
    """A person that a model plays.

    Args:
        scenario: Who they are and what they want.
        model: Plays them.
    """

    def __init__(self, scenario: Scenario, model: llm.LLM[Any]) -> None:
        self._task, self._model = task(scenario), model
        self._said: list[str] = []
        self._gone = False

    async def says(self, before: Sequence[Said]) -> str | None:
        """What the model has them say next."""
        if self._gone:
            return None
        chat_ctx = llm.ChatContext.empty()
        chat_ctx.add_message(role="system", content=self._task)
        if not before or before[0].who == "caller":
            chat_ctx.add_message(role="user", content="(The phone is picked up.)")
        for line in before:
            role = "user" if line.who == "agent" else "assistant"
            chat_ctx.add_message(role=role, content=line.text)  # type: ignore[arg-type]
        async with self._model.chat(chat_ctx=chat_ctx, conn_options=_OPTIONS) as stream:
            parts = [chunk.delta.content or "" async for chunk in stream if chunk.delta]
        text, hung_up, _ = "".join(parts).partition(HANG_UP)
        said = " ".join(text.split())[:_LONGEST]
        self._said = [*self._said, said][-_ALIKE:]
        in_circles = len(self._said) == _ALIKE and len(set(self._said)) == 1
        self._gone = bool(hung_up)
        return None if in_circles or not said else said

    def interrupts(self) -> None:
        """Nothing: what was said is in the conversation that it is shown."""

    @property
    def left(self) -> list[str]:
        """Nothing: nobody knows what they would have said."""
        return []


def task(scenario: Scenario) -> str:
    """What a model is told that plays the caller."""
    caller = scenario.caller
    facts = "; ".join(f"{name}: {value}" for name, value in caller.facts.items())
    parts = [
        f"You play somebody who calls an agent on the phone: {caller.persona}.",
        f"What you want: {caller.goal}",
        f"Your mood: {caller.mood}." if caller.mood else "",
        f"What you know, to be told only when you are asked for it: {facts}." if facts else "",
        "The agent's words come to you as the user's. Write only what you say next, as it is"
        f" spoken: one or two short sentences in {words(scenario.language).name}, without your name"
        " in front, without notes. You are the caller: never offer help, never play the agent, and"
        " make nothing up.",
        "As soon as you have what you want, or it is clear that you will not get it, say goodbye"
        f" and write {HANG_UP} after it.",
    ]
    return "\n".join(part for part in parts if part)

"""A unit of a reply on its way, where it comes from and where it goes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from typing import Protocol

from livekit.agents.types import TimedString
from livekit.agents.utils import aio

from .client import AlignedWord, OnWords
from .style import Style


class Sink(Protocol):
    """Where a reply goes; LiveKit's AudioEmitter is one."""

    def push(self, data: bytes) -> None:
        """Take PCM."""

    def push_timed_transcript(self, delta_text: list[TimedString]) -> None:
        """Take words, each of them a `SpokenWord`."""


Speak = Callable[[str, str, Style, OnWords | None], AsyncGenerator[bytes, None]]
"""Asks for the sound of a text, given what was written before it and its style; the callback, if
there is one, takes the times of its words."""


@dataclass
class Unit:
    """A text at the servers, and its audio so far."""

    text: str
    before: str
    """All that was written before it in the reply."""
    style: Style
    seconds: float
    """The expected length."""
    resumed: bool = False
    """Whether it is the rest of a unit that broke off."""
    chunks: aio.Chan[bytes] = field(default_factory=aio.Chan)
    task: asyncio.Task[None] | None = None
    words: list[AlignedWord] = field(default_factory=list)
    asked_at: float = 0.0
    first_at: float | None = None
    """When its first audio came."""
    received: float = 0.0
    passed: float = 0.0
    """Seconds of audio received, and of these passed on to be played."""

    def align(self, words: list[AlignedWord]) -> None:
        """Take what the server's forced aligner found."""
        self.words = words

    @property
    def sounds(self) -> bool:
        """Whether its first audio came, or will not."""
        return self.first_at is not None or (self.task is not None and self.task.done())

    @property
    def outstanding(self) -> float:
        """Seconds of its audio that are still to be passed on, by the best estimate."""
        done = self.task is None or self.task.done()
        return (self.received if done else max(self.received, self.seconds)) - self.passed

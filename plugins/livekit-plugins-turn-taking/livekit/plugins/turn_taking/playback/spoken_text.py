"""What the agent is saying: the text of its replies, and when each word is heard."""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable
from dataclasses import dataclass, field

from livekit.agents.types import TimedString
from livekit.agents.utils import is_given

from ..languages.phrases import tokens

_BEFORE, _AFTER = 6.0, 1.0
"""Seconds around now whose words an echo can have: a slow recogniser is some seconds behind."""
_ROUNDING = 0.03
"""Seconds by which a word's end may be after a position, and the word was heard all the same: times
and frames of 10 ms are rounded, and a word's last sound fades. Without it a "Sure," that was played
to its end was not heard."""
_PARTS = 12
"""Texts remembered: the parts of a long reply, and replies that are not played yet."""
_MARKUP = re.compile(r"<[^<>]*>")


@dataclass
class _Text:
    written: str = ""
    complete: bool = False


@dataclass(frozen=True)
class Unheard:
    """What was not heard of a reply."""

    text: str
    complete: bool
    """Whether that is all of it: the model had written it to the end."""


@dataclass
class SpokenText:
    """The words of the reply that is being played, and the texts that replies are made from.

    A reply is written before it is played, sometimes while another one still is, so that the text
    of what is played is told by its words.
    """

    _texts: deque[_Text] = field(default_factory=lambda: deque(maxlen=_PARTS))
    _words: list[tuple[str, float, float]] = field(default_factory=list)
    clock: Callable[[], float] = time.monotonic
    """Seconds on a clock that never steps back."""
    _lately: deque[tuple[float, tuple[str, ...]]] = field(
        default_factory=lambda: deque(maxlen=_PARTS)
    )
    """What else was said, each with the time until which its echo is looked for."""

    async def write(self, text: AsyncIterable[str]) -> AsyncGenerator[str]:
        """Pass on the text of a reply as it is written."""
        kept = _Text()
        self._texts.append(kept)
        async for piece in text:
            kept.written += piece
            yield piece
        kept.complete = True

    async def play(self, words: AsyncIterable[str]) -> AsyncIterator[str]:
        """Pass on the words of a reply that begins to be played."""
        if self._words:  # an echo may be of the reply before
            self.ends(self._words[-1][2])
        self._words = []
        async for word in words:
            if isinstance(word, TimedString) and is_given(word.end_time):
                start = word.start_time if is_given(word.start_time) else word.end_time
                # A voice that is late leaves holes: the word is heard later than it is played.
                # Any TTS may say by how many seconds, in an attribute `dry` of its words.
                dry: float = getattr(word, "dry", 0.0)
                self._words.append((str(word), start - dry, word.end_time - dry))
            yield word

    def heard(self, position: float) -> str | None:
        """Return what was said until a moment; a word counts once all of it was.

        A reply that goes on begins with the word that was cut. Counting half a word as heard put
        0.75 words too many into the history, a mean of 40 interruptions; this way it is 0.2.

        Args:
            position: Seconds of the reply that were played.

        Returns:
            The text; None if its words have no times.
        """
        if not self._words:
            return None
        return "".join(word for word, _, end in self._words if end <= position + _ROUNDING)

    def ends(self, position: float) -> None:
        """Learn that the reply is over, after so many seconds of it: its echo is yet to come."""
        self._remember(self._near(position), 0.0)

    def aside(self, text: str, seconds: float) -> None:
        """Learn what is said beside the replies from now on, for so many seconds."""
        self._remember(tokens(text), seconds)

    def around(self, position: float | None) -> tuple[str, ...]:
        """Return the words that were said lately, or will be soon, as they are compared.

        Args:
            position: Seconds of the reply that were played; None while none is.
        """
        now = self.clock()
        lately = [word for until, words in self._lately if now < until for word in words]
        return (*lately, *(self._near(position) if position is not None else ()))

    def _remember(self, words: tuple[str, ...], seconds: float) -> None:
        self._lately.append((self.clock() + seconds + _BEFORE, words))

    def _near(self, position: float) -> tuple[str, ...]:
        return tokens(
            "".join(
                word
                for word, start, end in self._words
                if end > position - _BEFORE and start < position + _AFTER
            )
        )

    def unheard(self, heard: str) -> Unheard | None:
        """Return what comes after a text that was heard; None if that is of no reply known."""
        texts = list(self._texts)
        for i in reversed(range(len(texts))):
            end = _end_of(heard, texts[i].written)
            if end is not None:
                # A reply in parts has several texts, and those that follow were not heard.
                parts = [texts[i].written[end:], *(text.written for text in texts[i + 1 :])]
                return Unheard(" ".join(parts).strip(), texts[-1].complete)
        return None


def _end_of(heard: str, written: str) -> int | None:
    """Return where a text ends in another that has markup and spaces besides."""
    at = 0
    for char in heard:
        if char.isspace():
            continue
        while at < len(written) and written[at] != char:
            markup = _MARKUP.match(written, at)
            if markup is None and not written[at].isspace():
                return None
            at = markup.end() if markup else at + 1
        if at == len(written):
            return None
        at += 1
    return at

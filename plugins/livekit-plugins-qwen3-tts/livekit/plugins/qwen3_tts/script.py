"""What is still to be said of a reply: its text, cut into units, each in its style."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from .breaks import is_whole
from .halves import Joiner
from .segmenter import Segmenter
from .style import Style, StyleParser


class Piece(NamedTuple):
    """The text of a unit."""

    text: str
    before: str
    """All that was written before it in the reply."""
    style: Style


class Script:
    """The text of one reply as it is written.

    Args:
        longest: Returns the length of the longest unit at the moment, in Chinese characters.
    """

    def __init__(self, longest: Callable[[], int]) -> None:
        self._longest = longest
        self._halves = Joiner()
        self._styles = StyleParser()
        self._spans: deque[tuple[Style, Segmenter]] = deque()
        self._written = ""  # what units were made of so far
        self._first = True
        self._ended = False

    def push(self, text: str) -> None:
        """Add text."""
        self._push(self._halves.push(text))

    def flush(self) -> None:
        """Take what was pushed for whole, without waiting for more of its sentence."""
        if self._spans:
            self._spans[-1][1].end()

    def end(self) -> None:
        """Mark the end of the text."""
        self._push(self._halves.flush())
        for part, style in self._styles.flush():
            self._add(part, style)
        self._ended = True
        self.flush()

    @property
    def done(self) -> bool:
        """Whether all of it was taken."""
        return self._ended and not self._spans

    @property
    def stuck(self) -> bool:
        """Whether a whole sentence waits only for the next one, which may be long in coming."""
        if self._ended or not self._spans:
            return False
        segmenter = self._spans[-1][1]
        return not segmenter.ended and is_whole(segmenter.pending)

    def take(self, queued: float) -> Piece | None:
        """Return the next unit; None when there is none yet.

        Args:
            queued: Seconds of audio waiting to be played.
        """
        while self._spans:
            style, segmenter = self._spans[0]
            text = segmenter.take(queued)
            if text is not None:
                piece = Piece(text, self._written, style)
                self._written += text
                return piece
            if not segmenter.ended:
                return None
            self._spans.popleft()
        return None

    def _push(self, text: str) -> None:
        for part, style in self._styles.push(text):
            self._add(part, style)

    def _add(self, text: str, style: Style) -> None:
        if not self._spans or self._spans[-1][0] != style or self._spans[-1][1].ended:
            if self._spans:
                self._spans[-1][1].end()
            segmenter = Segmenter(starter=self._first, longest=self._longest())
            self._spans.append((style, segmenter))
            self._first = False
        self._spans[-1][1].push(text)

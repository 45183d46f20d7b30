"""Cuts a stream of text into units, each of which is one request to the voice.

The first unit, the *starter*, is short, because nobody hears anything before it is spoken; the
*mains* after it are long, because a voice phrases a whole sentence better than its parts. How long
depends on how much audio is waiting to be played: with a second or less a sentence goes out the
moment it ends, with more it may wait for its neighbour.

    segmenter = Segmenter()
    for token in tokens:
        segmenter.push(token)
        while unit := segmenter.take():
            say(unit)
    segmenter.end()
    while unit := segmenter.take():
        say(unit)
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from .breaks import (
    CLOSERS,
    MARK,
    OPENERS,
    PAIRED,
    PAIRED_MARK,
    Meaning,
    grapheme_break,
    is_trailer,
    meaning,
    word_break,
    words,
)
from .measure import CJK

_CJK_RUN = re.compile(f"[{CJK}]+")
# A run of more than twelve letters is a URL, a code or a German compound: several words.
_WORD = re.compile(rf"[^\W_{CJK}]{{1,12}}")
_ASCII_WORD = re.compile(r"[A-Za-z0-9]{1,12}")
_APOSTROPHE = re.compile(r"(?<=[^\W_])['’](?=[^\W_])")
_TOKEN = re.compile(rf"[{CJK}]|[^\W_{CJK}]{{1,12}}(?:['’][^\W_{CJK}]{{1,12}})*")
# No unit is longer than this, blanks included; it bounds one look at the text.
_WINDOW = 400

# Standing alone, these are not a beginning that a voice can phrase.
_FILLERS = words(
    "嗯 啊 哦 呃 唔 诶 欸 哎 唉 喔 噢 那 嗯嗯 えと え あ ん 음 어 well oh um uh er erm hmm hm "
    "mm ah so and but now"
)
_NOT_WORD = re.compile(r"[\W_]+")


@dataclass(frozen=True)
class _Limits:
    """Lengths in Chinese characters; a word of Latin script counts as `word` of them."""

    word: float
    hard: float
    """The least length at which the end of a sentence ends the unit."""
    soft: float
    """The least length at which a pause ends the unit."""
    most: float
    """The length within which a unit that is too long is cut, after the last word that fits."""
    full: float
    """The length from which it is too long: a sentence that ends before that is not cut."""
    eager: bool = False
    """Whether a cut at the end of a sentence is made without waiting for the next character."""


# 2 to 6 characters or 1 to 3 words.
_STARTER = _Limits(word=2.0, hard=2.0, soft=2.0, most=6.0, full=8.0, eager=True)
# Little audio is queued behind a starter, so the next is short too: 8 to 12, or 4 to 6 words.
_SECOND = _Limits(word=2.0, hard=2.0, soft=8.0, most=12.0, full=16.0, eager=True)
# 25 words take as long to say as 60 characters.
_WORD_IN_MAIN = 2.4
# By how much one more character can lengthen a unit: most as a word of one letter between Chinese
# characters. The word that has just begun counts 1.0 more.
_MOST_A_CHARACTER = (_WORD_IN_MAIN + 1.0) / 2
# A pause is taken only when this much follows it in its sentence, lest two characters be left.
_TAIL = 3.0

# Seconds of queued audio from which sentences, then longer passages, are gathered.
GATHER_SENTENCES = 1.0
GATHER_PASSAGES = 4.0


class Segmenter:
    """An incremental text segmenter; see the module for its use.

    The units depend on the text and on the audio queued at each `take` alone, never on how the
    text was cut into tokens, and joined they equal the text.

    Args:
        starter: Whether the text begins a reply, so that the first unit is to be short.
        longest: The length of the longest unit in Chinese characters; Latin script gets 25 words
            for every 60.
    """

    def __init__(self, *, starter: bool = True, longest: int = 60) -> None:
        if longest < 12:
            raise ValueError(f"longest is {longest}: a unit needs room for at least 12 characters")
        self._index = 0 if starter else 2
        self._mains = (
            _main(longest, hard=2.4, soft=20, eager=True),
            _main(longest, hard=12, soft=20),
            _main(longest, hard=20, soft=40),
        )
        self._text = ""
        self._start = 0
        self._ended = False
        # Brackets open and whether a straight quotation is, where the pending unit begins.
        self._open_at_start = (0, False)
        self._limits: _Limits | None = None
        self._rewind()

    @property
    def ended(self) -> bool:
        """Whether the end of the text was marked."""
        return self._ended

    @property
    def pending(self) -> str:
        """The text not yet taken."""
        return self._text[self._start :]

    def push(self, text: str) -> None:
        """Add text.

        Raises:
            RuntimeError: The text was ended before.
        """
        if self._ended:
            raise RuntimeError("text pushed after the end of the segmenter's text")
        self._text += text

    def end(self) -> None:
        """Mark the end of the text: what is pending becomes units."""
        self._ended = True

    def take(self, queued: float = 0.0) -> str | None:
        """Return the next unit; None when there is none yet.

        Args:
            queued: Seconds of audio waiting to be played.
        """
        limits = self._limits_at(queued)
        if limits is not self._limits:
            self._limits = limits
            self._rewind()
        cut = self._find(limits)
        if cut is None:
            if not self._ended or self._start == len(self._text):
                return None
            cut = len(self._text)
        unit = self._text[self._start : cut]
        self._open_at_start = _brackets(unit, *self._open_at_start)
        self._start = cut
        self._index += 1
        # Each push copies the text that is kept.
        if self._start > 1024:
            self._text = self._text[self._start :]
            self._start = 0
        self._rewind()
        return unit

    def _limits_at(self, queued: float) -> _Limits:
        if self._index == 0:
            return _STARTER
        if queued < GATHER_SENTENCES:
            return _SECOND if self._index == 1 else self._mains[0]
        return self._mains[1] if queued < GATHER_PASSAGES else self._mains[2]

    def _rewind(self) -> None:
        self._scan = self._start
        self._size = 0.0  # of the unit up to there
        self._open = self._open_at_start
        self._pause: tuple[int, float] | None = None  # a pause to cut at, if enough follows it
        self._marks: list[tuple[int, float]] = []  # the ends of all marks
        self._read = self._start  # no mark between what was scanned and there
        self._calm = -1  # the text's length up to which only a mark can end the unit

    def _find(self, limits: _Limits) -> int | None:
        """Return where the pending unit ends; None when only more text can tell.

        Every decision is made at the first character that allows it, so that it is the same
        whether the text comes by the character or at once.
        """
        text, word = self._text, limits.word
        if len(text) <= self._calm and not MARK.search(text, self._read):
            self._read = len(text)
            return None
        while True:
            window = self._scan + _WINDOW
            match = MARK.search(text, self._scan, window)
            until = match.start() if match else min(window, len(text))
            size = self._size + _measure(text[self._scan : until], word)
            ready = self._pause is not None and size - self._pause[1] >= _TAIL
            if size > limits.full:
                return self._force(until, limits)
            if ready and self._pause:
                return self._pause[0]
            if match is None:
                if until < window:
                    least = self._pause[1] + _TAIL if self._pause else limits.full
                    room = int((min(least, limits.full) - size - 1.0) / _MOST_A_CHARACTER)
                    self._read, self._calm = until, min(until + room, window - 1)
                    return None
                self._scan, self._size = until, size
                continue
            mark = match.group()
            if mark in PAIRED:
                self._pass(match.end(), size)
                continue
            means = meaning(text, self._start, until, self._ended)
            if means == "wait":
                return None
            if means == "none":
                self._pass(match.end(), size)
                continue
            end = self._mark_end(match.end(), means, limits)
            if end is None:
                return None
            enough = size >= (limits.hard if means == "hard" else limits.soft)
            if enough and limits is _STARTER:
                enough = not self._is_filler(until)
            if enough and (means == "hard" or limits is _STARTER):
                return end
            if means == "hard":
                self._pause = None
            elif enough and self._pause is None:
                self._pause = end, size
            self._marks.append((end, size))
            self._pass(end, size)

    def _pass(self, end: int, size: float) -> None:
        self._open = _brackets(self._text[self._scan : end], *self._open)
        self._scan, self._size = end, size

    def _force(self, until: int, limits: _Limits) -> int:
        """Return the cut of a unit that has grown too long, with no mark before `until`."""
        text = self._text
        if self._pause:
            # Had enough come after the pause before the unit was full?
            for end in range(self._scan, until + 1):
                size = self._size + _measure(text[self._scan : end], limits.word)
                if size > limits.full:
                    break
                if size - self._pause[1] >= _TAIL:
                    return self._pause[0]
        least = most = None
        size = 0.0
        for token in _TOKEN.finditer(text, self._start):
            grown = size + _measure(token.group(), limits.word)
            if grown > limits.most:
                most = token.start() if size else token.start() + 12
                break
            size = grown
            if least is None and size >= limits.soft:
                least = token.end()
        assert most is not None
        least = min(least or most, most)
        # A mark cuts better than a word boundary, even somewhat early.
        if marks := [e for e, size in self._marks if e <= most and size >= limits.soft / 2]:
            return marks[-1]
        cut = word_break(text, self._start, least, most)
        return cut or max(self._start + 1, grapheme_break(text, self._start, most))

    def _mark_end(self, end: int, means: Meaning, limits: _Limits) -> int | None:
        """Return the end of what belongs to the mark before `end`; None if it is yet to come.

        With little audio queued a cut does not wait for the next character, unless a bracket or
        a quotation that is open may close there.
        """
        depth, quoted = self._open
        eager = limits is _STARTER or (limits.eager and means == "hard")
        text = self._text
        while not eager or depth or quoted:
            if end == len(text):
                return end if self._ended else None
            closes = (depth and text[end] in CLOSERS) or (quoted and text[end] == '"')
            if not closes and (eager or not is_trailer(text, end)):
                return end
            depth, quoted = _brackets(text[end], depth, quoted)
            end += 1
        return end

    def _is_filler(self, until: int) -> bool:
        return _NOT_WORD.sub("", self._text[self._start : until]).lower() in _FILLERS


def segment(text: str, *, starter: bool = True, longest: int = 60) -> Iterator[str]:
    """Yield the units of a whole text, as `Segmenter` would with no audio queued."""
    segmenter = Segmenter(starter=starter, longest=longest)
    segmenter.push(text)
    segmenter.end()
    while unit := segmenter.take():
        yield unit


def _main(longest: int, *, hard: float, soft: float, eager: bool = False) -> _Limits:
    return _Limits(
        word=_WORD_IN_MAIN,
        hard=min(hard, longest * 2 / 3),
        soft=min(soft, longest * 2 / 3),
        most=longest,
        full=longest + 6.0,
        eager=eager,
    )


def _measure(span: str, word: float) -> float:
    """Return the length of a span in Chinese characters; it never shrinks as the span grows."""
    if span.isascii():
        words, chars = len(_ASCII_WORD.findall(span)), 0
    else:
        words, chars = len(_WORD.findall(span)), sum(map(len, _CJK_RUN.findall(span)))
    if words and ("'" in span or "’" in span):
        words -= len(_APOSTROPHE.findall(span))
    return chars + word * words


def _brackets(span: str, depth: int, quoted: bool) -> tuple[int, bool]:
    """Return how many brackets are open after a span, and whether a straight quotation is."""
    for mark in PAIRED_MARK.findall(span):
        if mark == '"':
            quoted = not quoted
        elif mark in OPENERS:
            depth += 1
        elif mark in CLOSERS:
            depth = max(0, depth - 1)
        else:  # a paragraph leaves nothing open
            depth, quoted = 0, False
    return depth, quoted

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

from . import quotations
from .breaks import MARK, goes_on, is_trailer, meaning
from .dotted_words import words
from .full_stops import Meaning
from .graphemes import grapheme_break
from .measure import CJK
from .quotations import PAIRED
from .wording import word_breaks

_CJK_RUN = re.compile(f"[{CJK}]+")
# A run of more than twelve letters is a URL, a code or a German compound: several words.
_WORD = re.compile(rf"[^\W_{CJK}]{{1,12}}")
_ASCII_WORD = re.compile(r"[A-Za-z0-9]{1,12}")
_APOSTROPHE = re.compile(r"(?<=[^\W_])['’](?=[^\W_])")
_TOKEN = re.compile(rf"[{CJK}]|[^\W_{CJK}]{{1,12}}(?:['’][^\W_{CJK}]{{1,12}})*")
# No unit is longer than this, marks and blanks included; it bounds one look at the text.
_LONGEST = 400
# What stands before a unit, and tells whether it begins a line.
_CONTEXT = 64
# A place past the length is judged with this many characters behind it: "5" may go on with " p.m.".
_AHEAD = 5
# What is read as one with the marks in it, and the length within which it closes or is none.
_IN_BRACKETS = (("[", 120), ("《", 40))

# Standing alone, these are not a beginning that a voice can phrase.
_FILLERS = words(
    "嗯 啊 哦 呃 唔 诶 欸 哎 唉 喔 噢 那 嗯嗯 えと え あ ん 음 어 well oh um uh er erm hmm hm "
    "mm ah so and but now"
)
# Where a unit may part at all: at a blank, next to a Chinese character, or in letters without end.
_MAY_PART = re.compile(rf"\s\S|[{CJK}]\S|\S[{CJK}]|[^\W\d_]{{2}}")
_NOT_WORD = re.compile(r"[\W_]+")


@dataclass(frozen=True)
class _Limits:
    """Lengths in Chinese characters; a word of Latin script counts as `word` of them."""

    word: float
    hard: float
    """The least length at which the end of a sentence ends the unit."""
    soft: float
    """The least length at which a pause ends the unit."""
    early: float
    """The least length at which a unit that is too long is cut, if no better place is left."""
    most: float
    """The length within which a unit that is too long is cut, after the last word that fits."""
    full: float
    """The length from which it is too long: a sentence that ends before that is not cut."""
    eager: bool = False
    """Whether a cut at the end of a sentence is made without waiting for the next character."""


# 2 to 6 characters or 1 to 3 words.
_STARTER = _Limits(word=2.0, hard=2.0, soft=2.0, early=2.0, most=6.0, full=8.0, eager=True)
# Little audio is queued behind a starter, so the next is short too: 8 to 12, or 4 to 6 words.
_SECOND = _Limits(word=2.0, hard=2.0, soft=8.0, early=4.0, most=12.0, full=16.0, eager=True)
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
        # The brackets and quotations open where the pending unit begins.
        self._open_at_start = ""
        self._limits: _Limits | None = None
        self._read = self._start  # no mark between what was scanned and there
        self._calm = -1  # the text's length up to which only a mark can end the unit
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
        cut = self._cut(limits)
        if cut is None:
            return None
        unit = self._text[self._start : cut]
        self._open_at_start = quotations.after(unit, self._open_at_start)
        self._start = cut
        self._index += 1
        # Each push copies the text that is kept.
        if self._start > 1024:
            self._text = self._text[self._start - _CONTEXT :]
            self._start = _CONTEXT
        self._rewind()
        return unit

    def _cut(self, limits: _Limits) -> int | None:
        """Return where the pending unit ends; None when only more text can tell."""
        text = self._text
        if len(text) <= self._calm and not self._ended and not MARK.search(text, self._read):
            self._read = len(text)
            return None
        stop = self._start + _LONGEST
        if len(text) < stop:
            cut = self._find(text, limits, self._ended)
            return len(text) if cut is None and self._ended and self._start < len(text) else cut
        # What comes after decides nothing, so that the unit is the same when it is not yet there.
        text = text[:stop]
        cut = self._find(text, limits, False)
        if cut is None:
            half = self._start + _LONGEST // 2
            places = [place for place, _ in word_breaks(text, self._start, half, stop - 1)]
            cut = places[-1] if places else grapheme_break(text, self._start, stop - 1)
        return cut if cut > self._start else stop

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
        self._past: int | None = None  # too long, and nowhere to be cut up to there
        self._read = self._start
        self._calm = -1

    def _find(self, text: str, limits: _Limits, ended: bool) -> int | None:
        """Return where the pending unit of a text ends; None when only more text can tell.

        Every decision is made at the first character that allows it, so that it is the same
        whether the text comes by the character or at once.
        """
        while True:
            match = MARK.search(text, self._scan)
            until = match.start() if match else len(text)
            size = _grown(self._size, text[self._scan : until], limits.word)
            ready = self._pause is not None and size - self._pause[1] >= _TAIL
            if size > limits.full:
                cut = self._force(text, until, limits, ended)
                if cut is not None:
                    return cut
            elif ready and self._pause:
                return self._pause[0]
            if match is None:
                if self._past is None:
                    least = self._pause[1] + _TAIL if self._pause else limits.full
                    room = int((min(least, limits.full) - size - 1.0) / _MOST_A_CHARACTER)
                    self._read = until
                    self._calm = min(until + room, self._start + _LONGEST - 1)
                return None
            mark = match.group()
            within = self._open and mark != "\n" and self._in_brackets(text, until)
            if mark in PAIRED or within:
                self._pass(text, match.end(), size)
                continue
            means = meaning(text, self._start, until, ended)
            if means == "wait":
                return None
            if means == "none":
                self._pass(text, match.end(), size)
                continue
            end = self._mark_end(text, match.end(), means, limits, ended)
            if end is None:
                return None
            if means == "hard" and not limits.eager and mark in ".!?":
                on = goes_on(text, end, ended)
                if on is None:
                    return None
                if on:
                    self._pass(text, end, size)
                    continue
            enough = size >= (limits.hard if means == "hard" else limits.soft)
            if enough and limits is _STARTER:
                enough = not self._is_filler(until)
            if enough and (means == "hard" or limits is _STARTER or self._past is not None):
                return end
            if means == "hard":
                self._pause = None
            elif enough and self._pause is None:
                self._pause = end, size
            self._marks.append((end, size))
            self._pass(text, end, size)

    def _pass(self, text: str, end: int, size: float) -> None:
        self._open = quotations.after(text[self._scan : end], self._open)
        self._scan, self._size = end, size

    def _in_brackets(self, text: str, index: int) -> bool:
        """Whether a mark is within a link, a citation or a title, which are read as one."""
        return any(
            opener in self._open and opener in text[max(self._start, index - longest) : index]
            for opener, longest in _IN_BRACKETS
        )

    def _force(self, text: str, until: int, limits: _Limits, ended: bool) -> int | None:
        """Return the cut of a unit that has grown too long, with no mark before `until`.

        Returns:
            The last good place within its length, or the first one after it; None if there is none
            before `until`, or if only more text can tell.
        """
        if self._past is None:
            cut = self._fit(text, until, limits)
            if cut is not None:
                return cut
        assert self._past is not None
        for place in range(self._past + 1, until):
            known = place + _AHEAD
            if known > len(text) and not ended:
                break
            self._past = place
            # Where a mark is about to come, the unit ends with it.
            if not _MAY_PART.match(text, place - 1) or MARK.search(text[:known], place):
                continue
            # Nothing that is read as one is longer.
            start = max(self._start, place - _LONGEST // 2)
            if any(word_breaks(text[:known], start, place, place)):
                return place
        return None

    def _fit(self, text: str, until: int, limits: _Limits) -> int | None:
        """Return the best cut within the length of a unit that has grown too long."""
        if self._pause:
            # Had enough come after the pause before the unit was full?
            for end in range(self._scan, until + 1):
                size = _grown(self._size, text[self._scan : end], limits.word)
                if size > limits.full:
                    break
                if size - self._pause[1] >= _TAIL:
                    return self._pause[0]
        early = least = most = None
        size, full = 0.0, until
        for token in _TOKEN.finditer(text, self._start):
            size = _grown(size, token.group(), limits.word)
            if most is None and size > limits.most:
                most = token.start()
            if size > limits.full:
                full = token.start() + 1
                break
            if early is None and size >= limits.early:
                early = token.end()
            if least is None and size >= limits.soft:
                least = token.end()
        assert most is not None
        self._past = most
        # A mark cuts better than a word boundary, even somewhat early.
        if marks := [e for e, size in self._marks if e <= most and size >= limits.soft / 2]:
            return marks[-1]
        best: tuple[bool, bool, int] | None = None
        for place, good in word_breaks(text[:full], self._start, early or most, most):
            best = max(best or (False, False, 0), (place >= (least or most), good, place))
        return best[2] if best else None

    def _mark_end(
        self, text: str, end: int, means: Meaning, limits: _Limits, ended: bool
    ) -> int | None:
        """Return the end of what belongs to the mark before `end`; None if it is yet to come.

        With little audio queued a cut does not wait for the next character, unless a bracket or
        a quotation that is open may close there.
        """
        opened = self._open
        eager = limits is _STARTER or (limits.eager and means == "hard")
        while not eager or opened:
            if end == len(text):
                return end if ended else None
            if "«" in opened and text[end] in " \u00a0\u202f":  # French: « Bonjour ! »
                if end + 1 == len(text):
                    return end if ended else None
                if text[end + 1] == "»":
                    end += 1
            if not quotations.closes(text[end], opened) and (eager or not is_trailer(text, end)):
                return end
            opened = quotations.after(text[end], opened)
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
        early=min(soft, longest * 2 / 3) / 2,
        most=longest,
        full=longest + 6.0,
        eager=eager,
    )


def _grown(size: float, span: str, word: float) -> float:
    """Return a length in Chinese characters with that of a span; it never shrinks with the span."""
    if span.isascii():
        words, chars = len(_ASCII_WORD.findall(span)), 0
    else:
        words, chars = len(_WORD.findall(span)), sum(map(len, _CJK_RUN.findall(span)))
    if words and ("'" in span or "’" in span):
        words -= len(_APOSTROPHE.findall(span))
    # Ten words are as long whether they were counted at once or one by one.
    return round(size + chars + word * words, 3)

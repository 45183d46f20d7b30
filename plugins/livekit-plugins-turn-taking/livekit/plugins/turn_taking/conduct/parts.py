"""A long reply, cut into parts while it is being written."""

from __future__ import annotations

import re

from livekit import blingfire

_LONG = 150
"""Letters, a Chinese character counting as three, after which a part ends with its sentence: ten
seconds of speech, for a model that was asked for paragraphs and wrote none."""

_ENDLESS = 2 * _LONG
"""Letters after which a comma will do: a small model falls into sentences that do not end."""

_LIST_NUMBER = re.compile(r"(?:^|\n)\s*\d+\.$")
"""The head of a list's item, which a sentence splitter takes for a sentence."""

_CONTEXT = 64
"""Characters before a full stop that tell what it means: enough for the words of a name."""


class Parts:
    """Says of each piece of a text to which part it belongs.

    A part ends at an empty line, with a sentence that ends after ten seconds of speech, or with a
    clause that ends after twenty.
    """

    def __init__(self) -> None:
        self._part = 0
        self._length = 0
        self._tail = ""
        """The last characters of the part, for what a full stop means."""
        self._blank = ""
        """White space that belongs to a part only if the part goes on."""

    def push(self, text: str) -> list[tuple[int, str]]:
        """Take more text.

        Returns:
            Pieces in their order, each with the number of its part, from 0. White space at the
            end is kept back until it is known whether the part goes on.
        """
        pieces: list[tuple[int, str]] = []
        for character in text:
            if character.isspace():
                self._blank += character
                continue
            if self._tail and self._ends(character):
                self._part += 1
                self._length, self._tail, self._blank = 0, "", ""
            blank = self._blank if self._tail else ""
            self._tail = (self._tail + blank + character)[-_CONTEXT:]
            self._blank = ""
            self._length += 3 if character >= "㐀" else 1
            if pieces and pieces[-1][0] == self._part:
                pieces[-1] = (self._part, pieces[-1][1] + blank + character)
            else:
                pieces.append((self._part, blank + character))
        return pieces

    def _ends(self, character: str) -> bool:
        """Whether the part has ended before this character."""
        if self._blank.count("\n") > 1:
            return True
        if self._length >= _ENDLESS and (
            self._tail[-1] in "，；" or (self._tail[-1] in ",;" and self._blank)
        ):
            return True
        return self._length >= _LONG and is_sentence_end(self._tail, self._blank + character)


def is_sentence_end(before: str, after: str) -> bool:
    """Whether a sentence ends between two pieces of text.

    Args:
        before: The text so far; its last characters are enough.
        after: What follows, white space included.
    """
    if after[:1] in "。！？!?.…”’」』\"')）":
        return False
    last = before.rstrip("”’」』\"')）")[-1:]
    if last in ("。", "！", "？"):
        return True
    if last not in ("!", "?", ".") or not after[:1].isspace() or _LIST_NUMBER.search(before):
        return False
    return last != "." or _stops(before[-_CONTEXT:], after[:_CONTEXT])


def _stops(before: str, after: str) -> bool:
    """Whether a full stop ends a sentence rather than an abbreviation ("Dr.", "p.m.")."""
    if not after.strip() or "\n" in after[: len(after) - len(after.lstrip())]:
        return True
    _, spans = blingfire.text_to_sentences_with_offsets(before + after)
    return any(end == len(before) for _, end in spans)


def left_to_say(text: str, heard: str) -> str:
    """What is left to say of a text, from the beginning of the sentence in which it was cut."""
    at = min(len(heard.rstrip()), len(text))
    if not text[at:].strip(" \n.。！？!?…"):
        return ""
    begins = [i for i in range(1, at + 1) if is_sentence_end(text[:i], text[i:])]
    return text[begins[-1] :].lstrip() if begins else text

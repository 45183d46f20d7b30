"""The words of what was heard, without regard to capitals and marks.

Chinese and Japanese characters are words of their own. A mark alone is none: it belongs to the word
before it, at the beginning to the one after it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import accumulate, takewhile

_CHARACTERS = r"\u3040-\u30ff\u3400-\u9fff"
_PIECE = re.compile(rf"\s*(?:[{_CHARACTERS}]|[^\s{_CHARACTERS}]+)")
_MARKS = re.compile(r"[\W_]")

COMPARED = 40
"""Words given out last that are aligned with what is heard; of those before, one stands for one. So
an utterance of minutes costs no more than a sentence."""


def words(text: str) -> list[str]:
    """The words of a text as they are written, each with the blanks and marks beside it.

    Together they are the text, less the blanks at its end. A text of marks alone has none.
    """
    found: list[str] = []
    front = ""
    for piece in _PIECE.findall(text):
        if bare(piece):
            found.append(front + piece)
            front = ""
        elif found:
            found[-1] += piece
        else:
            front += piece
    return found


def bare(text: str) -> str:
    """A text as it is compared: in lower case, without blanks and marks."""
    return _MARKS.sub("", text).casefold()


def period(letters: str) -> int:
    """After how many letters they come again, the last time perhaps not all; all of them if never.

    It is what is left of them without the longest end that is their beginning, too (Knuth, Morris
    and Pratt).
    """
    ends = [0]
    for letter in letters[1:]:
        same = ends[-1]
        while same and letters[same] != letter:
            same = ends[same - 1]
        ends.append(same + (letters[same] == letter))
    return len(letters) - ends[-1]


def once(text: str) -> str:
    """The words that a text begins with, up to where they come again."""
    found = words(text)
    until = accumulate(len(bare(word)) for word in found)
    least = period(bare(text))
    return "".join(found[: next((n for n, end in enumerate(until, 1) if end >= least), 0)])


def same(one: str, other: str) -> bool:
    """Whether two words differ in capitals and marks only."""
    return bare(one) == bare(other)


def following(heard: Sequence[str], given: Sequence[str]) -> Sequence[str]:
    """What of some words comes after others that they begin with, or with something like them.

    Where the beginnings differ, the one is taken for the other with as few words as possible in
    another's place, left out or put in; of equals, what keeps the last word given, then what has as
    many words.
    """
    now, then = [bare(word) for word in heard], [bare(word) for word in given]
    alike = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(now, then, strict=False)))
    sure = max(alike, len(then) - COMPARED)
    now, then = now[sure:], then[sure:]
    if not then:
        return heard[sure:]
    # Of the words given so far, the least difference from the first 0, 1, 2 … words heard.
    costs = list(range(len(now) + 1))
    for word in then:
        before, costs = costs, [costs[0] + 1]
        for n, other in enumerate(now, 1):
            in_place = before[n - 1] + (word != other)
            costs.append(min(in_place, before[n] + 1, costs[n - 1] + 1))

    def order(n: int) -> tuple[int, bool, int]:
        ends_alike = n > 0 and now[n - 1] == then[-1]
        return costs[n], not ends_alike, abs(n - len(then))

    return heard[sure + min(range(len(now) + 1), key=order) :]

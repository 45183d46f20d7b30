"""Where one word ends and the next begins, for a unit that has no mark to be cut at."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator

import rjieba

from .figures import spans
from .full_stops import breaks_off
from .graphemes import joined
from .measure import CJK
from .quotations import CLOSERS, OPENERS

_HAN = "㐀-䶿一-鿿\uf900-\ufaff\U00020000-\U000323af"
_KANA = re.compile("[ぁ-ゖァ-ヺ]")
_HANGUL = re.compile("[가-힣]")
_CJK_RUN = re.compile(f"[{CJK}々〇]+")
_CJK_CHAR = re.compile(f"[{CJK}々〇]")
# A bunsetsu ends in hiragana, and the next begins in another script, but for the honorific prefix.
_BUNSETSU = re.compile(rf"(?:(?<=[ぁ-ゖ])(?<![おご])|(?<=[ぁ-ゖ]ー))(?=[{_HAN}ァ-ヺ])")
# Behind or before these a Chinese sentence may well be taken apart.
_ENDS = frozenset("的了吗呢吧啊呀嘛们是说和与跟把被让")
_BEGINS = frozenset("我你您他她它这那但")
# Latin words touch Chinese ones without a blank; "A股" and "T恤" are words.
_LATIN_EDGE = re.compile(rf"(?<=[A-Za-z]{{3}})(?=[{_HAN}])|(?<=[{_HAN}])(?=[A-Za-z]{{3}})")
_GLUED = frozenset("°℃℉%‰€£$¥₽₩!?;:»…") | CLOSERS
# A run of letters without a blank that is longer than this is no word.
_LONGEST_WORD = 40
_LETTERS = re.compile(rf"[^\W\d_]{{{_LONGEST_WORD}}}$")


def word_breaks(text: str, start: int, first: int, last: int) -> Iterator[tuple[int, bool]]:
    """Yield the places in `first..last` where a unit that begins at `start` may be cut.

    Never within an expression that is read as one, within a Chinese word, before a closing mark,
    or between an abbreviation or a figure and the word behind it.

    Args:
        text: The text so far: a place is told by what comes before and after it.
        start: Where the unit begins.
        first: The first place, later than `start`.
        last: The last place, inside the text.

    Yields:
        Each place from the first on, and whether the sentence may well be taken apart there.
    """
    whole = spans(text[start:])
    begins = [begin + start for begin, _ in whole]
    edges = _edges(text, start, begins)
    for index in range(max(first, start + 1), min(last, len(text) - 1) + 1):
        left, right = text[index - 1], text[index]
        if left.isspace():
            if right.isspace() or not _parts(text, start, index):
                continue
            good = False
        elif index in edges:
            good = left in _ENDS or right in _BEGINS
        elif _LETTERS.search(text, max(start, index - _LONGEST_WORD), index) and not joined(
            text, index
        ):
            good = False
        else:
            continue
        span = bisect_left(begins, index) - 1
        if span < 0 or index >= whole[span][1] + start:
            yield index, good


def _edges(text: str, start: int, figures: list[int]) -> set[int]:
    """Return the edges of Chinese and Japanese words, and those that they have with others."""
    found = {match.start() for match in _LATIN_EDGE.finditer(text, start)}
    found.update(i for i in figures if i > start and _CJK_CHAR.match(text[i - 1]))
    # A shop's の makes no Chinese sentence Japanese.
    japanese = len(_KANA.findall(text, start)) * 6 > len(text) - start
    for run in _CJK_RUN.finditer(text, start):
        if japanese:
            inner = [match.start() for match in _BUNSETSU.finditer(text, run.start(), run.end())]
        else:
            inner, end = [], run.start()
            for word in rjieba.cut(run.group()):
                end += len(word)
                inner.append(end)
            del inner[-1]
        # "3个月": what stands behind a figure belongs to it.
        figure = run.start() > start and text[run.start() - 1].isdigit()
        found.update(i for i in inner if not (figure and i == run.start() + 1))
    # Korean has blanks between its words.
    return {i for i in found if not (_HANGUL.match(text[i - 1]) and _HANGUL.match(text[i]))}


def _parts(text: str, start: int, index: int) -> bool:
    """Whether the blank before a place may become a cut."""
    right = text[index]
    if right in _GLUED:
        return False
    end = index
    while end > start and text[end - 1].isspace():
        end -= 1
    if end == start:
        return False
    left = text[end - 1]
    if left == "&" or (left in OPENERS and left != "“"):  # which closes a German quotation
        return False
    if left.isdigit():
        # Two figures side by side may be one: their pattern knows.
        return right.isdigit() or not (right.isalnum() or right in OPENERS)
    return not (left == "." and breaks_off(text, start, end - 1))

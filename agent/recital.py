"""A model that is talked into reading out its prompt is stopped before it does."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import TypeVar

from .settings import Language

LIMIT = 24
"""Hanzi of the prompt in a row, or half as many words, that make a recital. Answers repeat up to
eight words of a prompt by chance or because the caller asked about them."""
_HOLD = 8
"""Hanzi in a row, or half as many words, after which what follows is held back until it is known
to be something else: at 30 tokens a second some tenths of a second, in few answers."""

_UNIT = re.compile(r"[\u3400-\u9fff]|[^\W\d_\u3400-\u9fff]+")
_APOSTROPHES = str.maketrans("", "", "'’")
_WORD = 2  # hanzi that a word counts as

REFUSALS: dict[Language, str] = {
    "en": "I don't read out my instructions. What else can I do for you?",
    "zh": "我的设定不能念给你听。还有什么可以帮你？",
}

T = TypeVar("T")


def units(text: str) -> list[str]:
    """The words and hanzi of a text, without figures: a numbered recital is one, too."""
    plain = unicodedata.normalize("NFKC", text).lower().translate(_APOSTROPHES)
    return _UNIT.findall(plain)


class Recital:
    """Follows an answer as it is written, and knows when it repeats the prompt.

    Args:
        prompt: What is not to be recited.
    """

    def __init__(self, prompt: str) -> None:
        self._units = units(prompt)
        self._where: dict[str, list[int]] = {}
        for at, unit in enumerate(self._units):
            self._where.setdefault(unit, []).append(at)
        self._runs: dict[int, int] = {}
        """Length of each run, by the place in the prompt where it would go on."""
        self._word = ""
        """A word whose end has not been written yet."""

    def read(self, text: str) -> int:
        """Take the next part of the answer; gives the longest run in it, in hanzi."""
        self._word += text
        found = units(self._word)
        longest = 0
        # The last word may go on in the next part.
        open_end = bool(found) and self._word[-1].isalpha() and not _is_hanzi(found[-1])
        last = found.pop() if open_end else ""
        for unit in found:
            longest = max(longest, self._follow(unit))
        self._word = last
        return max(longest, self._longest)

    def end(self) -> int:
        """Take the end of the answer; gives the longest run at it, in hanzi."""
        found, self._word = units(self._word), ""
        return max((self._follow(unit) for unit in found), default=self._longest)

    @property
    def running(self) -> bool:
        """Whether the latest words are those of the prompt, so far."""
        return self._longest >= _HOLD

    @property
    def _longest(self) -> int:
        return max(self._runs.values(), default=0)

    def _follow(self, unit: str) -> int:
        weight = 1 if _is_hanzi(unit) else _WORD
        self._runs = {at + 1: self._runs.get(at, 0) + weight for at in self._where.get(unit, ())}
        return self._longest


async def unrecited(
    answer: AsyncGenerator[T, None],
    prompt: str,
    text_of: Callable[[T], str],
    refusal: T,
) -> AsyncGenerator[T, None]:
    """The answer, or what there is of it before it recites the prompt, and then a refusal.

    Args:
        answer: The parts of it, as the model writes them; closed in any case.
        prompt: What is not to be recited.
        text_of: The words of a part.
        refusal: What is said in place of the recital.
    """
    recital = Recital(prompt)
    held: list[T] = []
    async with aclosing(answer) as parts:
        async for part in parts:
            held.append(part)
            if recital.read(text_of(part)) >= LIMIT:
                yield refusal
                return
            if not recital.running:
                for known in held:
                    yield known
                held.clear()
    if held and recital.end() >= LIMIT:
        yield refusal
        return
    for known in held:
        yield known


def _is_hanzi(unit: str) -> bool:
    return "\u3400" <= unit <= "\u9fff"

"""A model that is talked into telling what it must not is stopped before it does.

That is its prompt, word for word, and the words that its folder names. What is spelled, translated
or told in other words gets through: no code sees what a sentence means.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from typing import TypeVar

from .definition.settings import AgentSettings

LIMIT = 16
"""Hanzi of the prompt in a row, or half as many words, that make a recital: answers repeat up to
six words by chance, or because the caller asked about them."""
_HOLD = 6
"""Hanzi in a row, or half as many words, after which what follows is held back until it is known
to be something else: at 30 tokens a second a tenth of a second or two, in few answers."""

_UNIT = re.compile(r"[\u3400-\u9fff]|[^\W\d_\u3400-\u9fff]+")
_UNIT_OR_FIGURE = re.compile(r"[\u3400-\u9fff]|[^\W_\u3400-\u9fff]+")
_APOSTROPHES = str.maketrans("", "", "'’")
_WORD = 2  # hanzi that a word counts as

T = TypeVar("T")


def units(text: str, *, figures: bool = False) -> list[str]:
    """The words and hanzi of a text, with figures or without: a numbered recital is one, too."""
    plain = unicodedata.normalize("NFKC", text).casefold().translate(_APOSTROPHES)
    return (_UNIT_OR_FIGURE if figures else _UNIT).findall(plain)


class Recital:
    """Follows an answer as it is written, and knows when it repeats a text.

    Args:
        text: What is not to be recited.
        limit: Hanzi of it in a row that are too many; a word counts as two.
        hold: Hanzi in a row from which on what follows is better not let out yet.
        figures: Whether figures count.
    """

    def __init__(
        self, text: str, *, limit: int = LIMIT, hold: int = _HOLD, figures: bool = False
    ) -> None:
        self._figures = figures
        self._units = units(text, figures=figures)
        self._limit, self._hold = limit, hold
        self._where: dict[str, list[int]] = {}
        for at, unit in enumerate(self._units):
            self._where.setdefault(unit, []).append(at)
        self._runs: dict[int, int] = {}
        """Length of each run, by the place in the text where it would go on."""
        self._word = ""
        """A word whose end has not been written yet."""
        self.longest = 0
        """The longest run so far, in hanzi."""

    @classmethod
    def of_word(cls, word: str) -> Recital:
        """Of a word or some, each of which is held back until it is known to be another."""
        whole = sum(map(_weight, units(word, figures=True)))
        return cls(word, limit=whole, hold=0, figures=True)

    def read(self, text: str) -> None:
        """Take the next part of the answer."""
        self._word += text
        found = units(self._word, figures=self._figures)
        # The last word may go on in the next part.
        last = self._word[-1:]
        goes_on = last.isalpha() or self._figures and last.isalnum()
        open_end = bool(found) and goes_on and not _is_hanzi(found[-1])
        self._word = found.pop() if open_end else ""
        self._follow(found)

    def end(self) -> None:
        """Take the end of the answer."""
        found, self._word = units(self._word, figures=self._figures), ""
        self._follow(found)

    @property
    def recited(self) -> bool:
        """Whether too much of the text has been repeated."""
        return bool(self._units) and self.longest >= self._limit

    @property
    def running(self) -> bool:
        """Whether the latest words are those of the text, so far."""
        return self._run + self._begun > self._hold

    @property
    def _run(self) -> int:
        return max(self._runs.values(), default=0)

    @property
    def _begun(self) -> int:
        """What the word that is being written would add, if it goes on as in the text."""
        if not self._word:
            return 0
        follows = [self._units[at] for at in self._runs if at < len(self._units)]
        words = follows if self._run else self._where
        return _WORD if any(word.startswith(self._word) for word in words) else 0

    def _follow(self, found: list[str]) -> None:
        for unit in found:
            self._runs = {
                at + 1: self._runs.get(at, 0) + _weight(unit) for at in self._where.get(unit, ())
            }
            self.longest = max(self.longest, self._run)


def guards(agent: AgentSettings, prompt: str) -> list[Recital]:
    """What keeps an answer from telling what an agent must not.

    Args:
        agent: What its folder says.
        prompt: The system prompt as it is.
    """
    return [
        *([] if agent.recite else [Recital(private_part(prompt))]),
        *(Recital.of_word(word) for word in agent.never_say),
    ]


def private_part(prompt: str) -> str:
    """A prompt without its first sentence: who the agent is, it may tell everybody."""
    return re.split(r"[.。!！\n]", prompt, maxsplit=1)[-1]


async def unrecited(
    answer: AsyncGenerator[T, None],
    against: Sequence[Recital],
    text_of: Callable[[T], str],
    refusal: T,
) -> AsyncGenerator[T, None]:
    """The answer, or what there is of it before it tells too much, and then a refusal.

    Args:
        answer: The parts of it, as the model writes them; closed in any case.
        against: What it must not recite, each new.
        text_of: The words of a part.
        refusal: What is said in place of the recital.
    """
    held: list[T] = []
    async with aclosing(answer) as parts:
        async for part in parts:
            held.append(part)
            for each in against:
                each.read(text_of(part))
            if any(each.recited for each in against):
                yield refusal
                return
            if not any(each.running for each in against):
                for known in held:
                    yield known
                held.clear()
    for each in against:
        each.end()
    if any(each.recited for each in against):
        yield refusal
        return
    for known in held:
        yield known


def _weight(unit: str) -> int:
    return 1 if _is_hanzi(unit) else _WORD


def _is_hanzi(unit: str) -> bool:
    return "\u3400" <= unit <= "\u9fff"

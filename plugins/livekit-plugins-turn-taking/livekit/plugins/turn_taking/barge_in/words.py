"""Words that tell what somebody means who speaks while the agent does.

What is recognised is compared after taking away case, punctuation and the difference between
writing systems, so that "Uh-huh." and "uh huh", 對 and 对 are one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher
from functools import cache

from ..languages import words
from ..languages.tags import read_together

# Traditional characters and simplified ones, and the letter that Russians seldom write.
_SAME = str.maketrans(
    "對嗎這樣來說夠閉靜會兒當實錯懂訴聽請著們個時還麼誒氣ё",
    "对吗这样来说够闭静会儿当实错懂诉听请着们个时还么诶气е",
)
# Chinese and Japanese are written without blanks.
_UNSPACED = "㐀-鿿ぁ-ゖァ-ヺー"
_TOKEN = re.compile(rf"[{_UNSPACED}]|[^\W_{_UNSPACED}]+(?:'[^\W_{_UNSPACED}]+)*")

_NEWEST = 6
"""Words that are looked for; earlier ones may be from before what is known of the agent's."""
_MOST = 0.6
"""Share of them in one piece: a recogniser misses a word of an echo, and makes two of one."""


def tokens(text: str) -> tuple[str, ...]:
    """Return the words of a text, without case or punctuation.

    In Chinese and Japanese each character is one.
    """
    plain = text.lower().replace("’", "'").translate(_SAME)
    return tuple(_TOKEN.findall(plain))


class _Phrases:
    """A set of phrases, as they are compared."""

    def __init__(self, texts: Iterable[str]) -> None:
        self.all = frozenset(tokens(text) for text in texts)
        self._longest = max(map(len, self.all), default=0)

    def at_front(self, said: Sequence[str]) -> int:
        """How many words the longest one at the front of some words has; 0 if there is none."""
        most = min(self._longest, len(said))
        return next((n for n in range(most, 0, -1) if tuple(said[:n]) in self.all), 0)

    def taken_from(self, said: Sequence[str]) -> tuple[str, ...]:
        """What remains of some words when phrases are taken from the front, the longest first."""
        left = tuple(said)
        while taken := self.at_front(left):
            left = left[taken:]
        return left


class _Lists:
    """What is listened for in some languages."""

    def __init__(self, languages: tuple[str, ...]) -> None:
        read = [words(language).overlap for language in languages]
        self.backchannels = _Phrases(text for each in read for text in each.backchannels)
        self.stops = _Phrases(text for each in read for text in each.stops)
        self.openers = _Phrases(text for each in read for text in each.openers)
        ends = [words(language).ends for language in languages]
        self.complete = _Phrases(text for each in ends for text in each.complete)
        self.prefaces = _Phrases(text for each in ends for text in each.prefaces)
        self.beginnings = frozenset(
            phrase[:n] for phrase in self.backchannels.all for n in range(1, len(phrase))
        ) - frozenset(tokens(text) for each in read for text in each.no_beginnings)
        """What a backchannel of more words may begin with."""

    def from_stop(self, said: Sequence[str]) -> tuple[str, ...]:
        """What remains of some words from the first one that stops, or that leads to none."""
        left = tuple(said)
        while not self.stops.at_front(left):
            taken = self.openers.at_front(left) or self.backchannels.at_front(left)
            if not taken:
                break
            left = left[taken:]
        return left


_read = cache(_Lists)


def is_backchannel(said: Sequence[str], language: str = "") -> bool:
    """Whether words show attention and nothing more; no words do not.

    Args:
        said: The words.
        language: Their language, if the recogniser knows it; see :func:`.read_together`.
    """
    return bool(said) and not _lists(said, language).backchannels.taken_from(said)


def may_become_backchannel(said: Sequence[str], language: str = "") -> bool:
    """Whether words are a backchannel as far as they go, the last one perhaps unfinished.

    "I" may become "I see", 是 is one already; "I want" can become none.
    """
    lists = _lists(said, language)
    left = lists.backchannels.taken_from(said)
    return bool(said) and (not left or left in lists.beginnings)


def has_stop_word(said: Sequence[str], language: str = "") -> bool:
    """Whether words tell the agent to stop, after others that only lead there."""
    lists = _lists(said, language)
    return bool(lists.stops.at_front(lists.from_stop(said)))


def is_preface(said: Sequence[str], language: str = "") -> bool:
    """Whether words only greet, thank or excuse, or only tell the agent to stop.

    What answers a question, as a refusal that is one of these too, is none.
    """
    lists = _lists(said, language)
    if not said or tuple(said) in lists.complete.all:
        return False
    if not lists.prefaces.taken_from(said):
        return True
    stopping = lists.from_stop(said)
    return bool(stopping) and not lists.stops.taken_from(stopping)


def is_among(said: Sequence[str], spoken: Sequence[str]) -> bool:
    """Whether the newest words are the agent's: most of them in one piece of what it speaks."""
    newest = said[-_NEWEST:]
    match = SequenceMatcher(None, newest, spoken, autojunk=False).find_longest_match()
    return bool(newest) and match.size >= _MOST * len(newest)


def is_phrase(said: Sequence[str]) -> bool:
    """Whether words are more than an answer repeats: three, or five Chinese characters.

    A word of Japanese is three or four kana.
    """
    return sum(_share(word) for word in said) > 2


def _lists(said: Sequence[str], language: str) -> _Lists:
    return _read(read_together(language, " ".join(said)))


def _share(token: str) -> float:
    """What a token is of a word."""
    if len(token) > 1:
        return 1.0
    return 0.5 if "㐀" <= token <= "鿿" else 0.3 if "ぁ" <= token <= "ー" else 1.0

"""Words that tell what somebody means who speaks while the agent does."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher
from functools import cache

from ..languages import words
from ..languages.phrases import Phrases, tokens
from ..languages.tags import read_together

_NEWEST = 6
"""Words that are looked for; earlier ones may be from before what is known of the agent's."""
_MOST = 0.6
"""Share of them in one piece: a recogniser misses a word of an echo, and makes two of one."""


class _Lists:
    """What is listened for in some languages."""

    def __init__(self, languages: tuple[str, ...]) -> None:
        read = [words(language).overlap for language in languages]
        self.backchannels = Phrases(text for each in read for text in each.backchannels)
        self.stops = Phrases(text for each in read for text in each.stops)
        self.openers = Phrases(text for each in read for text in each.openers)
        self.beginnings = frozenset(
            phrase[:n] for phrase in self.backchannels.all for n in range(1, len(phrase))
        ) - frozenset(tokens(text) for each in read for text in each.no_beginnings)
        """What a backchannel of more words may begin with."""


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
    left = tuple(said)
    while True:
        if lists.stops.at_front(left):
            return True
        taken = lists.openers.at_front(left) or lists.backchannels.at_front(left)
        if not taken:
            return False
        left = left[taken:]


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

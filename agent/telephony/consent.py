"""A yes before anything that has effects. The code asks, and the code hears the yes."""

from __future__ import annotations

import re
from functools import cache

from livekit.plugins.qwen3_tts.normalizer import normalize

from ..languages import Language, any_of, heard_with, words
from .keys import Keys
from .question import Question


def meant(said: str, language: Language = "en", asked: str = "") -> bool | None:
    """Whether words mean yes (True) or no (False); None if they mean neither.

    A no wins over a yes, and so does a question or a condition: who asks what it costs has not
    agreed. "No problem" and the like is said with either, and is neither. Nor has agreed who says
    more with it than goes with a yes ("okay, goodbye"): asked again, they lose a moment. What they
    were asked may be said again with it ("yes, Wednesday at eleven").

    Args:
        said: What the caller has said, as it was recognised.
        language: Their language.
        asked: The question.
    """
    answers = _read(heard_with(language))
    said = answers.passing.sub(" ", said.replace("\u2019", "'"))
    doubtful = _ASKED.search(said) or answers.doubt.search(said)
    if answers.no.search(answers.doubt.sub(" ", said)):  # "I don't know" is not a no
        return False
    if doubtful or not answers.yes.search(said):
        return None
    more = answers.along.sub(" ", answers.yes.sub(" ", said))
    known = {word.casefold() for word in _WORDS.findall(asked)}
    return True if {word.casefold() for word in _WORDS.findall(more)} <= known else None


_ASKED = re.compile("[?？¿]")
_WORDS = re.compile(r"[\u4e00-\u9fff]|[^\W_\u4e00-\u9fff]+")
"""Words; of Chinese, characters."""


class _Answers:
    """What means yes or no in some languages."""

    def __init__(self, languages: tuple[Language, ...]) -> None:
        own = [words(language).answers for language in languages]
        self.passing = any_of(text for each in own for text in each.passing)
        self.doubt = any_of(text for each in own for text in each.doubt)
        self.no = any_of(text for each in own for text in each.no)
        self.yes = any_of(text for each in own for text in each.yes)
        self.along = any_of(text for each in own for text in each.along)


_read = cache(_Answers)


class Consent(Question[bool]):
    """Asks for a yes; 1 on the keys is one too, and any other key is a no.

    Nobody agrees to what they have not heard: the question cannot be talked over.

    Args:
        question: What will be done, as a question.
        language: Language of the caller.
        keys: Tells of the keys that are pressed; None for somebody who has none.
        answer_timeout: Longest silence before it is asked again, in seconds.
    """

    def __init__(
        self, question: str, *, language: Language, keys: Keys | None, answer_timeout: float
    ) -> None:
        own = words(language).answers
        # As it is written and as it is said: 11:00, eleven o'clock.
        self._question = f"{question} {normalize(question, language)}"
        super().__init__(
            ask=f"{question} {own.yes_hint}" if keys else question,
            again=own.yes_again if keys else own.yes_again_in_words,
            keys=keys,
            answer_timeout=answer_timeout,
            heard_out=True,
        )
        self._language = language

    def pressed(self, key: str) -> bool:
        """Whether the key means yes: 1 does, any other means no."""
        return key == "1"

    def said(self, words: str) -> bool | None:
        """Yes, no, or neither."""
        return meant(words, self._language, self._question)

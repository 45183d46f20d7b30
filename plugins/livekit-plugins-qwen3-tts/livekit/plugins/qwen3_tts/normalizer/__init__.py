r"""Turns the written form of a reply into what a person would say.

Only what is sent to the engine is normalised; captions and history keep the written form.

A reply reaches the engine in units, so the reply-long state (an open code fence, an open stage
direction, the language last spoken) lives in one `Normalizer` per reply::

    normalizer = Normalizer(language="zh")
    normalizer.unit("它卖 $12.50，")   # '它卖十二点五美元，'
    normalizer.unit("```python\n")    # '': silence, nothing to synthesise

There is no push and flush: a unit is one synthesis request, so each must be whole when it leaves.
Units should keep their newlines: headings, lists and tables are read by line.
"""

from __future__ import annotations

from . import english_rules, mandarin_rules
from .language import split_by_language
from .markup import Markup, is_plain, tidy

__all__ = ["Normalizer", "normalize", "prewarm"]

_SPEAK = {"zh": mandarin_rules.speak, "en": english_rules.speak}


class Normalizer:
    """The normaliser of one reply, given its units in order.

    Args:
        language: BCP-47 primary tag for text that has no letters of its own ("3.5"). Where there
            are letters, they decide: a number in a Chinese sentence is read in Chinese. With a tag
            other than "zh" and "en", figures are left to the engine, which knows that language;
            markup is taken out all the same.
    """

    def __init__(self, language: str | None = None) -> None:
        self._language = language
        self._figures_to_engine = language is not None and language not in _SPEAK
        self._markup = Markup()

    def unit(self, text: str) -> str:
        """Returns what the engine should say for the next unit; "" means silence."""
        if self._figures_to_engine:
            return tidy(self._markup.strip(text))
        if self._markup.closed and is_plain(text):
            spoken = text.strip()
            for _, language in split_by_language(spoken, self._language):
                self._language = language
            return spoken if any(char.isalnum() for char in spoken) else ""
        said = []
        for chunk, language in split_by_language(self._markup.strip(text), self._language):
            self._language = language
            said.append(_SPEAK[language or "en"](chunk))
        return tidy("".join(said))


def normalize(text: str, language: str | None = None) -> str:
    """Returns the spoken form of a whole text; see `Normalizer` for the arguments."""
    return Normalizer(language).unit(text)


def prewarm() -> None:
    """Loads the number and emoji libraries (about half a second) ahead of the first reply."""
    normalize("共 2.5 个苹果。It costs $12.50 on the 3rd. 😀")

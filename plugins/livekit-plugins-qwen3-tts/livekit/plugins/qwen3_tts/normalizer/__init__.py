r"""Turns the written form of a reply into what a person would say.

Only what is sent to the engine is normalised; captions and history keep the written form.

A reply reaches the engine in units, and what was written before a unit tells how it is read: a
fence of code may be open, "1950" behind "in" is a year, a clause without words is in the language
of the last. One `Normalizer` reads the units of one reply::

    normalizer = Normalizer(language="zh")
    normalizer.unit("它卖 $12.50，")   # '它卖十二点五美元，'
    normalizer.unit("```python\n")    # '': silence, nothing to synthesise

The grammars are a library's (`library`); ours is what it cannot know: what is no speech
(`markup`), which language a stretch is in (`language`), and the few readings in which it is wrong
or unlike a person on the telephone (`english`, `mandarin`, `japanese`).

Units should keep their newlines: headings, lists and tables are read by line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from . import english, japanese, mandarin
from .fences import outside_fences
from .folding import clean
from .language import Tongue
from .markup import is_plain, strip
from .tidying import tidy

__all__ = ["Normalizer", "normalize", "prewarm"]

# Nothing is said by the ninth of a run, and a model that is stuck writes thousands.
_RUN = re.compile(r"([\W_])\1{8,}")
_LONGEST_RUN = 8
# The rules see no more than this at once. It makes the time of any text linear in its length,
# whatever the rules are: a rule that looks on from each of n characters costs n² of a piece only.
_LONGEST_PIECE = 400
# Characters of a piece that the library is asked about: all of a unit's (60 characters of Chinese,
# 25 words), but not all of 400 full of figures, which would hold the event loop for 30 ms.
_LONGEST_UNIT = 200
_ASKED = 160
_ASKED_OF_LONG = 60
# How far back a unit's beginning is told from: a tag with its attributes.
_REACH = 320

_SPEAK = {"zh": mandarin.speak, "en": english.speak, "ja": japanese.speak}


class Normalizer:
    """The normaliser of one reply.

    Args:
        language: BCP-47 primary tag of the voice's language. It decides where the text leaves a
            choice ("3.5"; "会議" in a Japanese reply); where the text's own words are of another
            language they decide. Figures are read out in Chinese, English and Japanese; in the
            other languages they go to the engine as they stand, with their signs.
    """

    def __init__(self, language: str | None = None) -> None:
        self._language = language
        self._written = ""

    def unit(self, text: str, before: str | None = None) -> str:
        """Returns what the engine should say for a unit; "" means silence.

        Args:
            text: The unit as it was written.
            before: All that was written before it in the reply, so that units may be asked for in
                any order, the rest of one that broke off among them; None: the units that were
                asked for so far.
        """
        if before is None:
            before = self._written
        self._written = before + text
        heard = outside_fences(clean(text), before)
        said = []
        for piece in _pieces(heard):
            said.append(self._piece(piece, before[-_REACH:]))
            before = before[-_REACH:] + piece
        return " ".join(part for part in said if part)

    def _piece(self, text: str, before: str) -> str:
        tongue = Tongue(self._language, before)
        if is_plain(text, before):
            spoken = text.strip()
            return spoken if any(char.isalnum() for char in spoken) else ""
        said, for_engine = [], True
        chunks = list(tongue.split(strip(text, before)))
        # The blank parts a figure from the comma before it: ",-5" would be no figure.
        if text[:1].isspace() and not before[-1:].isspace():
            before += text[0]
        most = _ASKED if len(text) <= _LONGEST_UNIT else _ASKED_OF_LONG // len(chunks or "-")
        for chunk, language in chunks:
            speak = _SPEAK.get(language or "en")
            said.append(speak(chunk, before[-40:], most) if speak else chunk)
            for_engine = for_engine and speak is None
            before += chunk
        return tidy("".join(said), for_engine=for_engine)


def _pieces(text: str) -> Iterator[str]:
    """Yields a text in pieces of bounded length, cut at its blanks and marks where it has any."""
    text = _RUN.sub(lambda run: run[1] * _LONGEST_RUN, text)
    start = 0
    while len(text) - start > _LONGEST_PIECE:
        places = range(start + _LONGEST_PIECE, start + _LONGEST_PIECE // 2, -1)
        cut = next((i for i in places if text[i - 1] in " \n。，！？"), start + _LONGEST_PIECE)
        yield text[start:cut]
        start = cut
    yield text[start:]


def normalize(text: str, language: str | None = None) -> str:
    """Returns the spoken form of a whole text; see `Normalizer` for the arguments."""
    return Normalizer(language).unit(text)


def prewarm() -> None:
    """Loads the grammars (about half a second) ahead of the first reply."""
    for text in (
        "共 2.5 个苹果，一共 31 人。It costs $12.50 on the 3rd, flight 17.",
        "会議は3月5日です。",
    ):
        normalize(text)

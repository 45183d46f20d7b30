"""Which language a text is in, where nobody says."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

from livekit.agents import llm

from . import LANGUAGES, Language, language_named, nearest

_SCRIPTS: tuple[tuple[Language, re.Pattern[str]], ...] = (
    ("ja", re.compile("[ぁ-ゖァ-ヺ]")),
    ("ko", re.compile("[가-힣]")),
    ("ru", re.compile("[а-яё]", re.IGNORECASE)),
    ("zh", re.compile("[㐀-鿿]")),
)


_FOREIGN = re.compile("[㐀-鿿ぁ-ゖァ-ヺ가-힣а-яё]", re.IGNORECASE)

_SYLLABIC = 2
"""Latin letters that a Chinese character, a kana or a Korean syllable counts as."""


def language_by_script(text: str, share: float = 0.3) -> Language | None:
    """The language that only its own letters tell; None if those are Latin, or there are none.

    Args:
        text: What was said.
        share: More than this of the letters have to be its own: a name in a German sentence makes
            no Chinese of it. The usual is for where nothing else is known: who speaks Chinese uses
            English words, and hardly the other way round.
    """
    foreign = [len(c.encode()) for c in _FOREIGN.findall(text)]
    # Three bytes of UTF-8 have those that are syllables, two the Cyrillic letters.
    own = sum(_SYLLABIC if size > 2 else 1 for size in foreign)
    rest = sum(c.isalpha() for c in text) - len(foreign)
    if own <= share * (own + rest):
        return None
    return next((language for language, script in _SCRIPTS if script.search(text)), None)


def language_of(text: str) -> Language:
    """The language of a text; English if nothing tells."""
    if language := language_by_script(text):
        return language
    # The page, which watches over calls too, has no need of a voice.
    from livekit.plugins.qwen3_tts.normalizer.language import latin_language

    return language_named(latin_language(text)) or "en"


def switched(
    chosen: Language, messages: Iterable[llm.ChatMessage], voiced: Collection[Language] = LANGUAGES
) -> Language:
    """The language that was chosen, or that of the user's last words if those are plainly another.

    Plain is what is written, for the most part, in letters that a language with Latin ones does
    not have: a Chinese question on an English page. A Chinese name in it is none, nor is a word of
    English in Chinese.

    Args:
        chosen: The language of the page, or of the line.
        messages: What was said.
        voiced: The languages that can be answered in.
    """
    if chosen in {language for language, _ in _SCRIPTS}:
        return chosen
    said = [m.text_content or "" for m in messages if m.role == "user"]
    told = language_by_script(said[-1], share=0.5) if said else None
    return told if told and told in voiced else chosen


def language_of_user(
    messages: Iterable[llm.ChatMessage], voiced: Collection[Language] = LANGUAGES
) -> Language:
    """The language of what the user said last; English if they have said nothing.

    Args:
        messages: What was said.
        voiced: The languages that can be answered in.
    """
    said = [m.text_content or "" for m in messages if m.role == "user"]
    language = language_of(said[-1]) if said else "en"
    return nearest(language, voiced)

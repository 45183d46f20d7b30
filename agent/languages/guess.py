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


def language_by_script(text: str) -> Language | None:
    """The language that only its own letters tell; None if those are Latin, or there are none."""
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

    Plain is what is written in letters that a language with Latin ones does not have: a Chinese
    question on an English page. A word of English in Chinese is none.

    Args:
        chosen: The language of the page, or of the line.
        messages: What was said.
        voiced: The languages that can be answered in.
    """
    if chosen in {language for language, _ in _SCRIPTS}:
        return chosen
    said = [m.text_content or "" for m in messages if m.role == "user"]
    told = language_by_script(said[-1]) if said else None
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

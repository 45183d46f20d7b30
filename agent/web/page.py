"""The page as it is served: with the languages that there are, and what is spoken in each."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping
from pathlib import Path

from agent.languages import FOLDER, LANGUAGES, Language, words

_TAGS: Mapping[Language, str] = {"zh": "zh-Hans"}
"""Tags of the writing; of the others the language's own."""


def words_of_page(language: Language) -> Path:
    """The file of a language's words on the page."""
    return FOLDER / language / "page.json"


def render(template: str, spoken: Mapping[Language, Language], name: str) -> str:
    """The page.

    Args:
        template: ``index.html``, with marks where the languages go.
        spoken: In which language Parley speaks with whoever has chosen one.
        name: What the usual agent is called.
    """
    options = "".join(
        f'<option value="{each}" lang="{_TAGS.get(each, each)}" data-spoken="{spoken[each]}">'
        f"{html.escape(words(each).name)}</option>"
        for each in LANGUAGES
    )
    without_script = " · ".join(
        html.escape(json.loads(words_of_page(each).read_text(encoding="utf-8"))["needsScript"])
        for each in LANGUAGES
    )
    marks = {
        "<!-- languages -->": options,
        "<!-- needsScript -->": without_script.replace("{agent}", html.escape(name)),
        "<!-- name -->": html.escape(name),
    }
    for mark, shown in marks.items():
        template = template.replace(mark, shown)
    return template
